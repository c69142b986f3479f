"""An account as it was: the last event before an instant, some events, the state after one."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LeadAssigned, LeadSeen
from domain.snapshot import digest
from services.application.past import events_between, state_at, version_before
from tests.services.application.audit.kit import Audience, audience

TICK = timedelta(microseconds=1)


@pytest.fixture
async def asked(pool: Any) -> Audience:
    return await audience(pool, "plain-day")


async def test_F64_the_last_event_before_any_instant_is_found(asked: Audience) -> None:
    events, account_id = asked.events, asked.account.account_id

    for at in sorted({recorded.event.at for recorded in events}):
        before = sum(recorded.event.at < at for recorded in events)
        assert await version_before(asked.installation, account_id, at) == before
    after_all = events[-1].event.at + TICK
    assert await version_before(asked.installation, account_id, after_all) == len(events)
    assert await version_before(asked.installation, 999, after_all) == 0


async def test_only_the_events_that_are_asked_for_are_read(asked: Audience) -> None:
    account_id, wanted = asked.account.account_id, (LeadAssigned, LeadSeen)
    last = len(asked.events) - 1

    found = [
        recorded
        async for some in events_between(
            asked.installation, account_id, wanted, after=3, up_to=last
        )
        for recorded in some
    ]

    assert found == [each for each in asked.events[3:last] if isinstance(each.event, wanted)]


async def test_F83_the_state_after_an_event_never_comes_from_a_later_snapshot(
    asked: Audience,
) -> None:
    account_id = asked.account.account_id
    await asked.snap(5)
    await asked.snap(20)

    for version in (0, 4, 5, 19, 20, 21):
        state = await state_at(asked.installation, account_id, version)
        assert digest(state) == digest(asked.state(version))
