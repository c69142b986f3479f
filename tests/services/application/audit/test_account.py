"""The audit of an account from its database (I7, S23)."""

from typing import Any

import pytest

from domain import snapshot
from services.access.roles import ROLES, Role
from services.application.audit.account import audit
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.chain import ChainStore
from tests.services.application.audit.kit import GOLDEN, NOBODY, VIEWER, audience

UNCHAIN = (
    "DELETE FROM account_links",
    "UPDATE account_heads SET link = NULL",
)
ANOTHER_REVISION = """
UPDATE account_events SET state = convert_to(
    replace(convert_from(state, 'UTF8'), '"revision":1', '"revision":4'), 'UTF8')
WHERE topic = 'rules.applied'
"""


@pytest.mark.parametrize("name", GOLDEN)
async def test_I7_S23_a_history_that_nobody_touched_is_as_it_was(pool: Any, name: str) -> None:
    asked = await audience(pool, name)
    last = len(asked.events)
    await asked.snap(last // 2)
    await asked.snap(last - 1, revision=snapshot.REVISION - 1)
    progress: list[tuple[int, int]] = []

    found = await audit(
        asked.installation, asked.account, VIEWER, progress=lambda *told: progress.append(told)
    )

    head = await ChainStore(pool).head(asked.account.account_id)
    assert found.fault is None
    assert (found.first, found.last, found.events, found.snapshots) == (1, last, last, 1)
    assert found.decisions >= sum(hasattr(r.event, "tzdata") for r in asked.events)
    assert head.link is not None
    assert found.link == head.link.hex()
    assert found.digest == snapshot.digest(asked.state(last)).hex()
    assert progress[-1] == (last, last)


async def test_I7_S23_a_stretch_of_it_is_as_well(pool: Any) -> None:
    asked = await audience(pool)
    last = len(asked.events)
    await asked.snap(3)

    for first, end in [(1, 4), (4, 9), (5, last), (last, last), (2, last + 5)]:
        found = await audit(asked.installation, asked.account, VIEWER, first=first, last=end)

        assert (found.fault, found.events) == (None, min(end, last) - first + 1)
        assert found.digest == snapshot.digest(asked.state(min(end, last))).hex()


async def test_I7_an_account_without_events_has_nothing_to_hide(pool: Any) -> None:
    asked = await audience(pool)
    await pool.execute("TRUNCATE account_events, account_heads, account_links")

    found = await audit(asked.installation, asked.account, VIEWER)

    assert (found.fault, found.events, found.last) == (None, 0, 0)


async def test_S23_one_byte_that_a_superuser_altered_is_named(pool: Any) -> None:
    asked = await audience(pool)
    for version, place in [(1, 30), (len(asked.events) // 2, 7), (len(asked.events), 40)]:
        flip = (
            "UPDATE account_events SET state = set_byte(state, $2, get_byte(state, $2) # 1)"
            " WHERE originator_version = $1"
        )
        await pool.execute(flip, version, place)

        found = await audit(asked.installation, asked.account, VIEWER)

        assert found.fault is not None
        assert (found.fault.kind, found.fault.version) == ("chain", version)
        assert (found.fault.field, found.digest, found.link) == ("event_altered", "", "")
        assert found.events == version - 1
        await pool.execute(flip, version, place)
        assert (await audit(asked.installation, asked.account, VIEWER)).fault is None


async def _linked_anew(pool: Any, account_id: int) -> None:
    """As somebody does it who knows of the chain, and writes it anew behind what they altered."""
    for statement in UNCHAIN:
        await pool.execute(statement)
    chains = ChainStore(pool)
    while await chains.link_old(account_id, events_max=1_000):
        pass


async def test_I7_a_decision_that_was_never_taken_is_named_with_its_field(pool: Any) -> None:
    asked = await audience(pool, "plain-day")
    row = await pool.fetchrow(
        "SELECT originator_version AS version, state FROM account_events"
        " WHERE topic = 'lead.assigned' ORDER BY originator_version DESC LIMIT 1"
    )
    state = row["state"].replace(b'"reason":"', b'"reason":"largest_free_share","was":"', 1)
    assert state != row["state"]
    await pool.execute(
        "UPDATE account_events SET state = $2 WHERE originator_version = $1", row["version"], state
    )
    await _linked_anew(pool, asked.account.account_id)

    found = await audit(asked.installation, asked.account, VIEWER)

    assert found.fault is not None
    assert (found.fault.kind, found.fault.version, found.fault.name, found.fault.field) == (
        "decision",
        row["version"],
        "lead.assigned",
        "reason",
    )
    assert found.fault.recorded == "largest_free_share"


@pytest.mark.parametrize(
    ("alter", "kind"),
    [
        (
            "UPDATE account_events SET topic = 'lead.sold' WHERE originator_version = 5",
            "unreadable",
        ),
        ("UPDATE account_events SET state = '{' WHERE originator_version = 5", "unreadable"),
        (
            ANOTHER_REVISION,
            "decision",
        ),
    ],
)
async def test_I7_whoever_writes_the_chain_anew_is_found_out_by_what_events_say(
    pool: Any, alter: str, kind: str
) -> None:
    asked = await audience(pool, "plain-day")
    assert await pool.execute(alter) != "UPDATE 0"
    await _linked_anew(pool, asked.account.account_id)

    found = await audit(asked.installation, asked.account, VIEWER)

    assert found.fault is not None
    assert found.fault.kind == kind


async def test_I7_a_snapshot_of_another_state_is_named(pool: Any) -> None:
    asked = await audience(pool)
    await asked.snap(5)
    await asked.snap(7)
    await pool.execute("UPDATE account_snapshots SET digest = sha256('x') WHERE version = 7")

    found = await audit(asked.installation, asked.account, VIEWER)

    assert found.fault is not None
    assert (found.fault.kind, found.fault.version, found.snapshots) == ("digest", 7, 1)


async def test_S23_events_that_have_no_link_are_named(pool: Any) -> None:
    asked = await audience(pool)
    for statement in UNCHAIN:
        await pool.execute(statement)

    found = await audit(asked.installation, asked.account, VIEWER)

    assert found.fault is not None
    assert (found.fault.kind, found.fault.field, found.fault.version) == (
        "chain",
        "link_missing",
        1,
    )


@pytest.mark.parametrize("role", ["manager", "operator"])
async def test_S8_who_may_not_audit_sees_nothing(role: Role) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await audit(NOBODY, NOBODY, principal)
