"""What every event store must do: for the one on PostgreSQL and for the simulation's."""

from collections.abc import Sequence
from typing import Any

import pytest

from contracts.events import Recorded
from services.shared.codec import encode_event
from services.storage.dead_letters import DeadLetter
from services.storage.events import AlreadyRecorded, ConcurrentAppend, DecidedTwice, Moved
from services.storage.events import account_source as source_of_account
from tests.support.samples import assigned, looked_up
from tests.support.vault import seal

SOURCE = "inbound/1"


async def append(
    store: Any,
    *events: Recorded,
    position: int,
    source: str = SOURCE,
    dead: Sequence[DeadLetter] = (),
) -> None:
    sealed = [seal(letter) for letter in dead]
    await store.append(events, consumer="allocator", source=source, position=position, dead=sealed)


def letter(position: int) -> DeadLetter:
    return DeadLetter(
        account_id=1,
        source=SOURCE,
        position=position,
        reason="odd",
        content_type="application/json",
        body=b"{}",
    )


class EventStoreConformance:
    """Inherit, and provide the fixture `store`: a fresh, empty one."""

    async def test_F6_events_and_position_are_recorded_together(self, store: Any) -> None:
        events = [assigned(1, 1), looked_up(1, 2), looked_up(2, 1)]
        await append(store, *events, position=4, dead=[letter(3), letter(3)])

        assert await store.stream(1) == events[:2]
        assert await store.stream(1, after=1) == events[1:2]
        assert await store.stream(1, limit=1) == events[:1]
        assert await store.heads() == {1: 2, 2: 1}
        assert (await store.head(1), await store.head(3)) == (2, 0)
        assert await store.position("allocator", SOURCE) == 4
        assert await store.position("another", SOURCE) is None

    async def test_I10_stored_events_come_as_they_lie_there(self, store: Any) -> None:
        events = [assigned(1, 1), looked_up(1, 2), looked_up(1, 3), looked_up(2, 1)]
        await append(store, *events, position=4)

        found = await store.stored({2: 0, 1: 1, 3: 0}, limit=1)
        assert [(each.originator_id, each.originator_version) for each in found] == [
            ("account-1", 2),
            ("account-2", 1),
        ]
        assert [(each.topic, each.state) for each in found] == [
            encode_event(events[1]),
            encode_event(events[3]),
        ]

    async def test_F38_a_position_never_moves_back(self, store: Any) -> None:
        await append(store, looked_up(1, 1), looked_up(2, 1), position=1)

        await store.advance("relay", {1: 5, 2: 7})
        await store.advance("relay", {2: 6, 1: 6})

        places = [source_of_account(1), source_of_account(2)]
        assert await store.positions("relay", places) == {places[0]: 6, places[1]: 7}

    @pytest.mark.parametrize(
        "bad",
        [
            [looked_up(2, 1), looked_up(1, 1)],
            [looked_up(2, 1), looked_up(1, 3)],
            [looked_up(2, 1), looked_up(1, 2), looked_up(1, 4)],
            [looked_up(2, 1), looked_up(1, 2), looked_up(1, 2)],
            [looked_up(2, 2)],
        ],
    )
    async def test_I6_versions_go_on_or_nothing_is_written(
        self, store: Any, bad: list[Recorded]
    ) -> None:
        await append(store, assigned(1, 1), position=1)

        with pytest.raises(ConcurrentAppend):
            await append(store, *bad, position=2)

        assert await store.heads() == {1: 1}
        assert await store.position("allocator", SOURCE) == 1

    async def test_F5_a_position_is_recorded_once(self, store: Any) -> None:
        await append(store, looked_up(1, 1), position=5)

        for stale in (5, 4, 0):
            with pytest.raises(AlreadyRecorded):
                await append(store, looked_up(1, 2), position=stale)

        await append(store, position=6)
        await append(store, position=0, source="inbound/2")
        assert await store.positions("allocator", [SOURCE, "inbound/2", "inbound/3"]) == {
            SOURCE: 6,
            "inbound/2": 0,
        }

    async def test_I3_a_decision_is_stored_once(self, store: Any) -> None:
        await append(store, assigned(1, 1), position=1)

        with pytest.raises(DecidedTwice):
            await append(store, assigned(1, 2), position=2)

        await append(store, assigned(2, 1), position=2)
        assert await store.heads() == {1: 1, 2: 1}

    async def test_F45_a_reader_finds_who_moved(self, store: Any) -> None:
        await append(store, looked_up(3, 1), looked_up(1, 1), looked_up(1, 2), position=1)

        assert await store.moved("relay") == [Moved(1, 2, 0), Moved(3, 1, 0)]
        assert await store.moved("relay", after=1) == [Moved(3, 1, 0)]
        assert await store.moved("relay", limit=1) == [Moved(1, 2, 0)]
        await store.append([], consumer="relay", source=source_of_account(1), position=2)
        assert await store.moved("relay") == [Moved(3, 1, 0)]
