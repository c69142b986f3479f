"""An account as it was at any moment, and what changed between two."""

import json
from datetime import timedelta
from typing import Any

import pytest

from domain import snapshot
from services.access.roles import ROLES
from services.application.moments import first_since, version_at
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.state import as_data, difference, state
from services.storage.snapshots import SnapshotStore
from tests.services.application.audit.kit import GOLDEN, NOBODY, VIEWER, audience


@pytest.mark.parametrize("name", GOLDEN)
async def test_any_version_is_what_the_events_up_to_it_make(pool: Any, name: str) -> None:
    asked = await audience(pool, name)
    last = len(asked.events)
    await asked.snap(last // 3)
    await asked.snap(2 * last // 3)

    for version in (0, 1, last // 3, last // 2, last - 1, last):
        expected = asked.state(version)
        found = await state(asked.installation, asked.account, VIEWER, str(version))

        assert found == {**as_data(expected), "digest": snapshot.digest(expected).hex()}
        assert json.loads(json.dumps(found)) == found


async def test_F83_it_is_never_wrong_where_snapshots_are(pool: Any) -> None:
    asked = await audience(pool)
    last = len(asked.events)
    expected = snapshot.digest(asked.state(last)).hex()
    for spoil in (
        "UPDATE account_snapshots SET state = 'x'",
        "UPDATE account_snapshots SET digest = 'x'",
        "UPDATE account_snapshots SET revision = 1",
        "UPDATE account_snapshots SET version = version + 1",
        "DELETE FROM account_snapshots",
    ):
        await asked.snap(last - 3)
        await pool.execute(spoil)

        found = await state(asked.installation, asked.account, VIEWER, str(last))

        assert (found["version"], found["digest"]) == (last, expected), spoil
        await pool.execute("DELETE FROM account_snapshots")


async def test_a_moment_is_a_version_a_date_or_a_time(pool: Any) -> None:
    asked = await audience(pool)
    first, last = asked.events[0].event.at, asked.events[-1].event.at
    middle = asked.events[len(asked.events) // 2].event.at
    up_to = [r.version for r in asked.events if r.event.at <= middle][-1]
    since = next(r.version for r in asked.events if r.event.at >= middle)
    of = asked.installation, asked.account

    assert await version_at(*of, "3") == 3
    assert await version_at(*of, middle.isoformat()) == up_to
    assert await first_since(*of, middle.isoformat()) == since
    assert await version_at(*of, (first - timedelta(seconds=1)).isoformat()) == 0
    # Without an offset in the zone of the account, three hours behind.
    local = (middle - timedelta(hours=3)).replace(tzinfo=None)
    assert await version_at(*of, local.isoformat()) == up_to
    day = f"{(first - timedelta(hours=3)):%Y-%m-%d}"
    assert await version_at(*of, f"{(last + timedelta(days=1)):%Y-%m-%d}") == len(asked.events)
    assert await first_since(*of, day) == 1
    assert await version_at(*of, f"{(first - timedelta(days=2)):%Y-%m-%d}") == 0


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "-1", "1.5", "٣", "9" * 30])
async def test_what_is_no_moment_is_refused(pool: Any, text: str) -> None:
    asked = await audience(pool, "plain-day")

    for moment in (version_at, first_since):
        with pytest.raises(Refused, match="not_a_moment"):
            await moment(asked.installation, asked.account, text)


async def test_no_date_is_too_far_away(pool: Any) -> None:
    asked = await audience(pool, "plain-day")
    of = asked.installation, asked.account

    assert await version_at(*of, "0001-01-02") == 0
    assert await first_since(*of, "0001-01-02") == 1
    assert await version_at(*of, "9999-12-30") == len(asked.events)
    with pytest.raises(Refused, match="not_a_moment"):
        await version_at(*of, "9999-12-31T23:59:59.999999+00:00")


async def test_a_version_that_is_not_there_yet_is_refused(pool: Any) -> None:
    asked = await audience(pool, "plain-day")

    with pytest.raises(Refused) as refused:
        await state(asked.installation, asked.account, VIEWER, str(len(asked.events) + 1))
    assert refused.value.code == "event_beyond_the_last"


async def test_what_changed_between_two_moments_is_told_by_its_path(pool: Any) -> None:
    asked = await audience(pool, "plain-day")
    last = str(len(asked.events))
    of = asked.installation, asked.account, VIEWER

    changes = await difference(*of, before="0", after=last)
    back = await difference(*of, before=last, after="0")

    paths = {change.path for change in changes}
    assert {"version", "digest", "now", "revision"} <= paths
    assert any(path.startswith("leads.") for path in paths)
    assert [(c.path, c.after, c.before) for c in changes] == [
        (c.path, c.before, c.after) for c in back
    ]
    assert await difference(*of, before=last, after=last) == []


async def test_snapshots_of_a_stretch_are_listed(pool: Any) -> None:
    asked = await audience(pool)
    for version in (2, 5, 7):
        await asked.snap(version)
    await asked.snap(6, revision=snapshot.REVISION - 1)
    store, account_id = SnapshotStore(pool), asked.account.account_id

    assert await store.versions(account_id, snapshot.REVISION, after=2, up_to=7) == [5, 7]


async def test_S8_who_may_not_audit_sees_no_state() -> None:
    principal = Principal(id="person:7", scopes=ROLES["manager"], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await state(NOBODY, NOBODY, principal, "1")
