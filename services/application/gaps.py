"""Partitions of the inbound log that stand still for messages they no longer hold (F22).

The allocator stops such a partition and has its accounts read in full from Kommo; that it goes on
is for a person to say, who knows why the messages are gone.
"""

import re
from dataclasses import dataclass

import structlog

from contracts.sentences import Sentence, sentence
from contracts.topics import INBOUND
from services.allocator.gaps import ask_for_sweeps
from services.allocator.run import CONSUMER, letters_of
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.log import topics
from services.log.kafka import KafkaSettings, declared_topic, partition_of, source_of
from services.log.kafka_ends import Bounds, bounds
from services.log.kafka_gaps import Gap, gap_at
from services.storage.asked_sweeps import AskedSweeps
from services.storage.resumption import Resumed, Resumption

log = structlog.get_logger(__name__)

EARLIEST = "earliest"
# Python takes the digits of any script.
OFFSET = re.compile(r"[0-9]{1,18}")
SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionPlace:
    """Where the allocators are in a partition.

    Attributes:
        position: The offset of the message they want next.
        held: The positions at which the partition can be read on from.
        gap: What is missing of it; None when they can go on.
    """

    partition: int
    position: int
    held: Bounds
    gap: Gap | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedPartition:
    """One that cannot be read on.

    Attributes:
        gap: What is missing.
        accounts: How many connected ones it holds messages of.
        unswept: How many of these the gateway has yet to read in full.
    """

    place: PartitionPlace
    gap: Gap
    accounts: int
    unswept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedResumption:
    """How a partition would go on.

    Attributes:
        gap: What is missing; None when it goes on already, so that there is nothing to do.
        position: Where it is to go on.
    """

    place: PartitionPlace
    gap: Gap | None
    position: int

    @property
    def passed_over(self) -> int:
        """Messages that the log holds and nobody would decide."""
        return self.position - self.place.held.earliest

    @property
    def left(self) -> int:
        """Messages that the log holds from there on."""
        return self.place.held.latest - self.position


async def stopped(installation: Installation, principal: Principal) -> list[StoppedPartition]:
    """Every partition that cannot be read on, with its accounts.

    Raises:
        Refused: They may not look, or the installation is not on Kafka.
        services.log.kafka.TopicRefused: The topic is not as declared.
        services.shared.errors.Unavailable: Kafka or the database does not answer.
    """
    principal.require("operate")
    kafka = _kafka_of(installation)
    places = [place for place in await _places(installation, kafka) if place.gap is not None]
    if not places:
        return []
    unswept = await AskedSweeps(installation.pool).open()
    connected = [account.account_id for account in await installation.accounts.all()]
    found: list[StoppedPartition] = []
    for place in places:
        assert place.gap is not None, "chosen so"  # noqa: S101
        ours = {
            each for each in connected if partition_of(each, kafka.partitions) == place.partition
        }
        found.append(
            StoppedPartition(
                place=place,
                gap=place.gap,
                accounts=len(ours),
                unswept=len(unswept.keys() & ours),
            )
        )
    return found


async def plan(
    installation: Installation, principal: Principal, partition: int, *, at: int | None = None
) -> PlannedResumption:
    """What letting a partition go on comes to.

    Args:
        installation: On Kafka.
        principal: Who asks.
        partition: Its number.
        at: An offset that the log holds; None for the earliest.

    Raises:
        Refused: They may not, there is no such partition, the position makes no sense, or nothing
            is missing.
        Exception: As `stopped`.
    """
    principal.require("operate")
    kafka = _kafka_of(installation)
    if not 0 <= partition < kafka.partitions:
        raise Refused("partition_unknown", partition=partition, last=kafka.partitions - 1)
    place = (await _places(installation, kafka))[partition]
    held = place.held
    position = held.earliest if at is None else at
    if place.gap is None and position > place.position:
        raise Refused(
            "partition_not_stopped",
            partition=partition,
            position=place.position,
            earliest=held.earliest,
            latest=held.latest,
        )
    if place.gap is not None and not held.earliest <= position <= held.latest:
        raise Refused("offset_not_held", at=position, earliest=held.earliest, latest=held.latest)
    return PlannedResumption(place=place, gap=place.gap, position=position)


async def resume(
    installation: Installation, principal: Principal, planned: PlannedResumption
) -> int:
    """Let the partition go on, when the allocator looks again: within half a minute.

    Returns:
        How many accounts are read in full.

    Raises:
        Refused: They may not, or the position has moved since it was looked at; nothing was
            changed.
    """
    principal.require("operate")
    kafka, place = _kafka_of(installation), planned.place
    source = source_of(INBOUND, place.partition)
    # The allocator asks when it stops; where none was running meanwhile, nobody has.
    accounts = await ask_for_sweeps(
        installation.pool, kafka, (INBOUND, place.partition), place.position
    )
    has_moved = await Resumption(installation.pool).move(
        CONSUMER,
        source,
        before=place.position,
        after=planned.position,
        letters_of=letters_of(source),
        by=principal.id,
    )
    if not has_moved:
        raise Refused("partition_moved", partition=place.partition, position=place.position)
    log.warning(
        "gap_resumed",
        source=source,
        at=planned.position,
        before=place.position,
        by=principal.id,
    )
    return len(accounts)


async def history(installation: Installation, principal: Principal) -> list[Resumed]:
    """Who let which partition go on behind what it lost, the latest first.

    Raises:
        Refused: They may not look, or the installation is not on Kafka.
    """
    principal.require("operate")
    _kafka_of(installation)
    return await Resumption(installation.pool).last(SHOWN_MAX)


def missing(gap: Gap) -> Sentence:
    """What is not there."""
    if gap.is_deleted:
        return sentence("gap.deleted", first=gap.position, last=gap.earliest - 1)
    return sentence("gap.ended", latest=gap.latest, position=gap.position)


def read(stopped: StoppedPartition) -> Sentence:
    """Whose messages the partition holds, and how far they are read in full."""
    if not stopped.accounts:
        return sentence("gap.no_accounts")
    if stopped.unswept:
        return sentence("gap.accounts_unread", count=stopped.accounts, unread=stopped.unswept)
    return sentence("gap.accounts_read", count=stopped.accounts)


def offset_from(text: str) -> int | None:
    """The offset that somebody names; None for `earliest`.

    Raises:
        Refused: It is neither.
    """
    if text == EARLIEST:
        return None
    if OFFSET.fullmatch(text) is None:
        raise Refused("offset_not_a_number", text=text)
    return int(text)


def _kafka_of(installation: Installation) -> KafkaSettings:
    if installation.kafka is None:
        raise Refused("not_on_kafka")
    return installation.kafka


async def _places(installation: Installation, kafka: KafkaSettings) -> list[PartitionPlace]:
    """Every partition in order."""
    await topics.check(kafka, [declared_topic(INBOUND, kafka)])
    sources = [source_of(INBOUND, number) for number in range(kafka.partitions)]
    # Before the log: what is decided in between must not look as if the log ended before it.
    positions = await installation.events.positions(CONSUMER, sources)
    found = await bounds(kafka, INBOUND)
    return [
        PartitionPlace(
            partition=number,
            position=positions.get(source, 0),
            held=found[number],
            gap=gap_at(
                position=positions.get(source, 0),
                earliest=found[number].earliest,
                latest=found[number].latest,
            ),
        )
        for number, source in enumerate(sources)
    ]
