"""Many accounts with more than Kommo takes at once, on virtual time (F69, F70, F72)."""

import pytest

from services.gateway.settings import PushSettings
from tests.simulation.backlog import STEP_S, Outcome, run_backlog

RATE = 6.0


def least(sizes: list[int], *, is_read: bool) -> int:
    """The requests that the largest batches would need."""
    writes = sum(-(-size // PushSettings().batch_size_max) for size in sizes)
    return 2 * writes if is_read else writes


def assert_served_alike(outcome: Outcome, sizes: list[int], *, is_read: bool) -> None:
    """Each account has its first lead in the first round, and none is far behind another."""
    round_s = len(sizes) * (2 if is_read else 1) / RATE

    assert {account_id: len(times) for account_id, times in outcome.set_at.items()} == dict(
        zip(outcome.set_at, sizes, strict=True)
    )
    assert max(outcome.first()) <= 1.5 * round_s
    assert max(outcome.p95()) <= min(outcome.p95()) + 1.5 * round_s
    # Kommo's limit is used as far as it goes: nothing stands still meanwhile.
    ended_s = max(times[-1] for times in outcome.set_at.values())
    assert ended_s <= 1.1 * len(outcome.requests) / RATE + 2.0
    assert outcome.busiest_second() <= 7


def test_F70_accounts_with_a_backlog_are_served_alike() -> None:
    sizes = [1_500] * 20

    outcome = run_backlog(sizes, until_s=120)

    assert_served_alike(outcome, sizes, is_read=False)
    assert len(outcome.requests) <= 1.2 * least(sizes, is_read=False)


def test_F72_a_backlog_from_before_the_start_is_read_and_written_batch_by_batch() -> None:
    sizes = [1_500] * 20

    outcome = run_backlog(sizes, until_s=120, is_old=True)

    assert_served_alike(outcome, sizes, is_read=True)
    assert len(outcome.requests) <= 1.2 * least(sizes, is_read=True)
    reads = [leads for _, method, leads in outcome.requests if method == "GET"]
    assert sorted(reads) == sorted(outcome.patches())


@pytest.mark.parametrize("fresh_s", [1.0, 5.0])
def test_F72_what_grows_old_faster_than_it_is_sent_is_sent_all_the_same(fresh_s: float) -> None:
    sizes = [500] * 30

    outcome = run_backlog(sizes, until_s=120, fresh_s=fresh_s, batch_size=250)

    assert len(outcome.requests) <= least(sizes, is_read=True)


def test_F70_one_account_with_ten_thousand_keeps_none_of_the_others_waiting() -> None:
    sizes = [10_000] + [10] * 39

    outcome = run_backlog(sizes, until_s=120)

    others = list(outcome.set_at.values())[1:]
    assert max(times[-1] for times in others) <= 1.5 * len(sizes) / RATE
    assert len(outcome.requests) <= 1.2 * least(sizes, is_read=False)


def test_F70_beside_a_hundred_thousand_the_other_account_waits_at_most_twice_as_long() -> None:
    """Through the pusher and the limiter as they are: every other request is the other one's.

    Below a second a turn counts: the one that has just begun is not taken back.
    """
    turn_s = 1 / RATE
    for flood, leads in ((10_000, 10), (100_000, 3_000)):
        alone = run_backlog([leads], until_s=60)
        beside = run_backlog([flood, leads], until_s=60, ends_with=1)

        (alone_s,), (_, beside_s) = alone.p95(), beside.p95()
        assert len(list(beside.set_at.values())[1]) == leads
        assert beside_s - STEP_S <= 2 * (alone_s - STEP_S) + turn_s


def test_I13_a_board_holds_what_is_under_way_and_no_more() -> None:
    outcome = run_backlog([8_000, 8_000], until_s=120)

    # What was set in the few seconds before it is looked for again, and two batches.
    assert outcome.board_max <= 5_000


def test_F70_what_a_turn_costs_does_not_grow_with_what_waits() -> None:
    short, long = (run_backlog([size] * 10, until_s=200) for size in (1_000, 4_000))

    def rows_per_lead(outcome: Outcome) -> float:
        leads = sum(len(times) for times in outcome.set_at.values())
        return outcome.rows_read / leads

    assert rows_per_lead(long) <= 1.1 * rows_per_lead(short)
