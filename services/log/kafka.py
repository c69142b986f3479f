"""What the roles agree on about Apache Kafka: settings, topics, the partition of an account.

An account's partition follows from its id and a number in the settings, never from a client's
own hash: another client, or another release of it, would move accounts and break their order. A
topic with another number of partitions is therefore refused (F23).
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.topics import ALLOCATIONS, INBOUND

DAY_MS = 86_400_000
# What the broker takes in one message, and what we put there: room for key and headers (F25).
MESSAGE_BYTES_MAX = 1_048_576
VALUE_BYTES_MAX = 1_000_000


class KafkaSettings(BaseSettings):
    """Where the logs are, and the numbers every process of an installation has to share.

    Attributes:
        servers: `host:port`, several with commas.
        partitions: Of each topic, for good: it decides which partition an account is in.
        replication: Copies of each message; 1 only where there is one broker.
        in_sync_min: Copies that must exist before a message counts as accepted (I1).
        retention_days: An outage may last that long without loss (F24).
        answer_within_ms: What a webhook can wait for; then the spool takes over (F15).
        session_timeout_ms: After so much silence a reader's partitions go to others (F14).
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_KAFKA_", frozen=True)

    servers: str = "127.0.0.1:9092"
    partitions: int = Field(default=24, ge=1, le=1_000)
    replication: int = Field(default=3, ge=1, le=10)
    in_sync_min: int = Field(default=2, ge=1, le=10)
    retention_days: int = Field(default=14, ge=14, le=3_650)
    answer_within_ms: int = Field(default=1_000, ge=50, le=1_000)
    session_timeout_ms: int = Field(default=6_000, ge=1_000, le=60_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as it has to be."""

    name: str
    partitions: int
    replication: int
    in_sync_min: int
    retention_days: int

    @property
    def settings(self) -> dict[str, str]:
        """The topic's own settings, in Kafka's words."""
        return {
            "cleanup.policy": "delete",
            "max.message.bytes": str(MESSAGE_BYTES_MAX),
            "min.insync.replicas": str(self.in_sync_min),
            "retention.ms": str(self.retention_days * DAY_MS),
            "unclean.leader.election.enable": "false",
        }


def declared_topics(settings: KafkaSettings) -> tuple[Topic, ...]:
    """Every topic of an installation."""
    return tuple(declared_topic(name, settings) for name in (INBOUND, ALLOCATIONS))


def declared_topic(name: str, settings: KafkaSettings) -> Topic:
    """One topic with the installation's numbers."""
    return Topic(
        name=name,
        partitions=settings.partitions,
        replication=settings.replication,
        in_sync_min=settings.in_sync_min,
        retention_days=settings.retention_days,
    )


class TopicRefused(Exception):
    """A topic is missing or not as declared; nothing was touched, the message says what to do."""


def refuse_other_partitions(topic: str, *, found: int, wanted: int) -> None:
    """Refuse a topic whose number of partitions differs from the settings (F23).

    Raises:
        TopicRefused: It does, or it has none: somebody deleted it.
    """
    if not found:
        raise TopicRefused(f"there is no topic {topic}; create it: fairlead topics apply")
    if found != wanted:
        raise TopicRefused(
            f"topic {topic} has {found} partitions, the settings say {wanted}: accounts would"
            f" change their partition and lose their order. Set FAIRLEAD_KAFKA_PARTITIONS={found}"
            f" in every process; to have {wanted}, stop all of them, let the allocator read the"
            f" topic to its end, delete it and create it anew with: fairlead topics apply"
        )


@lru_cache(maxsize=65_536)
def partition_of(account_id: int, partitions: int) -> int:
    """The partition of an account; a stored position relies on it, so it never changes."""
    digest = blake2b(key_of(account_id), digest_size=8).digest()
    return int.from_bytes(digest) % partitions


def key_of(account_id: int) -> bytes:
    """The key of an account's messages."""
    return str(account_id).encode()


def account_of(key: bytes | None) -> int:
    """The account of a key; 0, which is no account, for a key that is none of ours."""
    try:
        return int(key or b"0")
    except ValueError:
        return 0


def source_of(topic: str, partition: int) -> str:
    """The source under which a reader keeps its position in a partition."""
    return f"{topic}/{partition}"
