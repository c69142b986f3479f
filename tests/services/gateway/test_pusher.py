"""The pusher before a real HTTP server: what it sends, and above all what it does not."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import orjson
import pytest

from contracts.inbound import LeadObserved, ResponsibleRefused, ResponsibleSet
from projections.assignments import Assignment
from services.sandbox.knobs import Knobs
from services.shared.errors import Unavailable
from services.shared.lasting import lasting
from tests.services.gateway.world import PERSON, Books, World, running, utc_now, world
from tests.support.waiting import more, until

pytestmark = pytest.mark.server

ANA, BRUNO, CARLA = 501, 502, 503


async def settle(here: World, **settings: object) -> None:
    async with running(here.pusher(**settings).run()):
        await until(here.books.is_settled)


async def settle_fresh(here: World, decide: Callable[[], None], **settings: object) -> None:
    """Decide after the pusher has seen an empty work list, so that nothing is in doubt."""
    async with running(here.pusher(**settings).run()):
        await until(lambda: here.books.readings > 1)
        decide()
        await until(here.books.is_settled)


def sizes(here: World) -> list[int]:
    """How many leads each PATCH was about."""
    return [len(orjson.loads(row.body)) for row in here.requests("PATCH")]


async def test_F69_a_thousand_fresh_decisions_go_out_in_ever_larger_requests() -> None:
    async with world(1_000) as here:
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA), flights_max=1)

        assert sizes(here) == [50, 200, 250, 250, 250]
        assert here.requests("GET") == []
        assert sorted(here.patched_ids()) == here.lead_ids
        assert {here.owner(each) for each in here.lead_ids} == {ANA}
        answers = here.books.bodies(ResponsibleSet)
        assert {each.how for each in answers} == {"answered"}
        assert here.books.calls == 5


async def test_F33_after_errors_that_nobody_expected_all_is_pushed_as_before() -> None:
    async with world(3) as here:
        heads, broken = here.books.heads, [True] * 4

        async def refusing() -> Mapping[int, int]:
            if broken:
                broken.pop()
                raise RuntimeError("refused")
            return await heads()

        here.books.heads = refusing  # type: ignore[method-assign] # a store that refuses
        pushing = lasting("pusher", here.pusher().run, sleep=here.timing.sleep)
        async with running(pushing):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(here.books.is_settled)

        assert {here.owner(each) for each in here.lead_ids} == {ANA}


async def test_F69_batches_of_50_and_no_more_need_twenty_requests() -> None:
    async with world(1_000) as here:
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA), batch_size_max=50)

        assert sizes(here) == [50] * 20


async def test_F52_a_batch_that_takes_kommo_too_long_makes_smaller_ones_for_a_while() -> None:
    async with world(2_000) as here:
        here.sandbox.knobs.turn({"timeout_above": 120})
        await settle_fresh(
            here,
            lambda: here.books.decide(here.lead_ids, ANA),
            flights_max=1,
            retry_first_s=0.1,
        )

        # 200 were too many: half of that for a while.
        assert sizes(here) == [50, 200, *[100] * 19, 50]
        assert {here.owner(each) for each in here.lead_ids} == {ANA}


async def test_F69_batches_of_250_need_four_requests() -> None:
    async with world(1_000) as here:
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA), batch_size=250)

        assert len(here.requests("PATCH")) == 4


async def test_only_the_responsible_is_sent() -> None:
    async with world(1) as here:
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        body = orjson.loads(here.requests("PATCH")[0].body)
        assert body == [{"id": here.lead_ids[0], "responsible_user_id": ANA}]


async def test_what_was_answered_is_not_sent_again_while_it_is_not_settled() -> None:
    async with world(3) as here:
        here.books.settles = False
        async with running(here.pusher(poll_ms=500).run()):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.books.messages) == 3)
            await more(lambda: here.books.readings, 20)

        assert len(here.requests()) == 1


async def test_a_result_that_nobody_takes_notice_of_is_looked_at_again() -> None:
    async with world(1) as here:
        here.books.settles = False
        async with running(here.pusher(settle_s=5.0).run()):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.books.messages) == 2)

        assert [each.how for each in here.books.bodies(ResponsibleSet)] == ["answered", "read"]
        assert len(here.requests("PATCH")) == 1


async def test_F7_nothing_is_sent_for_a_decision_withdrawn_before_its_turn() -> None:
    async with world(2) as here:
        hooked = here.books.pending
        gone, stays = here.lead_ids

        async def withdrawn(account_id: int, **asked: int) -> object:
            here.books.rows.pop(gone, None)
            return await hooked(account_id, **asked)

        here.books.pending = withdrawn  # type: ignore[method-assign, assignment]
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        assert here.patched_ids() == [stays]


async def test_F8_rows_older_than_the_process_are_read_before_they_are_sent() -> None:
    async with world(9) as here:
        ours, old, person = here.lead_ids[:3], here.lead_ids[3:6], here.lead_ids[6:]
        here.person_takes(ours, ANA)  # the process before had set these
        here.person_takes(person, CARLA)
        here.books.decide(here.lead_ids, ANA)
        await settle(here)

        assert [row.method for row in here.requests()] == ["GET", "PATCH"]
        assert here.patched_ids() == old
        hows = {each.lead_id: each.how for each in here.books.bodies(ResponsibleSet)}
        assert hows == dict.fromkeys(ours, "read") | dict.fromkeys(old, "answered")
        seen = {each.lead_id: each.responsible_id for each in here.books.bodies(LeadObserved)}
        assert seen == dict.fromkeys(person, CARLA)


async def test_F8_rows_of_an_account_that_connects_late_are_read_before_they_are_sent() -> None:
    async with world(4) as here:
        ours, old = here.lead_ids[:2], here.lead_ids[2:]
        here.person_takes(ours, ANA)  # the process before had set these
        here.books.decide(here.lead_ids, ANA)
        here.accounts.is_known = False
        await here.connections.reload()
        async with running(here.pusher().run()):
            await until(lambda: here.books.readings > 2)
            here.accounts.is_known = True
            await here.connections.reload()
            await until(here.books.is_settled)

        assert [row.method for row in here.requests()] == ["GET", "PATCH"]
        assert here.patched_ids() == old


async def test_F8_an_unknown_past_is_told_by_time() -> None:
    async with world(2) as here:
        untouched, touched = here.lead_ids
        here.books.decide(
            here.lead_ids, ANA, before=None, decided_at=utc_now() - timedelta(minutes=5)
        )
        here.person_takes([touched], CARLA)
        await settle(here)

        assert here.patched_ids() == [untouched]
        assert here.owner(touched) == CARLA


async def test_F8_a_past_learnt_later_lets_a_decision_go_out_after_another_look() -> None:
    async with world(1) as here:
        here.books.settles = False
        (lead_id,) = here.lead_ids
        here.books.decide([lead_id], ANA, before=None, decided_at=utc_now() - timedelta(minutes=5))
        here.person_takes([lead_id], CARLA)
        async with running(here.pusher().run()):
            await until(lambda: len(here.books.bodies(LeadObserved)) == 1)
            assert here.patched_ids() == []
            # The account took notice, and still wants Ana.
            here.books.learn(lead_id, CARLA)
            await until(lambda: here.owner(lead_id) == ANA)

        assert [row.method for row in here.requests()] == ["GET", "GET", "PATCH"]


async def test_F50_a_cut_connection_is_read_and_not_repeated() -> None:
    async with world(20) as here:
        here.sandbox.knobs.turn({"cut_next": 1})
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        assert [row.method for row in here.requests()] == ["PATCH", "GET"]
        assert {each.how for each in here.books.bodies(ResponsibleSet)} == {"read"}


async def test_F50_a_person_who_acts_after_a_cut_is_never_overwritten() -> None:
    async with world(20) as here:
        here.sandbox.knobs.turn({"cut_next": 1})
        taken = here.lead_ids[:5]
        async with running(here.pusher().run()):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.requests("PATCH")) == 1)
            here.person_takes(taken, CARLA)
            await until(here.books.is_settled)

        assert len(here.requests("PATCH")) == 1
        assert {here.owner(each) for each in taken} == {CARLA}
        assert sorted(each.lead_id for each in here.books.bodies(LeadObserved)) == taken


async def test_F50_our_own_older_push_is_not_taken_for_a_person() -> None:
    async with world(1) as here:
        here.sandbox.knobs.turn({"cut_next": 1})
        async with running(here.pusher().run()):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.requests("PATCH")) == 1)
            here.books.decide(here.lead_ids, BRUNO, attempt=2, before=500)
            await until(here.books.is_settled)

        assert here.owner(here.lead_ids[0]) == BRUNO
        assert here.books.bodies(LeadObserved) == []


async def test_F49_after_five_failures_a_push_is_parked_and_retried_for_ever() -> None:
    async with world(2) as here:
        here.sandbox.knobs.turn({"error_next": 8})
        await settle_fresh(
            here, lambda: here.books.decide(here.lead_ids, ANA), parked_s=30.0, retry_first_s=1.0
        )

        statuses = [row.status for row in here.requests()]
        assert statuses[:8] == [503] * 8
        assert {here.owner(each) for each in here.lead_ids} == {ANA}
        times = [row.monotonic * here.timing.scale for row in here.requests()]
        pauses = [after - before for before, after in pairwise(times)]
        assert min(pauses[4:7]) >= 30.0


@pytest.mark.parametrize("bad", [1, 2, 10])
async def test_F52_bad_leads_of_250_do_not_keep_the_others(bad: int) -> None:
    async with world(250) as here:
        step = 250 // bad
        deleted = here.lead_ids[step // 2 :: step][:bad]
        here.sandbox.crm.delete(deleted, PERSON)
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA), batch_size=250)

        good = set(here.lead_ids) - set(deleted)
        assert {here.owner(each) for each in good} == {ANA}
        refused = here.books.bodies(ResponsibleRefused)
        assert sorted(each.lead_id for each in refused) == deleted
        assert {each.reason for each in refused} == {"lead_gone"}
        # The refused one, the good ones, a reading of the bad ones.
        assert len(here.requests()) == 3


async def test_F52_leads_refused_for_another_reason_are_sent_alone_once() -> None:
    async with world(50) as here:
        stubborn = tuple(here.lead_ids[10:13])
        here.sandbox.knobs.turn({"refuse_lead_ids": stubborn})
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        refused = here.books.bodies(ResponsibleRefused)
        assert tuple(each.lead_id for each in refused) == stubborn
        assert {each.reason for each in refused} == {"rejected"}
        assert all(each.detail for each in refused)
        assert len(here.requests("PATCH")) == 2 + len(stubborn)


async def test_F33_refusals_throughout_park_the_account_instead_of_closing_requests() -> None:
    async with world(50) as here:
        here.sandbox.knobs.turn({"refuse_lead_ids": tuple(here.lead_ids)})
        async with running(here.pusher(rejected_max=5, parked_s=9_999).run()):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.books.bodies(ResponsibleRefused)) == 5)
            await more(lambda: here.books.readings, 20)

        assert len(here.books.bodies(ResponsibleRefused)) == 5


async def test_F59_a_manager_who_left_is_refused_for_all_their_leads_at_once() -> None:
    async with world(50) as here:
        here.sandbox.account.users[BRUNO].is_active = False
        theirs, others = here.lead_ids[::2], here.lead_ids[1::2]

        def decide() -> None:
            here.books.decide(theirs, BRUNO)
            here.books.decide(others, ANA)

        await settle_fresh(here, decide)

        refused = here.books.bodies(ResponsibleRefused)
        assert sorted(each.lead_id for each in refused) == theirs
        assert {each.reason for each in refused} == {"manager_refused"}
        assert {here.owner(each) for each in others} == {ANA}
        # All, the good ones, a reading of theirs, one of them alone, and who is active.
        assert len(here.requests()) == 5


async def test_F47_no_request_leaves_inside_a_pause_and_one_probe_follows_it() -> None:
    knobs = Knobs(requests_per_second=1_000_000, retry_after_s=1, enforce_pause=True)
    # The sandbox's pauses are real seconds, so this clock is real.
    async with world(300, knobs=knobs, scale=1.0, rate_per_s=200.0) as here:
        here.sandbox.knobs.turn({"too_many_next": 1})
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        rows = here.requests()
        first = next(row for row in rows if row.status == 429)
        # What was under way when the answer came may still arrive; nothing may start later.
        late = [row for row in rows if row.in_pause and row.monotonic > first.monotonic + 0.2]
        assert late == []
        assert sum(row.status == 429 for row in rows) <= 2
        assert {here.owner(each) for each in here.lead_ids} == {ANA}


async def test_F48_a_blocked_address_is_probed_and_its_pushes_are_kept() -> None:
    knobs = Knobs(requests_per_second=1_000_000, block_after=1, block_s=0.5, retry_after_s=1)
    async with world(10, knobs=knobs, blocked_probe_s=30.0) as here:
        here.sandbox.knobs.turn({"too_many_next": 2})
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        assert [row.status for row in here.requests()] == [429, 403, 200]


async def test_F54_a_token_that_is_refused_stops_the_account_until_it_is_replaced() -> None:
    async with world(10) as here:
        good = here.accounts.token
        here.accounts.token = "expired"  # noqa: S105 - a value for the test
        await here.connections.reload()
        async with running(here.pusher(poll_ms=500).run()):
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.requests()) == 1)
            await more(lambda: here.books.readings, 20)
            assert len(here.requests()) == 1
            here.accounts.token = good
            await here.connections.reload()
            await until(here.books.is_settled)

        assert [row.status for row in here.requests("PATCH")][:1] == [401]


@pytest.mark.parametrize("status", [402, 403])
async def test_F58_an_unpaid_or_forbidden_account_is_tried_again_each_hour(status: int) -> None:
    async with world(10) as here:
        here.sandbox.knobs.turn({"error_next": 1, "error_status": status})
        await settle_fresh(
            here,
            lambda: here.books.decide(here.lead_ids, ANA),
            stopped_s=30.0,
            fresh_s=3_000.0,
        )

        assert [row.status for row in here.requests()] == [status, 200]
        first, second = here.requests()
        assert (second.monotonic - first.monotonic) * here.timing.scale >= 30.0


async def test_F51_at_most_two_requests_of_an_account_are_in_flight() -> None:
    knobs = Knobs(requests_per_second=1_000_000, answer_delay_ms=100)
    async with world(300, knobs=knobs) as here:
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        rows = here.requests("PATCH")
        spans = [(row.monotonic, row.monotonic + row.took_ms / 1_000) for row in rows]
        most = max(sum(a <= start < b for a, b in spans) for start, _ in spans)
        assert most <= 2


async def test_F60_a_newer_decision_replaces_an_older_one() -> None:
    async with world(1) as here:
        lead_id = here.lead_ids[0]

        def decide() -> None:
            here.books.decide([lead_id], ANA)
            here.books.decide([lead_id], BRUNO, attempt=2)

        await settle_fresh(here, decide)

        assert here.owner(lead_id) == BRUNO
        assert len(here.requests("PATCH")) == 1


async def test_F79_after_a_restored_backup_even_a_fresh_decision_is_read_before_it_is_sent() -> (
    None
):
    async with world(5) as here:
        taken, *free = here.lead_ids
        here.person_takes([taken], BRUNO)
        await here.restore_backup()
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        assert here.patched_ids() == free
        assert here.owner(taken) == BRUNO
        (observed,) = here.books.bodies(LeadObserved)
        assert (observed.lead_id, observed.responsible_id) == (taken, BRUNO)


async def test_F79_an_hour_after_a_restored_backup_fresh_decisions_go_out_at_once() -> None:
    async with world(5) as here:
        await here.restore_backup()
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA), unsure_s=0.0)

        assert here.patched_ids() == here.lead_ids
        assert here.requests("GET") == []


async def test_F49_a_work_list_that_is_away_delays_and_loses_nothing() -> None:
    class Flaky(Books):
        failures = 6

        async def heads(self) -> Mapping[int, int]:
            self._fail()
            return await super().heads()

        async def pending(self, account_id: int, *, limit: int, after: int) -> Sequence[Assignment]:
            self._fail()
            return await super().pending(account_id, limit=limit, after=after)

        def _fail(self) -> None:
            self.failures -= 1
            if self.failures > 0 and self.failures % 2:  # away for a while, not for ever
                raise Unavailable("away")

    async with world(5) as here:
        here.books = Flaky()
        await settle_fresh(here, lambda: here.books.decide(here.lead_ids, ANA))

        assert {here.owner(each) for each in here.lead_ids} == {ANA}
