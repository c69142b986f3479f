"""Partitions of the inbound log that stand still for messages they no longer hold (F22).

The allocator stops such a partition and has its accounts read in full from Kommo; that it goes on
is for a person to say, who knows why the messages are gone.
"""

from dataclasses import dataclass

import structlog

from contracts.topics import INBOUND
from services.allocator.gaps import ask_for_sweeps
from services.allocator.run import CONSUMER, letters_of
from services.cli.administrator import administrator
from services.cli.installation import Installation, Wrong
from services.log import topics
from services.log.kafka import KafkaSettings, declared_topic, partition_of, source_of
from services.log.kafka_ends import Bounds, bounds
from services.log.kafka_gaps import missing
from services.storage.asked_sweeps import AskedSweeps
from services.storage.resumption import Resumed, Resumption

log = structlog.get_logger(__name__)

EARLIEST = "earliest"
SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the allocators are in a partition.

    Attributes:
        position: The offset of the message they want next.
        gap: What is missing of it; None when they can go on.
    """

    partition: int
    position: int
    held: Bounds
    gap: str | None

    @property
    def holds(self) -> str:
        """The positions at which the partition can be read on from."""
        return f"{self.held.earliest} to {self.held.latest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Whose messages a partition holds.

    Attributes:
        connected: Their number.
        unswept: How many of them the gateway has yet to read in full.
    """

    connected: int
    unswept: int

    def __str__(self) -> str:
        if not self.connected:
            return "no connected account"
        state = f"{self.unswept} not yet read in full" if self.unswept else "read in full"
        return f"{self.connected} connected, {state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a person is asked about.

    Attributes:
        position: Where the partition is to go on.
    """

    place: Place
    position: int

    @property
    def lines(self) -> tuple[str, ...]:
        """What has happened, and what would."""
        passed_over = self.position - self.place.held.earliest
        left = self.place.held.latest - self.position
        skipped = f"{passed_over} messages that the log holds are passed over."
        return (
            f"Partition {self.place.partition}: {self.place.gap}.",
            f"It would go on at {self.position}, with {left} messages that the log holds by now.",
            *([skipped] if passed_over else []),
            "What was lost is read from Kommo: every account of the partition in full.",
        )

    @property
    def question(self) -> str:
        """To be answered by yes or no."""
        return f"Let partition {self.place.partition} go on at {self.position}?"


async def stopped(installation: Installation) -> list[tuple[Place, Accounts]]:
    """Every partition that cannot be read on, with its accounts.

    Raises:
        Wrong: The installation is not on Kafka.
        services.log.kafka.TopicRefused: The topic is not as declared.
        services.errors.Unavailable: Kafka or the database does not answer.
    """
    kafka = _kafka_of(installation)
    gaps = [place for place in await _places(installation, kafka) if place.gap is not None]
    if not gaps:
        return []
    unswept = await AskedSweeps(installation.pool).open()
    connected = [account.account_id for account in await installation.accounts.all()]
    found: list[tuple[Place, Accounts]] = []
    for place in gaps:
        ours = [
            each for each in connected if partition_of(each, kafka.partitions) == place.partition
        ]
        found.append((place, Accounts(connected=len(ours), unswept=len(unswept.keys() & {*ours}))))
    return found


async def plan(installation: Installation, partition: int, at: str) -> Plan | str:
    """What letting a partition go on comes to; words if there is nothing to do.

    Args:
        installation: On Kafka.
        partition: Its number.
        at: `earliest`, or an offset that the log holds.

    Raises:
        Wrong: There is no such partition, the position makes no sense, or nothing is missing.
        Exception: As `stopped`.
    """
    kafka = _kafka_of(installation)
    if partition >= kafka.partitions:
        last = kafka.partitions - 1
        raise Wrong(f"there is no partition {partition}; expected 0 to {last}")
    if at != EARLIEST and not (at.isascii() and at.isdigit()):
        raise Wrong(f"--at {at}: expected {EARLIEST}, or the offset of a message")
    place = (await _places(installation, kafka))[partition]
    held = place.held
    position = held.earliest if at == EARLIEST else int(at)
    if place.gap is None:
        if position <= place.position:
            return f"Partition {partition} goes on already, it is at {place.position}."
        raise Wrong(
            f"partition {partition} is not stopped: its position {place.position} is in the log,"
            f" which holds {place.holds}; nothing was changed"
        )
    if not held.earliest <= position <= held.latest:
        raise Wrong(f"--at {at}: the log holds {place.holds}; nothing was changed")
    return Plan(place=place, position=position)


async def resume(installation: Installation, planned: Plan) -> str:
    """Let the partition go on; what to tell the person.

    Raises:
        Wrong: The position has moved since it was looked at; nothing was changed.
    """
    kafka, place = _kafka_of(installation), planned.place
    source = source_of(INBOUND, place.partition)
    # The allocator asks when it stops; where none was running meanwhile, nobody has.
    accounts = await ask_for_sweeps(
        installation.pool, kafka, (INBOUND, place.partition), place.position
    )
    by = administrator()
    has_moved = await Resumption(installation.pool).move(
        CONSUMER,
        source,
        before=place.position,
        after=planned.position,
        letters_of=letters_of(source),
        by=by,
    )
    if not has_moved:
        raise Wrong(
            f"partition {place.partition} is no longer at {place.position}: somebody else let it"
            f" go on; see: fairlead gaps list"
        )
    log.warning("gap_resumed", source=source, at=planned.position, before=place.position, by=by)
    return (
        f"Partition {place.partition} goes on at {planned.position} when the allocator looks"
        f" again, within half a minute; accounts that are read in full: {len(accounts)}."
    )


async def history(installation: Installation) -> list[Resumed]:
    """Who let which partition go on behind what it lost, the latest first.

    Raises:
        Wrong: The installation is not on Kafka.
    """
    _kafka_of(installation)
    return await Resumption(installation.pool).last(SHOWN_MAX)


def _kafka_of(installation: Installation) -> KafkaSettings:
    if installation.kafka is None:
        raise Wrong(
            "this installation is not on Kafka: the log in its own database loses nothing, so"
            " there are no gaps"
        )
    return installation.kafka


async def _places(installation: Installation, kafka: KafkaSettings) -> list[Place]:
    """Every partition in order."""
    await topics.check(kafka.servers, [declared_topic(INBOUND, kafka)])
    sources = [source_of(INBOUND, number) for number in range(kafka.partitions)]
    # Before the log: what is decided in between must not look as if the log ended before it.
    positions = await installation.events.positions(CONSUMER, sources)
    found = await bounds(kafka, INBOUND)
    return [
        Place(
            partition=number,
            position=positions.get(source, 0),
            held=found[number],
            gap=missing(
                position=positions.get(source, 0),
                earliest=found[number].earliest,
                latest=found[number].latest,
            ),
        )
        for number, source in enumerate(sources)
    ]
