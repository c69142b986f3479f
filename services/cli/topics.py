"""`fairlead topics`: the topics of Apache Kafka as this installation needs them."""

from pydantic import ValidationError

from services.cli.installation import Wrong
from services.log import topics
from services.log.kafka import KafkaSettings, TopicRefused, declared_topics


async def apply(servers: str) -> list[str]:
    """Create what is missing; a line for each topic.

    Raises:
        Wrong: A setting is out of bounds, or a topic is not what it has to be.
        services.errors.Unavailable: The broker does not answer.
    """
    try:
        settings = KafkaSettings(servers=servers)
        applied = await topics.apply(settings.servers, declared_topics(settings))
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Wrong(f"FAIRLEAD_KAFKA_{name}: {first['msg']}") from error
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
