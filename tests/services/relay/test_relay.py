"""The relay on a real event store, before a log that can fail."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.events import Recorded
from services.log.allocations import read_allocation
from services.log.kafka import VALUE_BYTES_MAX
from services.log.port import Entry
from services.relay.relay import CONSUMER, Relay
from services.relay.settings import RelaySettings
from services.shared.codec import encode_event
from services.shared.errors import Unavailable
from services.shared.ownership import everything
from services.storage.events import EventStore
from tests.support.samples import assigned, looked_up


@dataclass(slots=True)
class Log:
    """Takes messages; `failures` says how many calls fail, having taken the first message."""

    failures: int = 0
    published: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    values: list[bytes] = field(default_factory=list)

    async def publish(self, entries: Sequence[Entry]) -> None:
        is_failing, self.failures = self.failures > 0, max(0, self.failures - 1)
        for entry in entries[:1] if is_failing else entries:
            message = read_allocation(entry.value)
            assert message.account == entry.account_id
            self.published[message.account].append(message.version)
            self.values.append(entry.value)
        if is_failing:
            raise Unavailable("no answer")


async def store(pool: Any, *events: Recorded) -> EventStore:
    events_store = EventStore(pool)
    for number, event in enumerate(events, 1):
        await events_store.append([event], consumer="allocator", source="s", position=number)
    return events_store


def relay(events: EventStore, log: Log, **others: Any) -> Relay:
    async def no_wait(_timeout_s: float) -> None:
        return None

    settings = RelaySettings(**others.pop("settings", {}))
    given: dict[str, Any] = {"owns": everything, "wait": no_wait, "settings": settings}
    return Relay(events, log, **{**given, **others})


async def drain(one: Relay) -> None:
    while await one.step():
        pass


async def test_I10_every_event_is_relayed_in_the_order_of_its_account(pool: Any) -> None:
    log = Log()
    events = [looked_up(account, v) for v in range(1, 8) for account in (1, 2, 3)]
    few = {"accounts_max": 2, "events_max": 3}

    await drain(relay(await store(pool, *events), log, settings=few))

    assert log.published == {account: [*range(1, 8)] for account in (1, 2, 3)}


async def test_I10_a_message_carries_the_event_as_it_is_stored(pool: Any) -> None:
    log, event = Log(), assigned(7, 1)

    await drain(relay(await store(pool, event), log))

    (value,) = log.values
    name, state = encode_event(event)
    assert (read_allocation(value).type, state in value) == (name, True)


async def test_F3_what_was_not_acknowledged_is_relayed_again_and_in_order(pool: Any) -> None:
    log = Log(failures=1)
    one = relay(await store(pool, *(looked_up(1, v) for v in range(1, 5))), log)

    with pytest.raises(Unavailable):
        await one.step()
    await drain(one)

    assert log.published[1] == [1, 1, 2, 3, 4]


async def test_F5_another_relay_goes_on_where_the_last_one_ended(pool: Any) -> None:
    first, second = Log(), Log()
    events = await store(pool, looked_up(1, 1), looked_up(1, 2))
    await drain(relay(events, first))
    await events.append([looked_up(1, 3)], consumer="allocator", source="s", position=9)

    await drain(relay(events, second))

    assert (first.published[1], second.published[1]) == ([1, 2], [3])


async def test_F20_only_the_accounts_of_its_own_partitions_are_relayed(pool: Any) -> None:
    log = Log()
    events = await store(pool, *(looked_up(account, 1) for account in range(1, 6)))

    await drain(relay(events, log, owns=lambda account_id: account_id == 4))

    assert log.published == {4: [1]}
    assert [each.account_id for each in await events.moved(CONSUMER)] == [1, 2, 3, 5]


async def test_F25_an_event_that_the_log_does_not_take_is_named_all_the_same(pool: Any) -> None:
    log = Log()
    events = await store(pool, looked_up(1, 1, cause="x" * VALUE_BYTES_MAX), looked_up(1, 2))

    await drain(relay(events, log))

    large, small = (read_allocation(value) for value in log.values)
    assert (large.version, large.type, large.event) == (1, "lookup.requested", None)
    assert small.event is not None
