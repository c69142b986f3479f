"""Draft rules on an account's real requests, in memory: nothing is written, nobody is called."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from contracts.events import RulesApplied
from contracts.rules import RulesFile
from domain import snapshot
from domain.commands.triggers import with_triggers
from domain.whatif import past as whatif_past
from domain.whatif.past import Past, PastReader
from domain.whatif.world import TICK, Assumed, World
from services.application.access import note_access
from services.application.installation import Installation
from services.application.past import events_between, state_at, version_before
from services.application.principal import Principal
from services.application.progress import Progress, untold
from services.application.refused import Refused
from services.application.rules import newest
from services.application.span import LATEST, Span
from services.application.whatif import results
from services.application.whatif.results import ResultCounter, Results
from services.storage.accounts import RegisteredAccount

# Progress is told in so many steps of each part, and after so many events.
PART, PIECE = 1_000, 1_000
SECOND = timedelta(seconds=1)
SHAPES = tuple(dict.fromkeys((*whatif_past.EVENTS, *results.EVENTS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What a draft would have done.

    Attributes:
        name: Of the draft.
        assumed: How often something had to be assumed.
    """

    name: str
    results: Results
    assumed: Assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What was, and what would have been.

    Attributes:
        got: By the rules of then.
        drafts: In the order in which they were given.
    """

    span: Span
    got: Results
    drafts: tuple[Simulated, ...]


async def simulate(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    drafts: Mapping[str, RulesFile],
    span: Span,
    *,
    progress: Progress = untold,
) -> WhatIf:
    """Let the requests of a time be decided by drafts.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        drafts: Rules without problems, by name.
        span: From when to when.
        progress: Told how far it is, from other threads, too: the past, then each draft, are a
            part each.

    Raises:
        Refused: They may not look, or nothing asked for a manager in that time.
    """
    principal.require("audit")
    account_id = account.account_id
    await note_access(installation, account_id, principal, "simulation")
    before = await version_before(installation, account_id, span.start)
    last = await version_before(installation, account_id, span.end)
    state = await state_at(installation, account_id, before)
    begun = await asyncio.to_thread(snapshot.dump, state)
    reader, got, parts = PastReader(state), ResultCounter(), 1 + len(drafts)
    async for events in events_between(installation, account_id, SHAPES, after=before, up_to=last):
        reader.read(events)
        got.add(events)
        progress(PART * (events[-1].version - before) // (last - before), PART * parts)
    then = got.results()
    if not then.requests:
        raise Refused("no_requests_then", start=span.start, end=span.end)
    # Where the log ends, the time of the drafts ends too: nobody did anything more.
    ends_at = min(span.end, await _lived_until(installation, account_id, last))
    played = Span(start=span.start, end=ends_at)
    applied = await newest(installation, account, principal)
    simulated = []
    for number, (name, file) in enumerate(drafts.items(), start=1):

        def tell(done: int, goal: int, before: int = number) -> None:
            progress(PART * before + PART * done // goal, PART * parts)

        rules = _in_force(file, applied)
        simulated.append(
            await asyncio.to_thread(_simulated, name, rules, begun, reader.past, played, tell)
        )
    return WhatIf(span=span, got=then, drafts=tuple(simulated))


async def _lived_until(installation: Installation, account_id: int, version: int) -> datetime:
    """The end of what is recorded, if the event is the last one; else no bound."""
    if version < await installation.events.head(account_id):
        return LATEST
    (recorded,) = await installation.events.stream(account_id, version - 1, limit=1)
    return recorded.event.at + TICK


def _in_force(draft: RulesFile, applied: RulesApplied | None) -> dict[str, Any]:
    """What a draft would put in force now: the rules of triggers are what the triggers say."""
    data: dict[str, Any] = draft.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return with_triggers(data, applied.rules if applied is not None else None)


def _simulated(
    name: str,
    rules: Mapping[str, Any],
    begun: bytes,
    past: Past,
    span: Span,
    progress: Progress,
) -> Simulated:
    world, counted = World(snapshot.load(begun), past), ResultCounter()
    lived = world.live(rules, start=span.start, end=span.end)
    seconds = max((span.end - span.start) // SECOND, 1)
    while events := list(islice(lived, PIECE)):
        counted.add(events)
        progress(min((events[-1].event.at - span.start) // SECOND, seconds), seconds)
    return Simulated(name=name, results=counted.results(), assumed=world.assumed)
