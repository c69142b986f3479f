"""Notes and tasks are listed until they are written, or never will be (D12.2)."""

from dataclasses import replace
from typing import Any

from contracts.events import NoticeLeft, NoticeRequested, NoticeWritten
from projections import decisions, notices
from tests.projections.kit import ACCOUNT, NINE, apply, later, recorded

NOTE = NoticeRequested(
    order_id="7.1/1",
    request_id="7.1",
    lead_id=7,
    manager_id=501,
    rule_id="new",
    kind="note",
    reason="largest_credit",
    because=None,
    at=NINE,
)
TASK = replace(NOTE, kind="task", due_at=later(30), wording="Call")
HOOK = replace(NOTE, kind="webhook", target="crm")
COMMON: dict[str, Any] = {
    "order_id": "7.1/1",
    "request_id": "7.1",
    "lead_id": 7,
    "manager_id": 501,
    "at": NINE,
}
WRITTEN = NoticeWritten(**COMMON, kind="note", entity_id=9, how="answered")
LEFT = NoticeLeft(**COMMON, kind="task", reason="refused", detail="No")


async def test_D12_2_what_is_asked_for_is_listed_until_it_is_over(pool: Any) -> None:
    await apply(pool, notices, recorded(NOTE, TASK))
    note, task = await notices.pending(pool, limit=9)

    assert (note.key, note.due_at, note.wording) == ((ACCOUNT, "7.1/1", "note"), None, "")
    assert (task.kind, task.due_at, task.wording, task.reason) == (
        "task",
        later(30),
        "Call",
        "largest_credit",
    )
    assert await notices.pending(pool, limit=1) == [note]
    assert await notices.pending(pool, limit=9, after=note) == [task]
    assert await notices.pending(pool, limit=9, but_for=[ACCOUNT]) == []
    assert await notices.pending(pool, limit=9, after=note, but_for=[ACCOUNT]) == []

    await apply(pool, notices, recorded(WRITTEN, after=2))
    assert await notices.pending(pool, limit=9) == [task]
    await apply(pool, notices, recorded(LEFT, after=3))
    assert await notices.pending(pool, limit=9) == []


async def test_D12_2_a_webhook_is_nothing_to_write_in_kommo(pool: Any) -> None:
    await apply(pool, notices, recorded(HOOK, NOTE))
    (note,) = await notices.pending(pool, limit=9)

    assert note.kind == "note"
    kept = "SELECT order_id, target FROM notices.wanted WHERE kind = 'webhook'"
    assert [tuple(row) for row in await pool.fetch(kept)] == [("7.1/1", "crm")]


async def test_I9_it_does_not_matter_how_the_events_are_cut(pool: Any) -> None:
    await apply(pool, notices, recorded(NOTE, TASK, WRITTEN))

    assert [row.kind for row in await notices.pending(pool, limit=9)] == ["task"]


async def test_D12_2_both_ends_are_in_the_feed_of_the_lead(pool: Any) -> None:
    await apply(pool, decisions, recorded(NOTE, TASK, WRITTEN, LEFT))
    found = await decisions.of_lead(pool, account_id=ACCOUNT, lead_id=7)

    assert [(each.kind, each.reason, each.manager_id) for each in found] == [
        ("not_told", "refused", 501),
        ("told", "note", 501),
    ]
