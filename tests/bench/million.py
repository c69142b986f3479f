"""A large account and a small one in an installation, decided by the engine, shown by every table.

`EVENTS=100000 make bench ONLY="api console"` makes a shorter history.
"""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contracts.events import LeadAssigned, Recorded
from contracts.inbound import ApplyRules, DescribeAccount, Inbound, InboundBody, TriggerFired
from contracts.stage import WON, Stage
from domain.decide import decide
from domain.snapshot import REVISION, digest_of, dump
from domain.state import Account
from services.access.wiring import Access
from services.application.installation import Installation
from services.projector.advance import advance
from services.projector.registry import PROJECTIONS
from services.projector.schema import prepare
from services.runtime.database import prepare_at
from services.storage.accounts import AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.events import EventStore
from services.storage.roles import WEB
from services.storage.snapshots import Snapshot, SnapshotStore
from services.storage.wakeup import Wakeup
from services.web.settings import WebSettings
from tests.domain.scenario import patched, reported
from tests.services.api.hall import for_web
from tests.services.api.kit import UNHURRIED, access_of, served
from tests.support.vault import VAULT

EVENTS = int(os.environ.get("EVENTS", "1000000"))
# Of the large account: five events for a lead that came to its end, four for one that is open.
OPEN_LEADS = EVENTS // 5
LARGE_ID, SMALL_ID = 32_000_001, 32_000_002
LARGE_TEAM, SMALL_TEAM = 200, 12
SMALL_EVENTS = 10_000
RULES, OF_A_RULE = 50, 20
BEGINS = datetime(2026, 6, 1, tzinfo=UTC)
EVERY = timedelta(seconds=30)
APPENDED, PROJECTED, SNAPPED = 10_000, 500, 50_000
# A page on a machine that does other things as well.
SETTINGS = WebSettings(**UNHURRIED.model_dump() | {"statement_ms": 30_000})


@dataclass(frozen=True, slots=True, kw_only=True)
class Million:
    """What is served.

    Attributes:
        web_dsn: Of the database, for a process of the role `web`.
        installation: As the role `web` has it.
        now: When it is there: just after the last event.
    """

    web_dsn: str
    address: str
    pool: Any
    installation: Installation
    access: Access
    now: datetime


@asynccontextmanager
async def million(folder: Path) -> AsyncIterator[Million]:
    """Both accounts, made if the folder does not hold them yet, and served."""
    async with EmbeddedDatabase(folder / "data") as database:
        pool = await open_pool(database.dsn, size_max=8)
        installation = installed(pool)
        try:
            await prepare_at(SecretStr(database.dsn))
            if not await installation.events.head(LARGE_ID):
                await _made(installation)
            last = await installation.events.stream(
                LARGE_ID, await installation.events.head(LARGE_ID) - 1, limit=1
            )
            now = last[0].event.at + EVERY
            async with (
                for_web(installation, database.dsn_as(WEB)) as walled,
                served(walled, access_of(walled), SETTINGS, now=lambda: now) as address,
            ):
                yield Million(
                    web_dsn=database.dsn_as(WEB),
                    address=address,
                    pool=pool,
                    installation=walled,
                    access=access_of(installation),
                    now=now,
                )
        finally:
            await pool.close()


def installed(pool: Any) -> Installation:
    """An installation that is asked, and told nothing."""
    nothing: Any = None
    return Installation(
        data=Path(),
        database=None,
        pool=pool,
        wakeup=Wakeup(""),
        events=EventStore(pool),
        accounts=AccountRegistry(pool, VAULT),
        dead_letters=DeadLetters(pool, VAULT),
        log=nothing,
    )


async def _made(installation: Installation) -> None:
    await prepare(installation.pool)
    for account_id, team, rules, events, open_max in (
        (LARGE_ID, LARGE_TEAM, RULES, EVENTS, OPEN_LEADS),
        (SMALL_ID, SMALL_TEAM, 2, SMALL_EVENTS, 200),
    ):
        await installation.accounts.add(
            account_id,
            subdomain=f"team{team}",
            base_url="https://team.kommo.com",
            token=SecretStr("bench"),
            webhook_secret=SecretStr(f"bench-{account_id}"),
            timezone="UTC",
        )
        users = [{"id": 500 + number, "name": f"Manager {number}"} for number in range(team)]
        await installation.accounts.update_directory(
            account_id, {"webhooks": "active", "users": users}
        )
        await _stored(
            installation, account_id, lived(account_id, team=team, rules=rules, open_max=open_max),
            events,
        )  # fmt: skip
    async with installation.pool.acquire() as connection:
        await connection.execute("VACUUM ANALYZE")


async def _stored(
    installation: Installation,
    account_id: int,
    log: Iterator[tuple[Account, Recorded]],
    events: int,
) -> None:
    version, snapped = 0, 0
    while version < events and (some := list(islice(log, APPENDED))):
        account, recorded = some[-1][0], [each for _, each in some]
        version = recorded[-1].version
        await installation.events.append(
            recorded, consumer="bench", source=f"bench/{account_id}", position=version
        )
        # The engine may be some events ahead, within the answer to one message.
        if account.version == version and version - snapped >= SNAPPED:
            await _snap(installation, account)
            snapped = version
        await _projected(installation.pool, account_id, recorded)


async def _snap(installation: Installation, account: Account) -> None:
    state = dump(account)
    await SnapshotStore(installation.pool).save(
        Snapshot(
            account_id=account.account_id,
            version=account.version,
            revision=REVISION,
            digest=digest_of(state),
            state=state,
        )
    )


async def _projected(pool: Any, account_id: int, recorded: Sequence[Recorded]) -> None:
    async with pool.acquire() as connection:
        for projection in PROJECTIONS:
            for start in range(0, len(recorded), PROJECTED):
                await advance(
                    connection,
                    projection,
                    schema=projection.NAME,
                    account_id=account_id,
                    events=recorded[start : start + PROJECTED],
                )


def lived(
    account_id: int, *, team: int, rules: int, open_max: int
) -> Iterator[tuple[Account, Recorded]]:
    """Leads come one by one, Kommo takes each decision; at most so many are open.

    Yields:
        The account as it is by now, and an event.
    """
    account, number = Account(account_id), 0

    def told(body: InboundBody, at: datetime) -> list[Recorded]:
        nonlocal number
        number += 1
        cause, version = f"m{number}", account.version
        message = Inbound(account_id=account_id, message_id=cause, at=at, body=body)
        return [
            Recorded(account_id=account_id, version=each, cause=cause, event=event)
            for each, event in enumerate(decide(account, message), version + 1)
        ]

    managers = tuple(range(500, 500 + team))
    first: list[InboundBody] = [
        DescribeAccount(timezone="UTC", active_user_ids=managers),
        ApplyRules(rules=_rules(managers, rules), by="bench"),
    ]
    for body in first:
        yield from ((account, each) for each in told(body, BEGINS))
    second, lead = timedelta(seconds=1), 0
    while True:
        lead += 1
        at = BEGINS + lead * EVERY
        stage = Stage(lead % rules + 1, 1)
        came = told(TriggerFired(lead_id=lead, stage=stage, source="dp_hook"), at)
        yield from ((account, each) for each in came)
        given = next(each.event for each in came if isinstance(each.event, LeadAssigned))
        answer = patched(lead, given.manager_id, request=given.request_id, modified=at + second)
        yield from ((account, each) for each in told(answer, at + second))
        if lead > open_max:
            old = lead - open_max
            over = reported(old, Stage(old % rules + 1, WON), by=None, modified=at + 2 * second)
            yield from ((account, each) for each in told(over, at + 2 * second))


def _rules(managers: Sequence[int], rules: int) -> dict[str, Any]:
    of_a_rule = min(OF_A_RULE, len(managers))
    return {
        "version": 1,
        "rules": [
            {
                "id": f"r{number}",
                "stages": [{"pipeline": number, "stage": 1}],
                "limit": {"max": 1_000_000},
                "participants": [
                    {
                        "manager": managers[(number * 7 + place * 5) % len(managers)],
                        "coefficient": place % 4 + 1,
                    }
                    for place in range(of_a_rule)
                ],
            }
            for number in range(1, rules + 1)
        ],
    }
