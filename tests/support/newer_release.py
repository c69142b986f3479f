"""The next release of the allocator, as others see it: it stores an event they do not know.

    python -m tests.support.newer_release DSN TOPIC

Each decision is followed by a `lead.starred`. Everything else is the present code, so what an
older release makes of the newer one's events is what the present code makes of them (F80).
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from contracts.events import LeadAssigned
from contracts.inbound import Inbound
from domain.decide import decide
from domain.evolve import evolve
from domain.state import Account
from services.allocator import accounts, run
from services.shared import codec
from tests.support import allocator_process

NAME = "lead.starred"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStarred:
    """What the next release has to tell of a lead."""

    lead_id: int
    at: datetime


def teach(set_item: Callable[[Any, Any, Any], None], set_attribute: Callable[..., None]) -> None:
    """Make this process one of the next release.

    Args:
        set_item: As `operator.setitem`, or such that it is undone.
        set_attribute: As `setattr`, likewise.
    """
    set_item(codec.EVENT_NAMES, LeadStarred, NAME)
    set_item(codec.EVENT_VERSIONS, NAME, 1)
    set_item(codec._EVENT_SHAPES, NAME, LeadStarred)
    set_item(codec._DECODERS, NAME, msgspec.json.Decoder(codec._Stored[LeadStarred]))
    set_attribute(accounts, "evolve", _evolve)
    set_attribute(run, "decide", _decide)


def _decide(account: Account, message: Inbound) -> Sequence[Any]:
    found: list[Any] = list(decide(account, message))
    for event in found[:]:
        if isinstance(event, LeadAssigned):
            starred = LeadStarred(lead_id=event.lead_id, at=event.at)
            _evolve(account, starred)
            found.append(starred)
    return found


def _evolve(account: Account, event: Any) -> None:
    if isinstance(event, LeadStarred):
        account.version += 1
    else:
        evolve(account, event)


if __name__ == "__main__":
    from operator import setitem

    teach(setitem, setattr)
    asyncio.run(allocator_process.main(*sys.argv[1:]))
