"""A person lets a log that was made anew go on: its numbers come again, its messages do not."""

from collections.abc import Sequence
from typing import Any

from contracts.events import LeadAssigned
from contracts.inbound import Inbound
from services.allocator.run import CONSUMER, letters_of
from services.log.port import Batch, Record
from services.shared.codec import encode_inbound
from services.storage.resumption import Resumed, Resumption
from tests.domain.scenario import ANN, BOB, BOSS, dp, rule, rules, users
from tests.services.allocator.kit import ACCOUNT, Desk, at

SOURCE = "fairlead.inbound.v1/3"
LETTERS = letters_of(SOURCE)


class Script:
    """A reader of these batches."""

    def __init__(self, *batches: Batch) -> None:
        self._batches = list(batches)

    async def read(self, **_: Any) -> list[Batch]:
        return [self._batches.pop(0)]

    def rewind(self, source: str) -> None:
        raise AssertionError(f"{source} was read in vain")


def batch(*values: bytes) -> Batch:
    """From the first position on."""
    return Batch(SOURCE, tuple(Record(ACCOUNT, n, value) for n, value in enumerate(values, 1)))


def messages(name: str, bodies: Sequence[Any]) -> list[bytes]:
    return [
        encode_inbound(Inbound(account_id=ACCOUNT, message_id=f"{name}{n}", at=at(n), body=body))
        for n, body in enumerate(bodies)
    ]


async def resume_at_0(pool: Any, before: int) -> bool:
    return await Resumption(pool).move(
        CONSUMER, SOURCE, before=before, after=0, letters_of=LETTERS, by="administrator ann"
    )


async def test_F22_an_allocator_that_was_further_takes_in_what_has_its_number_again(
    pool: Any,
) -> None:
    old = messages("old", [users(ANN, BOB, BOSS), rules(rule(ANN, BOB)), dp(1), dp(2)])
    new = messages("new", [dp(3), dp(4)])
    desk = Desk(pool)
    allocator = desk.allocator(reader=Script(batch(*old), batch(*new)))
    await allocator.step()

    assert await resume_at_0(pool, before=len(old))
    await allocator.step()

    decided = [each.event for each in await desk.log() if isinstance(each.event, LeadAssigned)]
    assert [event.lead_id for event in decided] == [1, 2, 3, 4]
    assert await desk.events.position(CONSUMER, SOURCE) == len(new)
    (kept,) = await Resumption(pool).last(10)
    assert kept == Resumed(
        resumed_at=kept.resumed_at,
        resumed_by="administrator ann",
        source=SOURCE,
        position_before=len(old),
        position_after=0,
    )


async def test_F22_F33_a_dead_letter_does_not_stand_in_for_the_one_that_has_its_number_again(
    pool: Any,
) -> None:
    desk = Desk(pool)
    allocator = desk.allocator(reader=Script(batch(b"old"), batch(b"new")))
    await allocator.step()

    assert await resume_at_0(pool, before=1)
    await allocator.step()

    assert [(each.source, each.position, each.body) for each in await desk.letters()] == [
        (f"{LETTERS} until 1", 1, b"old"),
        (LETTERS, 1, b"new"),
    ]


async def test_F22_a_position_that_has_moved_since_it_was_looked_at_is_left(pool: Any) -> None:
    desk = Desk(pool)
    allocator = desk.allocator(reader=Script(batch(b"one"), batch(b"two")))
    await allocator.step()

    assert not await resume_at_0(pool, before=7)
    assert await Resumption(pool).last(10) == []
    assert await desk.events.position(CONSUMER, SOURCE) == 1
    assert [each.source for each in await desk.letters()] == [LETTERS]
