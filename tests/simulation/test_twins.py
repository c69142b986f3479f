"""The simulation's log, store and spool keep what the real ones promise."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.ingress.spool_file import Item, SpoolFile
from services.kommo.starts import Starts
from services.kommo.transport import nobody
from services.log.port import Batch, LogReader, LogWriter
from services.shared.wall_clock import utc_now
from tests.services.gateway.starts_conformance import StartsConformance
from tests.services.log.conformance import LogConformance
from tests.services.storage.conformance import EventStoreConformance
from tests.simulation.durable import DurableLog, DurableStore
from tests.simulation.faults import Faults
from tests.simulation.group import LeaseRows
from tests.simulation.spool import DurableSpool
from tests.simulation.twins import (
    AddressRow,
    Bells,
    EventStoreTwin,
    LogReaderTwin,
    LogWriterTwin,
    StartsTwin,
)


@dataclass
class Near:
    """A peer that answers at once, on any loop."""

    async def call(self, act: Any) -> Any:
        return act()


@dataclass
class LogOfTwins:
    partitions: int
    log: DurableLog = field(init=False)
    durable: DurableStore = field(default_factory=DurableStore)
    bells: Bells = field(default_factory=lambda: Bells(Random(1)))

    def __post_init__(self) -> None:
        self.log = DurableLog(self.partitions)

    def writer(self) -> LogWriter:
        return LogWriterTwin(Near(), self.log, self.bells)

    def reader(self, consumer: str = "allocator") -> LogReader:
        return LogReaderTwin(
            peer=Near(),
            log=self.log,
            database=Near(),
            store=self.durable,
            consumer=consumer,
            bell=self.bells.bell("inbound"),
            poll_s=0.01,
            random=Random(1),
            faults=Faults(),
            repeats=lambda: 0.0,
        )

    async def store(self, batch: Batch, consumer: str = "allocator") -> None:
        self.durable.append(
            [], consumer=consumer, source=batch.source, position=batch.position, dead=[]
        )


class TestLogTwin(LogConformance):
    @pytest.fixture(params=[0, 2])
    async def log(self, request: pytest.FixtureRequest) -> LogOfTwins:
        return LogOfTwins(request.param)


class TestEventStoreTwin(EventStoreConformance):
    @pytest.fixture
    def store(self) -> EventStoreTwin:
        return EventStoreTwin(Near(), DurableStore())


@dataclass
class AddressOfTwins:
    """The row of an address, and a clock of its own."""

    now: float = 0.0
    row: AddressRow = field(init=False)

    def __post_init__(self) -> None:
        self.row = AddressRow(lambda: self.now)

    def process(self) -> Starts:
        return StartsTwin(Near(), self.row, LeaseRows(), nobody)

    async def set_clock(self, by_s: float) -> None:
        self.now += by_s

    async def passes(self, seconds: float) -> None:
        self.now += seconds


class TestStartsTwin(StartsConformance):
    @pytest.fixture
    def noted(self) -> AddressOfTwins:
        return AddressOfTwins()


class TestSpoolTwin:
    """The file of a spool: SQLite's and the simulation's, side by side."""

    @pytest.fixture(params=["real", "twin"])
    def file(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
        if request.param == "twin":
            yield DurableSpool().opened()
            return
        file = SpoolFile(tmp_path / "spool.db", now=utc_now)
        yield file
        file.close()

    def test_F3_items_come_in_order_of_arrival_until_they_are_removed(self, file: Any) -> None:
        file.append("inbound", [Item(1, b"a"), Item(2, b"b")])
        file.append("letters", [Item(1, b"x")])
        file.append("inbound", [Item(1, b"c")])

        head = file.head("inbound", after=0, rows_max=2, bytes_max=10_000)
        assert [kept.item for kept in head] == [Item(1, b"a"), Item(2, b"b")]
        more = file.head("inbound", after=head[-1].place, rows_max=2, bytes_max=10_000)
        assert [kept.item for kept in more] == [Item(1, b"c")]

        file.delete("inbound", up_to=head[-1].place)
        left = file.head("inbound", after=0, rows_max=9, bytes_max=10_000)
        assert [kept.item for kept in left] == [Item(1, b"c")]
        tallies = sorted((t.queue, t.account_id, t.rows, t.size) for t in file.tallies())
        assert tallies == [("inbound", 1, 1, 65), ("letters", 1, 1, 65)]

    def test_a_head_holds_one_item_at_least_however_large(self, file: Any) -> None:
        file.append("inbound", [Item(1, b"x" * 500), Item(1, b"y")])

        head = file.head("inbound", after=0, rows_max=9, bytes_max=10)

        assert [kept.item.value for kept in head] == [b"x" * 500]
