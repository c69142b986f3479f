"""What an account has lived through, as a use case finds it: stored, and projected."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.events import Recorded
from services.application.installation import Installation
from services.application.span import Span
from services.projector.advance import advance
from services.projector.registry import PROJECTIONS, Projection
from services.projector.schema import prepare
from services.storage.accounts import RegisteredAccount
from services.storage.events import EventStore

NOTHING: Any = None  # what no question asks for


def account_of(account_id: int, *, timezone: str = "UTC") -> RegisteredAccount:
    """An account that is connected."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    return RegisteredAccount(
        account_id=account_id,
        subdomain="acme",
        base_url="https://acme.kommo.com",
        timezone=timezone,
        directory={},
        connected_at=then,
        updated_at=then,
    )


def between(start: datetime, end: datetime) -> Span:
    """From an instant to before another."""
    return Span(start=start, end=end)


async def lived(
    pool: Any, log: list[Recorded], projections: Sequence[Projection] = PROJECTIONS
) -> Installation:
    """An installation in which an account has this log, the projections at its end."""
    events = EventStore(pool)
    source = f"inbound/{log[0].account_id}"
    await events.append(log, consumer="test", source=source, position=1)
    await prepare(pool)
    async with pool.acquire() as connection:
        for projection in projections:
            await advance(
                connection,
                projection,
                schema=projection.NAME,
                account_id=log[0].account_id,
                events=log,
            )
    return Installation(
        data=NOTHING,
        database=None,
        pool=pool,
        wakeup=NOTHING,
        events=events,
        accounts=NOTHING,
        dead_letters=NOTHING,
        log=NOTHING,
    )
