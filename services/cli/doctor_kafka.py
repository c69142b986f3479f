"""What the doctor looks at in the distributed installation alone: Kafka, and who keeps up."""

from collections.abc import AsyncIterator

from contracts.topics import INBOUND
from services.allocator.run import CONSUMER
from services.cli import gaps
from services.cli.finding import Finding
from services.cli.installation import Installation
from services.errors import Unavailable
from services.log import topics
from services.log.kafka import KafkaSettings, TopicRefused, declared_topics, source_of
from services.log.kafka_ends import ends
from services.log.kafka_gaps import advice
from services.relay.relay import CONSUMER as RELAY

MOMENT = "normal for a moment; if it stays, start more allocators: fairlead run allocator"
NAMED_MAX = 100


async def examine_kafka(installation: Installation, kafka: KafkaSettings) -> AsyncIterator[Finding]:
    """The topics, and how far the allocators are behind."""
    servers = kafka.servers
    try:
        await topics.check(servers, declared_topics(kafka))
    except TopicRefused as refused:
        yield Finding("Kafka", servers, str(refused))
    except Unavailable as error:
        yield Finding("Kafka", f"does not answer: {error}", "see that the brokers run")
    else:
        yield Finding("Kafka", f"{servers}, topics as declared")
        for place, accounts in await gaps.stopped(installation):
            found = f"{place.gap}; accounts: {accounts}"
            yield Finding(f"partition {place.partition}", found, advice(place.partition))
        yield await _undecided(installation, kafka)
    yield await _unrelayed(installation)


async def _undecided(installation: Installation, kafka: KafkaSettings) -> Finding:
    found = {
        source_of(INBOUND, number): end for number, end in (await ends(kafka, INBOUND)).items()
    }
    stored = await installation.events.positions(CONSUMER, list(found))
    behind = sum(max(0, end - stored.get(source, 0)) for source, end in found.items())
    if not behind:
        return Finding("inbound log", "every message is decided")
    return Finding("inbound log", f"{behind} messages are not decided yet", MOMENT)


async def _unrelayed(installation: Installation) -> Finding:
    moved = await installation.events.moved(RELAY, limit=NAMED_MAX)
    if not moved:
        return Finding("allocations log", "every event is relayed")
    events = sum(each.version - each.position for each in moved)
    more = " or more" if len(moved) == NAMED_MAX else ""
    return Finding("allocations log", f"{events} events{more} are not relayed yet", MOMENT)
