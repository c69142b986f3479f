"""What the harness of an account is set to: which widget it shows, and how its loader behaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from services.sandbox.crm import Crm
from services.sandbox.harness.archive import NoArchive, WidgetArchive, opened
from services.sandbox.oauth import Integration
from services.sandbox.orders import ControlProblem, Order

CODE = "fairlead"
LoaderKnob = Literal["thenable", "exception", "init_once", "fresh_token"]


class HarnessOrder(Order):
    """The widget to show.

    Attributes:
        archive: Path of the zip.
        code: The widget's.
        client_id: Of its integration.
        routes: Origin to the one that is asked instead: names that only a browser resolves.
    """

    archive: Path
    code: str = CODE
    client_id: str
    routes: dict[str, str] = Field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Look:
    """How somebody sees Kommo.

    Attributes:
        knobs: What their loader does otherwise: `render` answers later, or throws; the widget is
            one for the whole session; every one-time token is a new one.
        marker: Which of the nestings of a trigger's marker is drawn.
    """

    user_id: int
    theme: Literal["light", "dark"] = "light"
    language: str = "en"
    knobs: tuple[LoaderKnob, ...] = ()
    marker: Literal["above", "around", "inside"] = "above"


@dataclass(slots=True, kw_only=True)
class Harness:
    """The harness of one account.

    Attributes:
        looks: Those who are signed in, by the token that their cookie holds.
        tokens: The last one-time token of each user, and until when it is given again.
    """

    crm: Crm
    archive: WidgetArchive | None = None
    code: str = CODE
    client_id: str = ""
    routes: Mapping[str, str] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict, repr=False)
    tokens: dict[int, tuple[str, int]] = field(default_factory=dict, repr=False)

    def show(self, order: HarnessOrder) -> None:
        """Show another widget.

        Raises:
            ControlProblem: There is no such archive.
        """
        try:
            self.archive = opened(order.archive)
        except NoArchive as error:
            raise ControlProblem(str(error)) from error
        self.code, self.client_id, self.routes = order.code, order.client_id, order.routes

    @property
    def widget(self) -> WidgetArchive:
        """The archive.

        Raises:
            ControlProblem: None is shown yet.
        """
        if self.archive is None:
            raise ControlProblem("no widget is shown: PUT /sandbox/harness names its archive")
        return self.archive

    @property
    def integration(self) -> Integration | None:
        """The one that the widget belongs to."""
        return self.crm.oauth.integrations.get(self.client_id)

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """Those that it was installed with; None while it is not."""
        known = self.crm.account.widgets.get(self.code)
        return None if known is None else known.settings

    @property
    def server(self) -> str:
        """The origin of the widget's own server, which its manifest tells."""
        parts = urlsplit(self.widget.manifest["dp"]["webhook_url"])
        return f"{parts.scheme}://{parts.netloc}"

    def destination(self) -> str:
        """Where its triggers are sent, as this machine reaches it."""
        url: str = self.widget.manifest["dp"]["webhook_url"]
        return url.replace(self.server, self.routes.get(self.server, self.server), 1)
