"""The topics of Apache Kafka as an installation needs them."""

from services.application.principal import Principal
from services.application.refused import Refused
from services.log import topics
from services.log.kafka import KafkaSettings, TopicRefused, declared_topics
from services.log.topics import Applied


async def apply(settings: KafkaSettings, principal: Principal) -> list[Applied]:
    """Create what is missing; what became of each topic.

    Raises:
        Refused: They may not, or a topic is not what it has to be.
        services.shared.errors.Unavailable: The broker does not answer.
    """
    principal.require("operate")
    try:
        return await topics.apply(settings, declared_topics(settings))
    except TopicRefused as error:
        raise Refused("topic_refused", reason=str(error)) from error
