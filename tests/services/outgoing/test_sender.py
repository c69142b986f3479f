"""Targets are told what happened: signed, in order, at least once, for three days (A8.4)."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.outgoing.post import Attempt
from services.outgoing.schedule import RETRIED_FOR, WAITS, next_attempt
from services.outgoing.signatures import new_secret
from services.outgoing.work import Due, WebhookWork
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE, arm
from services.shared.secrets import Unsealable
from services.shared.thin import IDS
from services.storage.webhook_deliveries import NewDelivery
from services.storage.webhook_targets import WebhookTarget
from tests.services.outgoing.kit import ACCOUNT, FIRST, Desk, desk, lookup, notice, seen
from tests.support.hook_target import OK, HookTarget, hook_target, status
from tests.support.waiting import until

HELD_UP = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""

pytestmark = pytest.mark.server

OTHER = 32_000_002


async def the_target(here: Desk) -> WebhookTarget:
    (target,) = await here.targets.of(ACCOUNT)
    return target


async def test_A8_4_what_happens_is_told_in_order_signed_and_thin(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool)
        await here.happen(lookup(1))  # before anybody wanted to know
        secret = await here.add(target.url)
        await here.happen(seen(7), lookup(7))
        async with here.sending():
            await here.happen(lookup(8))
            await until(lambda: len(target.told) == 3)
            await until(lambda: len(here.sent) == 3)

        assert target.versions() == [2, 3, 4]
        assert target.told[0].verify(secret) == {
            "type": "lead.seen",
            "version": 2,
            "at": FIRST.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account_id": ACCOUNT,
            **dict.fromkeys(IDS),
            "lead_id": 7,
        }
        assert target.ids() == [f"{ACCOUNT}-{version}" for version in (2, 3, 4)]
        assert target.told[0].headers["content-type"] == "application/json"
        assert here.sent == ["delivered"] * 3


async def test_A8_4_a_target_hears_what_it_asked_for_of_its_own_account(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool)
        await here.connect(OTHER)
        await here.add(target.url, "crm", "lead.seen")
        await here.happen(lookup(1), account_id=OTHER)
        await here.happen(lookup(1), seen(2), lookup(3), seen(4))
        async with here.sending():
            await until(lambda: len(target.told) == 2)

        assert target.versions() == [2, 4]
        assert (await the_target(here)).position == 4


async def test_A8_4_what_was_not_taken_comes_again_and_holds_nobody_up(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answers = [status(500), OK, OK]
        await here.happen(lookup(1), lookup(2), lookup(3))
        here.step = timedelta(seconds=1)
        async with here.sending():
            await until(lambda: len(target.told) == 4)
            await until(lambda: here.sent.count("delivered") == 3)

        # After a failure the target rests for as long as the first wait.
        assert sorted(target.versions()) == [1, 1, 2, 3]
        assert target.versions()[0] == 1
        first, *_ = await here.page()
        assert (first.state, first.attempts, first.status) == ("delivered", 2, 200)
        assert (await the_target(here)).failing_since is None


async def test_A8_4_three_days_of_retries_then_it_is_given_up_and_told_loudly(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = status(503)
        await here.happen(lookup(1))
        here.step = timedelta(minutes=4)
        async with here.sending():
            await until(lambda: _is(here, "failed"), within_s=60)
            (delivery,) = await here.page()
            found = await the_target(here)

        waits = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000]
        assert delivery.attempts == len(waits) + 1  # the last one at the end of the third day
        assert delivery.last_at is not None
        assert delivery.first_at is not None
        over = delivery.last_at - delivery.first_at
        assert RETRIED_FOR <= over < RETRIED_FOR + timedelta(hours=1)
        assert (delivery.error, delivery.status) == ("status", 503)
        assert (found.off_because, found.failures) == ("status", delivery.attempts)
        assert len(set(target.ids())) == 1


async def test_A8_4_a_target_that_was_given_up_hears_all_it_missed_after_a_ping(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = status(410)  # gone: at once
        await here.happen(lookup(1))
        async with here.sending():
            await until(lambda: _is_off(here))
            await here.happen(lookup(2), lookup(3))
            target.answer = OK
            await here.deliveries.add(ACCOUNT, "crm", _ping())
            await until(lambda: len(target.told) == 4)
            await here.deliveries.send_again(ACCOUNT, "crm")
            here.step = timedelta(seconds=1)
            await until(lambda: len(target.told) == 5)

        told = [each.data["version"] for each in target.told]
        assert (told[:2], sorted(told)) == ([1, 0], [0, 1, 1, 2, 3])
        assert (await the_target(here)).off_at is None


async def test_A8_4_a_ping_is_sent_once(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = status(500)
        await here.deliveries.add(ACCOUNT, "crm", _ping())
        here.step = timedelta(hours=1)
        async with here.sending():
            await until(lambda: _is(here, "failed"))

        assert len(target.told) == 1
        assert (await the_target(here)).failing_since is None


@dataclass(frozen=True)
class LateWork(WebhookWork):
    """Whose second answer is old when it comes: what was due is done by then."""

    here: Desk
    target: HookTarget
    looks: list[datetime] = field(default_factory=list)

    async def due(
        self, now: datetime, *, of: tuple[int, str] | None = None, limit: int
    ) -> list[Due]:
        found = await super().due(now, of=of, limit=limit)
        if of is None:
            self.looks.append(now)
        if of is None and len(self.looks) == 2:
            assert found, "the target answers only now"
            self.target.answers_after.set()
            await until(lambda: _is(self.here, "failed"))
        return found


async def test_A8_4_what_was_sent_while_the_sender_looked_is_not_sent_again(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer, target.answers_after = status(500), asyncio.Event()
        here.work = work = LateWork(pool, here, target)
        await here.deliveries.add(ACCOUNT, "crm", _ping())
        async with here.sending():
            await until(lambda: len(work.looks) > 3)

        assert len(target.told) == 1


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (status(301, "Location: http://127.0.0.1:1/"), "redirect"),
        (status(307, "Location: https://evil.test/"), "redirect"),
        (status(404), "status"),
        (b"no http at all\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", "unreachable"),
        (None, "timed_out"),
    ],
)
async def test_S14_an_answer_that_is_none_leads_nowhere(
    pool: Any, answer: bytes | None, failure: str
) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = answer
        await here.happen(lookup(1))
        async with here.sending(timeout_s=0.5 if answer is None else 30.0):
            await until(lambda: len(here.sent) == 1)

        assert here.sent == [failure]
        assert len(target.told) == 1


async def test_S14_an_answer_without_an_end_is_not_read(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.endless = True
        target.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"
        await here.happen(lookup(1))
        async with here.sending():
            await until(lambda: here.sent == ["delivered"])
            target.endless = False


async def test_A8_4_a_dead_target_holds_up_no_other(pool: Any) -> None:
    async with hook_target() as dead, hook_target() as well:
        dead.answer = None
        here = await desk(pool, [dead.url, well.url])
        await here.happen(*map(lookup, range(1, 31)))
        async with here.sending(timeout_s=30.0):
            await until(lambda: len(well.told) == 30)

        assert well.versions() == list(range(1, 31))
        assert len(dead.told) == 1


async def test_A8_4_so_many_targets_are_sent_to_at_once_and_each_one_by_one(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url] * 5)
        await here.happen(*map(lookup, range(1, 11)))
        async with here.sending(targets_max=2, turn_max=3):
            await until(lambda: len(target.told) == 50)

        assert target.most <= 2


async def test_A8_4_what_waits_is_bounded_and_nothing_is_lost_by_it(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = status(500)
        await here.happen(*map(lookup, range(1, 31)))
        async with here.sending(backlog_max=3, page_events=5):
            await until(lambda: len(here.sent) >= 1)
        listed = await here.page(state="pending")
        # A page of them goes over the bound at most; the rest stays in the store.
        assert (len(listed), (await the_target(here)).position) == (5, 5)

        target.answer = OK
        target.told.clear()
        here.step = timedelta(minutes=1)
        async with here.sending(backlog_max=3, page_events=5):
            await until(lambda: len(set(target.ids())) == 30)
        assert {each.data["version"] for each in target.told} == set(range(1, 31))


async def test_F8_killed_after_the_answer_it_is_told_again_under_the_same_id(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        await here.happen(lookup(1))
        arm({PROFILE_VARIABLE: TEST_PROFILE, POINTS_VARIABLE: f"{AFTER}@1=raise:RuntimeError"})
        with pytest.raises(ExceptionGroup):
            await here.sender().run()
        async with here.sending():
            await until(lambda: _is(here, "delivered"))

        assert target.ids() == [f"{ACCOUNT}-1"] * 2


async def test_D12_2_the_target_that_a_rule_names_is_told_whatever_it_was_added_for(
    pool: Any,
) -> None:
    async with hook_target() as target, hook_target() as other:
        here = await desk(pool)
        await here.add(target.url, "crm", "lead.seen")
        await here.add(other.url, "other", "lead.seen")
        await here.happen(notice(7), lookup(7), seen(7))
        async with here.sending():
            await until(lambda: len(target.told) == 2)
            await until(lambda: len(other.told) == 1)
            await until(lambda: here.settled() == [("7.1/1", "answered")])

        told = target.told[0].data
        assert (told["type"], told["lead_id"], told["rule_id"]) == (
            "notice.requested",
            7,
            "new",
        )
        assert other.versions() == [3]


async def test_D12_2_a_rule_that_names_nobody_is_told_so_once(pool: Any) -> None:
    here = await desk(pool)
    await here.happen(notice(7, "nobody"), notice(8, "nobody"))
    async with here.sending():
        await until(lambda: len(here.settled()) == 2)
        await until(lambda: _looked(here))

    assert sorted(here.settled()) == [("7.1/1", "no_target"), ("8.1/1", "no_target")]


async def test_D12_2_the_account_need_not_wait_for_a_target_that_was_given_up(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = status(410)
        await here.happen(notice(7), notice(8))
        async with here.sending():
            await until(lambda: len(here.settled()) == 2)

        assert sorted(here.settled()) == [("7.1/1", "given_up"), ("8.1/1", "given_up")]


async def test_F8_killed_before_it_is_stored_a_target_and_its_account_are_told_again(
    pool: Any,
) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        await here.happen(notice(7))
        arm({PROFILE_VARIABLE: TEST_PROFILE, POINTS_VARIABLE: f"{SETTLED}@1=raise:RuntimeError"})
        with pytest.raises(ExceptionGroup):
            await here.sender().run()
        async with here.sending():
            await until(lambda: _is(here, "delivered"))

        assert target.ids() == [f"{ACCOUNT}-1"] * 2
        assert here.settled() == [("7.1/1", "answered")] * 2  # the account notes it once


async def test_A8_4_while_a_secret_is_rotated_both_verify(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool)
        former = await here.add(target.url)
        present = (await _rotated(here, timedelta(hours=1))).pop()
        await here.happen(lookup(1))
        async with here.sending():
            await until(lambda: len(target.told) == 1)
        (told,) = target.told

        assert told.verify(former) == told.verify(present) == told.data
        (alone,) = await _rotated(here, timedelta())
        assert await here.targets.secrets(ACCOUNT, "crm") == (alone,)


async def test_S17_secrets_are_sealed_for_their_target(pool: Any) -> None:
    here = await desk(pool)
    secret = await here.add("https://hooks.example.com/", "one")
    await here.add("https://hooks.example.com/", "two")
    rows = await pool.fetch("SELECT * FROM webhook_targets")
    assert secret.get_secret_value().removeprefix("whsec_") not in str(rows)
    await pool.execute(
        "UPDATE webhook_targets SET secret_sealed ="
        " (SELECT secret_sealed FROM webhook_targets WHERE name = 'one') WHERE name = 'two'"
    )

    assert await here.targets.secrets(ACCOUNT, "one") == (secret,)
    with pytest.raises(Unsealable):
        await here.targets.secrets(ACCOUNT, "two")
    assert await here.targets.secrets(ACCOUNT, "three") == ()


async def test_F14_accounts_of_others_are_left_to_them(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        here.owned = False
        await here.happen(lookup(1))
        async with here.sending():
            here.owned = await _false_for_a_few_looks(here)
            await until(lambda: len(target.told) == 1)


async def test_A8_4_a_target_that_is_removed_takes_its_deliveries_along(pool: Any) -> None:
    async with hook_target() as target:
        here = await desk(pool, [target.url])
        target.answer = status(500)
        await here.happen(lookup(1))
        async with here.sending():
            await until(lambda: len(here.sent) == 1)
            await here.targets.remove(ACCOUNT, "crm")

        assert await here.page() == []
        assert not await here.targets.remove(ACCOUNT, "crm")


@pytest.mark.parametrize("failure", [None, "status"])
async def test_A8_4_what_came_of_a_delivery_is_noted_in_the_order_in_which_targets_are_removed(
    pool: Any, failure: str | None
) -> None:
    """Else each may wait for the other, and whoever removes a target is told of a deadlock."""
    here = await desk(pool, ["http://127.0.0.1:1/hooks"])
    await here.deliveries.add(ACCOUNT, "crm", _ping())
    (due,) = await here.work.due(here.now, limit=1)
    answer = Attempt(failure=failure)

    async def noted() -> None:
        if failure is None:
            await here.work.taken(due.delivery, answer, at=here.now)
            return
        rest = {"at": here.now, "next_at": None, "off_after": RETRIED_FOR}
        await here.work.not_taken(due.delivery, answer, **rest)

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM webhook_targets FOR UPDATE")
        noting = asyncio.create_task(noted())
        await until(lambda: pool.fetchval(HELD_UP))
        # As removing the target goes on.
        await connection.execute("SELECT FROM webhook_deliveries FOR UPDATE NOWAIT")
        assert not noting.done()
    await noting

    assert await here.states() == ["delivered" if failure is None else "failed"]


@pytest.mark.parametrize(
    ("attempts", "asked_s", "wait_s"),
    [
        (1, None, 5),
        (2, None, 300),
        (8, None, 72_000),
        (9, None, 72_000),
        (1, 60, 60),
        (3, 60, 1_800),
    ],
)
def test_A8_4_the_waits_grow_and_what_the_target_asks_for_is_heard(
    attempts: int, asked_s: int | None, wait_s: int
) -> None:
    asked = None if asked_s is None else timedelta(seconds=asked_s)
    at = next_attempt(
        FIRST, first_at=FIRST, attempts=attempts, retry_after=asked, random=lambda: 0.0
    )

    assert at == FIRST + timedelta(seconds=wait_s)


def test_A8_4_a_target_cannot_put_it_off_for_ever() -> None:
    year = timedelta(days=365)
    at = next_attempt(FIRST, first_at=FIRST, attempts=1, retry_after=year, random=lambda: 0.0)
    late = FIRST + timedelta(hours=71)

    assert at == FIRST + timedelta(hours=6)
    assert next_attempt(
        late, first_at=FIRST, attempts=5, retry_after=year, random=lambda: 0.9
    ) == FIRST + timedelta(days=3)
    assert (
        next_attempt(
            FIRST + RETRIED_FOR, first_at=FIRST, attempts=9, retry_after=None, random=lambda: 0.0
        )
        is None
    )


def test_A8_4_what_failed_together_does_not_come_again_together() -> None:
    found = {
        next_attempt(FIRST, first_at=FIRST, attempts=3, retry_after=None, random=lambda x=x: x)
        for x in (0.0, 0.25, 0.5, 0.99)
    }

    assert len(found) == 4
    assert all(at is not None and at - FIRST >= WAITS[2] for at in found)


AFTER = "gateway.after_webhook"
SETTLED = "gateway.after_settling"


def _ping() -> Any:
    body = '{"type":"ping","version":0}'
    return NewDelivery(message_id="ping-1", version=0, type="ping", body=body)


async def _rotated(here: Desk, overlap: timedelta) -> list[Any]:
    secret = new_secret()
    await here.targets.rotate(ACCOUNT, "crm", secret, overlap=overlap)
    return [secret]


async def _is(here: Desk, state: str) -> bool:
    return state in await here.states()


async def _is_off(here: Desk) -> bool:
    return (await the_target(here)).off_at is not None


async def _false_for_a_few_looks(here: Desk) -> bool:
    await until(lambda: _looked(here))
    assert await here.page() == []
    return True


async def _looked(here: Desk) -> bool:
    """Whether the sender had the time to see that somebody is behind."""
    here.step = timedelta(seconds=1)
    return here.passed > timedelta(seconds=5)
