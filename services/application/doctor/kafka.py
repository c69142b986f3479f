"""What the doctor looks at in the distributed installation alone: Kafka, and who keeps up."""

from collections.abc import AsyncIterator

from contracts.sentences import sentence
from contracts.topics import INBOUND
from services.allocator.run import CONSUMER
from services.application import gaps
from services.application.doctor.finding import Diagnosis, passing, problem, well
from services.application.installation import Installation
from services.application.principal import Principal
from services.log import topics
from services.log.kafka import KafkaSettings, TopicRefused, declared_topics, source_of
from services.log.kafka_ends import ends
from services.relay.relay import CONSUMER as RELAY
from services.shared.errors import Unavailable

NAMED_MAX = 100


async def findings(
    installation: Installation, principal: Principal, kafka: KafkaSettings
) -> AsyncIterator[Diagnosis]:
    """The topics, and how far the allocators are behind."""
    subject, servers = sentence("doctor.kafka"), kafka.servers
    try:
        await topics.check(kafka, declared_topics(kafka))
    except TopicRefused as refused:
        remedy = sentence("remedy.mend_topic", reason=str(refused))
        yield problem(subject, sentence("doctor.kafka_at", servers=servers), remedy)
    except Unavailable as error:
        away = sentence("doctor.kafka_away", reason=str(error))
        yield problem(subject, away, sentence("remedy.start_brokers"))
    else:
        yield well(subject, sentence("doctor.kafka_as_declared", servers=servers))
        for each in await gaps.stopped(installation, principal):
            yield _stopped(each)
        yield await _undecided(installation, kafka)
    yield await _unrelayed(installation)


def _stopped(stopped: gaps.StoppedPartition) -> Diagnosis:
    partition = stopped.place.partition
    return problem(
        sentence("doctor.partition", partition=partition),
        sentence("doctor.stopped", what=gaps.missing(stopped.gap), accounts=gaps.read(stopped)),
        sentence("remedy.resume_partition", partition=partition),
    )


async def _undecided(installation: Installation, kafka: KafkaSettings) -> Diagnosis:
    subject = sentence("doctor.inbound_log")
    found = {
        source_of(INBOUND, number): end for number, end in (await ends(kafka, INBOUND)).items()
    }
    stored = await installation.events.positions(CONSUMER, list(found))
    behind = sum(max(0, end - stored.get(source, 0)) for source, end in found.items())
    if not behind:
        return well(subject, sentence("doctor.all_decided"))
    told = sentence("doctor.undecided", count=behind)
    return passing(subject, told, sentence("remedy.start_more_allocators"))


async def _unrelayed(installation: Installation) -> Diagnosis:
    subject = sentence("doctor.allocations_log")
    moved = await installation.events.moved(RELAY, limit=NAMED_MAX)
    if not moved:
        return well(subject, sentence("doctor.all_relayed"))
    events = sum(each.version - each.position for each in moved)
    told = (
        sentence("doctor.unrelayed_or_more", count=events)
        if len(moved) == NAMED_MAX
        else sentence("doctor.unrelayed", count=events)
    )
    return passing(subject, told, sentence("remedy.start_more_allocators"))
