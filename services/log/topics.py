"""Creates and checks the topics of Apache Kafka; `fairlead topics apply` is its user."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from services.log.kafka import KafkaSettings, Topic, TopicRefused, refuse_other_partitions
from services.log.kafka_security import reached
from services.shared.errors import Unavailable

TIMEOUT_MS = 10_000
READY_WITHIN_S = 30.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one topic.

    Attributes:
        differences: What exists otherwise than declared and was left alone.
    """

    topic: Topic
    is_new: bool
    differences: tuple[str, ...] = ()


async def apply(settings: KafkaSettings, topics: Sequence[Topic]) -> list[Applied]:
    """Create what is missing, and say how what exists differs.

    Raises:
        TopicRefused: A topic has another number of partitions, or the broker refused to create
            one; in the first case nothing was created.
        services.shared.errors.Unavailable: The broker does not answer; applying again is safe.
    """
    async with _admin(settings) as admin:
        found = await _described(admin, topics)
        for topic in topics:
            if topic.name in found:
                _check_partitions(topic, found[topic.name])
        missing = [topic for topic in topics if topic.name not in found]
        if missing:
            await _create(admin, missing)
        return [
            Applied(topic=topic, is_new=True)
            if topic in missing
            else Applied(
                topic=topic,
                is_new=False,
                differences=await _differences(admin, topic, found[topic.name]),
            )
            for topic in topics
        ]


async def check(settings: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Refuse to start on topics that are missing or divided otherwise (F23).

    Raises:
        TopicRefused: One is.
        services.shared.errors.Unavailable: The broker does not answer.
    """
    async with _admin(settings) as admin:
        found = await _described(admin, topics)
    for topic in topics:
        if topic.name not in found:
            raise TopicRefused(f"there is no topic {topic.name}; create it: fairlead topics apply")
        _check_partitions(topic, found[topic.name])


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**reached(settings), request_timeout_ms=TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {settings.servers}: {error!r}") from error
    finally:
        await admin.close()


async def _described(admin: Any, topics: Sequence[Topic]) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401 - aiokafka ships no types
    """The partitions of the topics that exist."""
    found: dict[str, list[dict[str, Any]]] = {}
    for described in await admin.describe_topics([topic.name for topic in topics]):
        error = for_code(described["error_code"])
        if error is NoError:
            found[described["topic"]] = described["partitions"]
        elif error is not UnknownTopicOrPartitionError:
            raise error(described["topic"])
    return found


def _check_partitions(topic: Topic, partitions: list[dict[str, Any]]) -> None:
    refuse_other_partitions(topic.name, found=len(partitions), wanted=topic.partitions)


async def _create(admin: Any, topics: Sequence[Topic]) -> None:  # noqa: ANN401 - aiokafka ships no types
    wanted = [
        NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.settings)
        for topic in topics
    ]
    answer = await admin.create_topics(wanted)
    # A refusal is not raised: it stands in the answer.
    for name, code, *said in answer.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):  # another one was faster: the same
            raise TopicRefused(f"topic {name}: {said[0] if said and said[0] else error.__name__}")
    async with asyncio.timeout(READY_WITHIN_S):
        while not _are_led(await _described(admin, topics), topics):  # noqa: ASYNC110 - theirs
            await asyncio.sleep(POLL_S)


def _are_led(found: dict[str, list[dict[str, Any]]], topics: Sequence[Topic]) -> bool:
    """Whether every partition can be used: the broker answers before it can."""
    return all(
        len(found.get(topic.name, ())) == topic.partitions
        and all(partition["leader"] >= 0 for partition in found[topic.name])
        for topic in topics
    )


async def _differences(
    admin: Any,  # noqa: ANN401 - aiokafka ships no types
    topic: Topic,
    partitions: list[dict[str, Any]],
) -> tuple[str, ...]:
    copies = len(partitions[0]["replicas"])
    told = [f"replication {copies}, declared {topic.replication}"]
    differences = told if copies != topic.replication else []
    resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    for answer in await admin.describe_configs([resource]):
        for code, message, _, _, entries in answer.resources:
            if for_code(code) is not NoError:
                raise for_code(code)(message)
            actual = {entry[0]: entry[1] for entry in entries}
            differences += [
                f"{name} {actual[name]}, declared {value}"
                for name, value in topic.settings.items()
                if name in actual and actual[name] != value
            ]
    return tuple(differences)
