"""A what-if over 100,000 past leads that the engine itself decided: what it costs one core."""

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from contracts.events import LeadAssigned, Recorded
from contracts.inbound import Inbound, InboundBody
from contracts.stage import WON, Stage
from domain.decide import decide
from domain.state import Account
from services.access.roles import SCOPES
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.rules import draft_of
from services.application.span import Span
from services.application.whatif.simulate import simulate
from services.rules_file.file import dump
from services.storage.accounts import RegisteredAccount
from services.storage.events import EventStore
from tests.bench.database import bench_pool
from tests.bench.figures import Figure
from tests.domain.scenario import (
    ACCOUNT_ID,
    NEW,
    NOON,
    participant,
    patched,
    reported,
    rules,
    users,
)
from tests.domain.scenario import rule as rule_of

LEADS = 100_000
MANAGERS = tuple(range(501, 513))
EVERY = timedelta(seconds=40)
OPEN_FOR = 1_000  # leads that are open at a time
APPENDED = 20_000
WHO = Principal(id="cli:bench", scopes=SCOPES)


async def measure_whatif(folder: Path) -> list[Figure]:
    """CPU seconds of a whole simulation: reading, the past, and one draft."""
    async with bench_pool(folder) as pool:
        store = EventStore(pool)
        log, events = lived(LEADS), 0
        position = 0
        while some := list(islice(log, APPENDED)):
            position, events = position + 1, events + len(some)
            await store.append(some, consumer="bench", source="bench", position=position)
        nothing: Any = None
        installation = Installation(
            data=folder,
            database=None,
            pool=pool,
            wakeup=nothing,
            events=store,
            accounts=nothing,
            dead_letters=nothing,
            log=nothing,
        )
        account = RegisteredAccount(
            account_id=ACCOUNT_ID,
            subdomain="bench",
            base_url="",
            timezone="UTC",
            directory={},
            connected_at=NOON,
            updated_at=NOON,
        )
        draft = draft_of(dump(_rules(7)).encode(), account)
        span = Span(start=NOON, end=NOON + (LEADS + 1) * EVERY)
        started = time.process_time()
        found = await simulate(installation, account, WHO, {"draft": draft}, span)
        spent = time.process_time() - started
    assert found.got.requests == found.drafts[0].results.requests == LEADS
    return [
        Figure(f"whatif: {LEADS:,} past leads, {events:,} events, by one draft", [spent], "s CPU"),
        Figure("whatif: leads per second of one core", [LEADS / spent], "per s"),
    ]


def _rules(coefficient: int) -> dict[str, Any]:
    first, *others = MANAGERS
    people = [participant(first, coefficient=coefficient), *map(participant, others)]
    limit = {"max": 2 * OPEN_FOR}
    return rules(rule_of(*people, limit=limit)).rules


def lived(leads: int) -> Iterator[Recorded]:
    """Leads come one by one, Kommo takes each decision, and each is closed some time later."""
    account, number = Account(ACCOUNT_ID), 0

    def told(body: InboundBody, at: Any) -> Iterator[Recorded]:
        nonlocal number
        number += 1
        message = Inbound(account_id=ACCOUNT_ID, message_id=f"m{number}", at=at, body=body)
        version = account.version
        for event in decide(account, message):
            version += 1
            yield Recorded(
                account_id=ACCOUNT_ID, version=version, cause=message.message_id, event=event
            )

    yield from told(users(*MANAGERS), NOON)
    yield from told(rules(rule_of(*MANAGERS, limit={"max": 2 * OPEN_FOR})), NOON)
    second = timedelta(seconds=1)
    for lead in range(1, leads + 1):
        at = NOON + lead * EVERY
        came = list(told(reported(lead, NEW, action="add", modified=at, created=at), at))
        yield from came
        given = next(each.event for each in came if isinstance(each.event, LeadAssigned))
        answer = patched(lead, given.manager_id, request=given.request_id, modified=at + second)
        yield from told(answer, at + second)
        if lead > OPEN_FOR:
            over = reported(
                lead - OPEN_FOR, Stage(NEW.pipeline_id, WON), by=None, modified=at + 2 * second
            )
            yield from told(over, at + 2 * second)
