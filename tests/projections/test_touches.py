"""Offered leads: what Kommo should be asked of them, and what is told of touches and lapses."""

from datetime import datetime
from typing import Any

import pytest

from contracts.events import LEAD, TouchesRequested
from projections import decisions, fairness, requests, touches
from projections.touches import Question
from tests.projections.kit import (
    ACCOUNT,
    NINE,
    apply,
    assigned,
    closed,
    lapsed,
    later,
    opened,
    recorded,
    timer,
    touched,
)
from tests.support.words import in_words

NAMES = {501: "Ann", 502: "Bob"}


def name(user_id: int) -> str:
    return NAMES[user_id]


def asked(lead_id: int = 1, *, attempt: int = 1, minutes: int = 0) -> TouchesRequested:
    return TouchesRequested(
        request_id=f"{lead_id}.1",
        attempt=attempt,
        lead_id=lead_id,
        manager_id=501,
        since=NINE,
        decide_at=later(minutes + 10),
        at=later(minutes),
    )


def clock(lead_id: int = 1, due_at: datetime | None = None) -> Any:
    return timer(f"lapse/{lead_id}", due_at=due_at)


def question(lead_id: int = 1, *, version: int = 1, minutes: int = 0) -> Question:
    return Question(
        account_id=ACCOUNT,
        lead_id=lead_id,
        request_id=f"{lead_id}.1",
        attempt=1,
        since=NINE,
        asked_version=version,
        asked_at=later(minutes),
        decide_at=later(minutes + 10),
    )


@pytest.mark.parametrize("together", [True, False])
async def test_D7_1_a_lead_is_asked_about_until_its_clock_says_otherwise(
    pool: Any, *, together: bool
) -> None:
    events = recorded(asked(1), clock(1, later(10)), asked(2))
    for batch in [events] if together else [[event] for event in events]:
        await apply(pool, touches, batch)

    assert await touches.pending(pool, limit=9) == [question(1), question(2, version=3)]
    assert await touches.pending(pool, limit=9, after=question(1)) == [question(2, version=3)]
    assert await touches.pending(pool, limit=9, but_for=[ACCOUNT]) == []


@pytest.mark.parametrize(
    "ends", [lapsed(1), clock(1), clock(1, later(900))], ids=["lapsed", "stopped", "waits"]
)
@pytest.mark.parametrize("together", [True, False])
async def test_D7_1_what_is_over_is_not_asked_about(
    pool: Any, *, ends: Any, together: bool
) -> None:
    before = [asked(1), clock(1, later(10)), asked(2)]
    if together:
        await apply(pool, touches, recorded(*before, ends))
    else:
        await apply(pool, touches, recorded(*before))
        await apply(pool, touches, recorded(ends, after=len(before)))

    assert await touches.pending(pool, limit=9) == [question(2, version=3)]


async def test_D7_1_a_clock_that_was_set_for_another_instant_meanwhile_ends_the_question(
    pool: Any,
) -> None:
    await apply(pool, touches, recorded(asked(1)))
    await apply(pool, touches, recorded(clock(1, later(900)), clock(1, later(10)), after=1))

    assert await touches.pending(pool, limit=9) == []


async def test_D7_1_a_question_that_is_asked_again_is_a_new_one(pool: Any) -> None:
    await apply(pool, touches, recorded(asked(1), clock(1, later(10))))
    await apply(pool, touches, recorded(asked(1, minutes=20), clock(1, later(30)), after=2))

    assert await touches.pending(pool, limit=9) == [question(1, version=3, minutes=20)]


async def test_D3_8_a_lapse_is_a_line_of_the_statement_that_moves_nothing(pool: Any) -> None:
    events = recorded(assigned(1, manager_id=501), lapsed(1), lapsed(2, charged_units=0))
    await apply(pool, fairness, events)

    lines = await fairness.statement(
        pool, account_id=ACCOUNT, ledger="account", manager_id=501, limit=9
    )
    assert [(line.reason, line.units, line.lead_id) for line in lines] == [
        ("lapsed", 0, 1),
        ("assigned", -LEAD // 2, 1),
    ]
    assert await fairness.unbalanced(pool) == []


async def test_D7_3_each_hop_is_in_the_feed_and_the_request_stays_one(pool: Any) -> None:
    hop = assigned(1, manager_id=502, attempt=2, at=later(30))
    end = closed(1, reason="pass_exhausted", at=later(60))
    events = recorded(opened(1), assigned(1), lapsed(1), hop, touched(2), lapsed(1, attempt=2), end)
    await apply(pool, decisions, events)
    await apply(pool, requests, events)

    feed = await decisions.of_lead(pool, account_id=ACCOUNT, lead_id=1)
    assert [each.kind for each in reversed(feed)] == [
        "assigned",
        "lapsed",
        "assigned",
        "lapsed",
        "closed",
    ]
    request = await requests.of_request(pool, account_id=ACCOUNT, request_id="1.1")
    assert request is not None
    assert (request.state, request.reason) == ("closed", "pass_exhausted")
    assert await requests.unaccounted(pool) == []


def test_D10_2_a_touch_in_words() -> None:
    assert in_words(touched(), name) == [
        "Ann called at 2026-03-02 09:04:00 UTC, so it stays with Ann."
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            [
                "Taken from Ann: they did nothing with it within 30 minutes of their working time.",
                "Kommo was asked first.",
                "Ann stays charged for it: 0.500 leads.",
            ],
        ),
        (
            {
                "is_read": False,
                "charged_units": 0,
                "on_working_time": False,
                "nothing_changed": "no_stage_change",
                "tried": (502, 501),
            },
            [
                "Taken from Ann: nobody moved it to another stage within 30 minutes.",
                (
                    "Kommo was asked first and did not answer in time;"
                    " no webhook told of anything either."
                ),
                "Offered so far in this pass to Bob, Ann.",
            ],
        ),
    ],
)
def test_D10_2_a_lapse_in_words(changes: dict[str, Any], expected: list[str]) -> None:
    assert in_words(lapsed(**changes), name) == expected
