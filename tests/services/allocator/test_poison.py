"""What cannot be read or trips over a bug is kept aside; everything else goes on (F33)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.events import AllocationEvent, LeadAssigned, Recorded
from contracts.inbound import Inbound, TriggerFired
from domain.decide import decide
from domain.state import Account
from services.allocator import run
from services.allocator.accounts import Stores
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from tests.domain.scenario import dp
from tests.services.allocator.kit import ACCOUNT, Desk, at, drain, leads

OTHER = 32_000_002
Decide = Callable[[Account, Inbound], tuple[AllocationEvent, ...]]


@pytest.fixture(autouse=True)
def _hushed() -> Iterator[None]:
    """The tracebacks of bugs made on purpose are costly to draw."""
    with capture_logs():
        yield


class Bug:
    """The engine, tripping over some leads half way through them."""

    def __init__(self, *lead_ids: int) -> None:
        self.lead_ids = set(lead_ids)

    def __call__(self, account: Account, message: Inbound) -> tuple[AllocationEvent, ...]:
        events = decide(account, message)
        if isinstance(message.body, TriggerFired) and message.body.lead_id in self.lead_ids:
            raise ZeroDivisionError
        return events


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def break_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bug]:
    def break_it(*lead_ids: int) -> Bug:
        bug = Bug(*lead_ids)
        monkeypatch.setattr(run, "decide", bug)
        return bug

    return break_it


async def assigned(desk: Desk, account_id: int = ACCOUNT) -> list[int]:
    log = await desk.log(account_id)
    return [r.event.lead_id for r in log if isinstance(r.event, LeadAssigned)]


async def test_F33_a_message_that_trips_over_a_bug_is_kept_and_its_account_goes_on(
    pool: Any, break_engine: Callable[..., Bug]
) -> None:
    break_engine(2)
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(4))

    await drain(desk.allocator())

    assert await assigned(desk) == [1, 3, 4]
    (letter,) = await desk.letters()
    assert (letter.account_id, letter.position, letter.source) == (
        ACCOUNT,
        4,
        f"fairlead.inbound.v1:inbound/{ACCOUNT}",
    )
    assert letter.reason == "the engine tripped over this message"
    assert letter.body == encode_inbound(
        Inbound(account_id=ACCOUNT, message_id="m4", at=at(4), body=dp(2))
    )
    assert await desk.position() == 6


async def test_S21_what_is_not_understood_lies_sealed_from_the_first_moment(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.publish(ACCOUNT, [b'{"of": "Anna"}'])

    await drain(desk.allocator())

    lies = await pool.fetchrow("SELECT body, is_sealed FROM dead_letters")
    assert lies["is_sealed"]
    assert b"Anna" not in lies["body"]
    assert [letter.body for letter in await desk.letters()] == [b'{"of": "Anna"}']


async def test_F33_half_of_a_decision_leaves_no_trace_in_the_state(
    pool: Any, break_engine: Callable[..., Bug]
) -> None:
    break_engine(2)
    desk = Desk(pool)
    await desk.open()
    allocator = desk.allocator()
    await desk.tell(*leads(4))
    await drain(allocator)
    await desk.tell(*leads(1, first=5))
    await drain(allocator)

    state = await allocator._accounts.get(ACCOUNT)
    assert sorted(state.leads) == [1, 3, 4, 5]
    assert await assigned(desk) == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\xfe", "message: expected JSON"),
        (b"[]", "message: expected a JSON object"),
        (b'{"v": 1, "type": "made.up"}', "type: expected one of the known"),
        (
            encode_inbound(Inbound(account_id=OTHER, message_id="m", at=at(0), body=dp())),
            f"account_id: expected {ACCOUNT}, the key of the message",
        ),
        (
            encode_inbound(
                Inbound(account_id=ACCOUNT, message_id="m", at=at(0), body=dp())
            ).replace(b'"v":1', b'"v":99'),
            "v: expected a version from 1 to 1",
        ),
    ],
)
async def test_F33_what_cannot_be_read_is_kept_with_its_reason(
    pool: Any, value: bytes, reason: str
) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(1))
    await desk.publish(ACCOUNT, [value])
    desk.numbers[ACCOUNT] += 1
    await desk.tell(*leads(1, first=2))

    await drain(desk.allocator())

    (letter,) = await desk.letters()
    assert reason in letter.reason
    assert (letter.position, letter.body, letter.state) == (4, value, "kept")
    assert await assigned(desk) == [1, 2]
    assert await desk.has_taken_in()


async def test_F33_unreadable_messages_alone_move_the_position_too(pool: Any) -> None:
    desk = Desk(pool)
    await desk.publish(ACCOUNT, [b"?"] * 30)

    await drain(desk.allocator(poisonous_in_row_max=5))

    assert len(await desk.letters()) == 30
    assert await desk.position() == 30
    assert await desk.log() == []


async def test_F33_a_bug_that_hits_every_message_stops_the_source_and_not_the_others(
    pool: Any, break_engine: Callable[..., Bug]
) -> None:
    break_engine(*range(100, 200))
    desk = Desk(pool)
    await desk.open(ACCOUNT, OTHER)
    clock = Clock()
    allocator = desk.allocator(monotonic=clock, stopped_s=30)
    await desk.tell(*leads(1), *leads(40, first=100))
    await drain(allocator)
    assert len(await desk.letters()) == 20
    assert await desk.position() == 3 + 20

    clock.now = 29
    await desk.tell(*leads(2), to=OTHER)
    await desk.tell(*leads(1, first=2))
    await drain(allocator)

    assert await assigned(desk, OTHER) == [1, 2]
    assert await assigned(desk) == [1]
    assert await desk.position() == 3 + 20


async def test_F33_a_stopped_source_is_tried_again_and_goes_on_where_it_stood(
    pool: Any, break_engine: Callable[..., Bug]
) -> None:
    bug = break_engine(*range(100, 200))
    desk = Desk(pool)
    await desk.open()
    clock = Clock()
    allocator = desk.allocator(monotonic=clock, stopped_s=30)
    await desk.tell(*leads(40, first=100))
    await drain(allocator)
    bug.lead_ids.clear()
    await drain(allocator)
    assert await assigned(desk) == []

    clock.now = 30
    await drain(allocator)

    assert await assigned(desk) == [*range(120, 140)]
    assert [letter.position for letter in await desk.letters()] == [*range(3, 23)]
    assert await desk.has_taken_in()


async def test_F33_what_the_store_refuses_of_one_account_waits_and_the_others_go_on(
    pool: Any,
) -> None:
    desk, clock, broken, away = Desk(pool), Clock(), [True], [True]
    await desk.open(ACCOUNT, OTHER)

    class Refusing(EventStore):
        async def append(self, events: Sequence[Recorded], **rest: Any) -> None:
            if broken and rest["source"].endswith(str(ACCOUNT)):
                raise RuntimeError("refused")
            if broken and away:
                away.clear()
                raise Unavailable("away")  # and hides what was refused from nobody
            await super().append(events, **rest)

    stores = Stores(Refusing(pool), SnapshotStore(pool))
    allocator = desk.allocator(stores=stores, monotonic=clock, stopped_s=30)
    await desk.tell(*leads(2))
    await desk.tell(*leads(2), to=OTHER)
    with pytest.raises(RuntimeError, match="refused"):
        await drain(allocator)
    await drain(allocator)
    assert (await assigned(desk), await assigned(desk, OTHER)) == ([], [1, 2])

    broken.clear()
    clock.now = 30
    await drain(allocator)

    assert await assigned(desk) == [1, 2]
    assert await desk.has_taken_in()


async def test_F33_poison_now_and_then_stops_nothing(
    pool: Any, break_engine: Callable[..., Bug]
) -> None:
    break_engine(*range(1, 200, 2))
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(20))

    await drain(desk.allocator(poisonous_in_row_max=3))

    assert len(await desk.letters()) == 10
    assert await assigned(desk) == [*range(2, 21, 2)]


async def test_F80_an_event_of_another_release_stops_its_account_and_not_the_others(
    pool: Any,
) -> None:
    desk = Desk(pool)
    await desk.open(ACCOUNT, OTHER)
    await drain(desk.allocator())
    known = (
        "UPDATE account_events SET topic = $2 WHERE originator_id = $1 AND originator_version = 1"
    )
    topic = await pool.fetchval(
        "SELECT topic FROM account_events WHERE originator_id = $1 AND originator_version = 1",
        f"account-{ACCOUNT}",
    )
    await pool.execute(known, f"account-{ACCOUNT}", "made.up")
    clock = Clock()
    allocator = desk.allocator(monotonic=clock, stopped_s=30)
    await desk.tell(*leads(1))
    await desk.tell(*leads(2), to=OTHER)
    await drain(allocator)
    assert await assigned(desk, OTHER) == [1, 2]
    assert await desk.letters() == []

    await pool.execute(known, f"account-{ACCOUNT}", topic)
    clock.now = 30
    await drain(allocator)

    assert await assigned(desk) == [1]
