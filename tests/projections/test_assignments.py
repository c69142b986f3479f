"""The newest wanted responsible per lead: the gateway's work list."""

from typing import Any

from projections import assignments
from projections.assignments import Assignment, Backlog
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    NEW,
    NINE,
    WON,
    apply,
    assigned,
    confirmed,
    later,
    recorded,
    seen,
    withdrawn,
)


def pending(lead_id: int = 1, **changes: Any) -> Assignment:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "request_id": f"{lead_id}.1",
        "attempt": 1,
        "manager_id": 501,
        "responsible_before": 77,
        "decided_version": 1,
        "decided_at": NINE,
        "stage": NEW,
    }
    return Assignment(lead_id=lead_id, **values | changes)


async def test_I5_an_accounts_oldest_decision_comes_first(pool: Any) -> None:
    await apply(pool, assignments, recorded(assigned(2), assigned(1, at=later(1)), assigned(3)))
    await apply(pool, assignments, recorded(assigned(1), account_id=8))

    first = await assignments.pending(pool, account_id=ACCOUNT, limit=2)
    rest = await assignments.pending(pool, account_id=ACCOUNT, limit=2, after=2)

    assert first == [pending(2), pending(1, decided_version=2, decided_at=later(1))]
    assert rest == [pending(3, decided_version=3)]
    assert await assignments.backlog(pool) == [
        Backlog(account_id=7, leads=3, oldest_at=NINE),
        Backlog(account_id=8, leads=1, oldest_at=NINE),
    ]


async def test_S2_what_only_hooks_tell_is_in_the_list(pool: Any) -> None:
    await apply(pool, assignments, recorded(assigned(1, is_told=True, told_at=later(-1))))
    await apply(pool, assignments, recorded(assigned(2, is_told=True), after=1))

    assert await assignments.pending(pool, account_id=ACCOUNT, limit=2) == [
        pending(1, is_told=True, told_at=later(-1)),
        pending(2, is_told=True, decided_version=2),
    ]
    await apply(pool, assignments, recorded(assigned(1, stage=WON, attempt=2), after=2))
    assert await assignments.of_lead(pool, account_id=ACCOUNT, lead_id=1) == pending(
        1, stage=WON, attempt=2, decided_version=3
    )


async def test_F70_how_far_each_accounts_work_reaches(pool: Any) -> None:
    await apply(pool, assignments, recorded(assigned(1), assigned(2), assigned(3), confirmed(3)))
    await apply(pool, assignments, recorded(assigned(1), confirmed(1), account_id=8))
    await apply(pool, assignments, recorded(assigned(1), account_id=9))

    assert await assignments.heads(pool) == {ACCOUNT: 2, 9: 1}


async def test_I5_a_confirmed_decision_is_no_work_any_more(pool: Any) -> None:
    await apply(pool, assignments, recorded(assigned(1), assigned(2), confirmed(2)))
    await apply(pool, assignments, recorded(confirmed(1, how="echo"), after=3))

    assert await assignments.pending(pool, account_id=ACCOUNT, limit=9) == []
    assert await assignments.of_leads(pool, account_id=ACCOUNT, lead_ids=[1, 2, 3]) == [
        pending(1, state="confirmed", settled_at=later(1), how="echo"),
        pending(2, decided_version=2, state="confirmed", settled_at=later(1), how="answered"),
    ]


async def test_F59_after_a_refusal_only_the_next_attempt_is_wanted(pool: Any) -> None:
    first = assigned(1)
    second = assigned(1, manager_id=502, attempt=2)

    await apply(pool, assignments, recorded(first))
    await apply(pool, assignments, recorded(withdrawn(first, reason="manager_refused"), after=1))
    refused = await assignments.of_lead(pool, account_id=ACCOUNT, lead_id=1)
    await apply(pool, assignments, recorded(second, confirmed(1, attempt=1), after=2))

    assert refused == pending(state="failed", settled_at=later(2), how="manager_refused")
    assert await assignments.pending(pool, account_id=ACCOUNT, limit=9) == [
        pending(manager_id=502, attempt=2, decided_version=3)
    ]


async def test_I5_a_person_wins(pool: Any) -> None:
    decision = assigned(1)

    await apply(pool, assignments, recorded(decision, withdrawn(decision)))

    assert await assignments.pending(pool, account_id=ACCOUNT, limit=9) == []
    assert await assignments.of_lead(pool, account_id=ACCOUNT, lead_id=1) == pending(
        state="withdrawn", settled_at=later(2), how="taken_by_person"
    )


async def test_I5_what_is_pending_is_what_the_account_wants(pool: Any) -> None:
    lived = story(seed=4, messages=500)
    for start in range(0, len(lived.log), 37):
        await apply(pool, assignments, lived.log[start : start + 37])

    found = await assignments.pending(pool, account_id=ACCOUNT, limit=1_000)

    assert {
        (row.lead_id, row.request_id, row.attempt, row.manager_id, row.responsible_before)
        for row in found
    } == {
        (lead_id, w.request_id, w.attempt, w.manager_id, w.previous_id)
        for lead_id, lead in lived.account.leads.items()
        if (w := lead.wanted) is not None
    }
    assert found


async def test_F60_who_was_responsible_is_learnt_once_and_for_what_is_pending(pool: Any) -> None:
    blind = {"responsible_before": None}
    await apply(pool, assignments, recorded(*(assigned(n, **blind) for n in (1, 2, 3, 4, 5))))
    news = [
        seen(1, responsible_id=None),
        seen(1, responsible_id=78),
        seen(1, responsible_id=79),
        confirmed(2),
        seen(2, responsible_id=501),
        seen(3, stage=WON, responsible_id=80),
        seen(4, responsible_id=81),
        assigned(4, request_id="4.2", responsible_before=82),
        seen(4, responsible_id=83),
        assigned(6, **blind),
        seen(6, responsible_id=84),
        seen(6, responsible_id=85),
        seen(9, responsible_id=86),
    ]

    await apply(pool, assignments, recorded(*news, after=5))
    await apply(pool, assignments, recorded(seen(1, responsible_id=87), after=18))

    found = await assignments.of_leads(pool, account_id=ACCOUNT, lead_ids=range(1, 10))
    assert [(row.lead_id, row.responsible_before) for row in found] == [
        (1, 78),
        (2, None),
        (3, None),
        (4, 82),
        (5, None),
        (6, 84),
    ]


async def test_I13_the_work_list_costs_what_is_pending_not_what_is_settled(pool: Any) -> None:
    await apply(pool, assignments, recorded(assigned(1)))
    await pool.execute("""
        INSERT INTO assignments.leads
        SELECT 9, n, n || '.1', 1, 501, NULL, n, now(), 'confirmed', now(), 'read', 1, 2, false
        FROM generate_series(1, 20000) AS n
    """)
    await pool.execute("ANALYZE assignments.leads")

    listed = await pool.fetch(f"EXPLAIN {assignments.PENDING}", ACCOUNT, 0, 100)
    heads = await pool.fetch(f"EXPLAIN {assignments.HEADS}")

    for plan in (listed, heads):
        text = "\n".join(row[0] for row in plan)
        assert "leads_pending_idx" in text
        assert "Seq Scan" not in text
