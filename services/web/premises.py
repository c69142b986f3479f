"""What the role `web` works with, and what every request of it is about."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from services.access.wiring import Access
from services.application.feed.tails import Tails
from services.application.installation import Installation
from services.application.present import Present
from services.application.widget.opening import WidgetDoor
from services.shared.proxies import forwarded_for, is_within
from services.shared.wall_clock import utc_now
from services.web.rates import Rates
from services.web.settings import WebSettings
from services.web.streams import Streams


@dataclass(frozen=True, kw_only=True)
class Premises:
    """The installation as it is served.

    Attributes:
        access: Who may.
        now: The wall clock.
        stop: Set when the role ends: streams end then, so that nothing waits for them.
        streams: Those that are open.
        present: The accounts as they are now.
        tails: The ends of their logs, for those who follow them.
    """

    installation: Installation
    settings: WebSettings
    access: Access
    now: Callable[[], datetime] = utc_now
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    streams: Streams = field(default_factory=Streams)
    present: Present = field(init=False)
    tails: Tails = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no account in memory."""
        object.__setattr__(self, "present", Present.of(self.installation.events))
        object.__setattr__(self, "tails", Tails(self.installation))

    @cached_property
    def widget_door(self) -> WidgetDoor:
        """Lets people of accounts work in the widget."""
        return WidgetDoor(self.installation, self.access.widget)

    @cached_property
    def rates(self) -> Rates:
        """Who has asked how often lately."""
        return Rates(kept_max=self.settings.rates_kept_max)

    @property
    def is_https(self) -> bool:
        """Whether people reach it over TLS."""
        return (self.access.settings.address or "").startswith("https://")

    def whence(self, request: HTTPConnection) -> str:
        """The address that a request is from: the peer's, or what our own proxy says (S30)."""
        peer = "" if request.client is None else request.client.host
        proxies = self.settings.http.trusted_proxies
        if not is_within(peer, proxies):
            return peer
        return forwarded_for(request.headers.raw, proxies) or peer


def premises_of(connection: HTTPConnection) -> Premises:
    """Where a request is."""
    found: Premises = connection.app.state.premises
    return found


PremisesOf = Annotated[Premises, Depends(premises_of)]
