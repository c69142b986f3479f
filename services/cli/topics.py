"""`fairlead topics`: the topics of Apache Kafka as this installation needs them."""

from services.cli.environment import from_environment
from services.cli.installation import Wrong
from services.log import topics
from services.log.kafka import KafkaSettings, TopicRefused, declared_topics


async def apply(servers: str) -> list[str]:
    """Create what is missing; a line for each topic.

    Raises:
        Wrong: A setting is out of bounds, or a topic is not what it has to be.
        services.errors.Unavailable: The broker does not answer.
    """
    settings = from_environment(KafkaSettings, servers=servers)
    try:
        applied = await topics.apply(settings.servers, declared_topics(settings))
    except TopicRefused as error:
        raise Wrong(str(error)) from error
    return [_line(each) for each in applied]


def _line(applied: topics.Applied) -> str:
    topic = applied.topic
    what = f"{topic.name}: {topic.partitions} partitions"
    if applied.is_new:
        return f"{what}, {topic.replication} copies, {topic.retention_days} days, created"
    if applied.differences:
        return f"{what}, exists, left alone though it differs: {'; '.join(applied.differences)}"
    return f"{what}, exists as declared"
