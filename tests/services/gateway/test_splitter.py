"""The search for what spoils a batch, and what a reading means."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.kommo.rest import Lead
from contracts.stage import Stage
from projections.assignments import Assignment
from services.gateway.judgement import judge
from services.gateway.splitter import isolate

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Kommo:
    """Takes a batch whole or refuses it whole, and does not say why."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.set: list[int] = []
        self.requests = 0

    async def send(self, batch: Sequence[int]) -> str | None:
        self.requests += 1
        assert batch, "an empty batch is no request"
        if self.bad & set(batch):
            return "no"
        self.set += batch
        return None


@pytest.mark.parametrize("bad", [1, 2, 10])
@pytest.mark.parametrize("seed", range(20))
async def test_F52_few_extra_requests_find_the_bad_of_250(bad: int, seed: int) -> None:
    chosen = {(seed * 61 + number * 97) % 250 for number in range(bad)}
    kommo = Kommo(chosen)
    found = await isolate(range(250), kommo.send, shares_verdict=lambda *_: False, searches_max=100)

    assert {each for each, _ in found} == chosen
    assert sorted(kommo.set) == sorted(set(range(250)) - chosen)
    assert kommo.requests <= bad * 2 * math.log2(250)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
async def test_F52_every_good_one_is_sent_once(case: tuple[int, set[int]]) -> None:
    size, bad = case
    kommo = Kommo(bad)
    found = await isolate(
        range(size), kommo.send, shares_verdict=lambda *_: False, searches_max=1_000
    )

    assert sorted(each for each, _ in found) == sorted(bad)
    assert sorted(kommo.set) == sorted(set(range(size)) - bad)


async def test_F59_a_shared_reason_is_found_once() -> None:
    kommo = Kommo(set(range(0, 100, 2)))
    found = await isolate(
        range(100), kommo.send, shares_verdict=lambda one, other, _: one % 2 == other % 2
    )

    assert len(found) == 50
    assert kommo.requests <= 2 * math.log2(100)


async def test_F52_a_hopeless_batch_is_left_for_another_time() -> None:
    kommo = Kommo(set(range(250)))
    found = await isolate(range(250), kommo.send, shares_verdict=lambda *_: False)

    assert len(found) == 8
    assert kommo.requests <= 8 * (math.log2(250) + 3)


STAGE, ELSEWHERE = Stage(1, 2), Stage(1, 3)


def wanted(before: int | None) -> Assignment:
    return Assignment(
        account_id=1,
        lead_id=7,
        request_id="7.1",
        attempt=1,
        manager_id=501,
        responsible_before=before,
        decided_version=3,
        decided_at=NOON,
    )


def lead(responsible: int, *, after_s: float = 0, deleted: bool = False) -> Lead:
    return Lead(
        id=7,
        pipeline_id=1,
        status_id=2,
        responsible_user_id=responsible,
        created_at=NOON - timedelta(days=1),
        updated_at=NOON + timedelta(seconds=after_s),
        is_deleted=deleted,
    )


@pytest.mark.parametrize(
    ("before", "found", "ours", "expected"),
    [
        (500, lead(501), None, "confirmed"),
        (500, lead(500, after_s=99), None, "send"),
        (500, lead(777), None, "taken"),
        (500, lead(777, after_s=-99), None, "taken"),
        (500, lead(502), 502, "send"),
        (None, lead(777, after_s=-1), None, "send"),
        (None, lead(777, after_s=2), None, "send"),
        (None, lead(777, after_s=3), None, "taken"),
        (None, lead(501, after_s=3), None, "confirmed"),
        (500, None, None, "gone"),
        (500, lead(501, deleted=True), None, "gone"),
    ],
)
def test_F8_a_reading_tells_ours_the_old_one_and_a_person(
    before: int | None, found: Lead | None, ours: int | None, expected: str
) -> None:
    assert judge(wanted(before), found, ours=ours) == expected


def told(stage: Stage = STAGE, after_s: float | None = None) -> Assignment:
    told_at = None if after_s is None else NOON + timedelta(seconds=after_s)
    return replace(wanted(500), stage=stage, is_told=True, told_at=told_at)


@pytest.mark.parametrize(
    ("decision", "found", "expected"),
    [
        (told(), lead(500), "send"),
        (told(ELSEWHERE), lead(500), "not_there"),
        (replace(told(ELSEWHERE), is_told=False), lead(500), "send"),
        (told(after_s=-5), lead(500, after_s=-5), "send"),
        (told(after_s=-5), lead(500, after_s=99), "send"),
        (told(after_s=-5), lead(500, after_s=-7), "send"),
        (told(after_s=-5), lead(500, after_s=-8), "not_there"),
        (told(ELSEWHERE), lead(777), "not_there"),
        (told(), lead(777), "taken"),
        (told(), lead(501), "confirmed"),
        # Perhaps it was us, and the lead has moved on since.
        (told(ELSEWHERE), lead(501), "confirmed"),
        (told(ELSEWHERE), lead(501, after_s=-3), "not_there"),
        (replace(told(ELSEWHERE), responsible_before=501), lead(501), "not_there"),
        (told(ELSEWHERE), lead(500, deleted=True), "gone"),
    ],
)
def test_S2_what_hooks_tell_is_borne_out_by_where_the_lead_lies_and_when_it_changed(
    decision: Assignment, found: Lead, expected: str
) -> None:
    assert judge(decision, found, ours=None) == expected
