"""What the roles agree on about Apache Kafka: settings, topics, the partition of an account.

An account's partition follows from its id and a number in the settings, never from a client's
own hash: another client, or another release of it, would move accounts and break their order. A
topic with another number of partitions is therefore refused (F23).
"""

import ssl
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from contracts.topics import ALLOCATIONS, INBOUND
from services.shared.errors import NeedsMending
from services.shared.settings import Settings

DAY_MS = 86_400_000
# What the broker takes in one message, and what we put there: room for key and headers (F25).
MESSAGE_BYTES_MAX = 1_048_576
VALUE_BYTES_MAX = 1_000_000
CA_FILE = "FAIRLEAD_KAFKA_CA_FILE"
CERTIFICATE_FILES = "FAIRLEAD_KAFKA_CERTIFICATE_FILE, FAIRLEAD_KAFKA_KEY_FILE"
LOGIN = "FAIRLEAD_KAFKA_USER, FAIRLEAD_KAFKA_PASSWORD"


class KafkaSettings(Settings):
    """Where the logs are, and the numbers every process of an installation has to share.

    Attributes:
        servers: `host:port`; several are separated by commas.
        partitions: Of each topic. It decides which partition an account is in, so it can never
            change.
        replication: Copies of each message; 1 only where there is a single broker.
        in_sync_min: Copies that must exist before a message counts as accepted (I1).
        retention_days: How long Kafka keeps messages: an outage may last that long without loss
            (F24).
        answer_within_ms: How long a webhook waits for Kafka before the spool takes it (F15).
        session_timeout_ms: After so long without a sign of life, a reader's partitions go to others
            (F14).
        security_protocol: `SSL` and `SASL_SSL` use TLS; the `SASL` ones log in with a user and a
            password.
        ca_file: PEM file with who signs the brokers' certificates; without it, whoever this system
            trusts.
        certificate_file: PEM file with our own certificate, for brokers that ask for one.
        key_file: PEM file with its key, without a password.
        sasl_mechanism: How the password is proven.
        user: Who logs in.
        password: Their password.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_KAFKA_")

    servers: str = "127.0.0.1:9092"
    partitions: int = Field(default=24, ge=1, le=1_000)
    replication: int = Field(default=3, ge=1, le=10)
    in_sync_min: int = Field(default=2, ge=1, le=10)
    retention_days: int = Field(default=14, ge=14, le=3_650)
    answer_within_ms: int = Field(default=1_000, ge=50, le=1_000)
    session_timeout_ms: int = Field(default=6_000, ge=1_000, le=60_000)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str | None = None
    password: SecretStr | None = None

    @property
    def has_tls(self) -> bool:
        """Whether nobody on the way can read or change what is said."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def has_user(self) -> bool:
        """Whether a user logs in with a password."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def tls(self) -> ssl.SSLContext:
        """Whom we trust, and who we are; the names of the brokers are checked.

        Raises:
            ValueError: A file is not what it has to be.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise ValueError(f"{CA_FILE}: expected certificates as PEM") from error
        if self.certificate_file is not None:
            try:
                # Without a password of ours, one would be asked for at the terminal.
                context.load_cert_chain(self.certificate_file, self.key_file, password=str)
            except OSError as error:
                raise ValueError(
                    f"{CERTIFICATE_FILES}: expected a certificate and its key as PEM, without a"
                    " password"
                ) from error
        return context

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.has_user and not (self.user and self.password):
            raise ValueError(f"{LOGIN}: expected both for {self.security_protocol}")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError(f"{CERTIFICATE_FILES}: expected both or neither")
        if self.has_tls:
            self.tls()
        return self


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


class TopicRefused(NeedsMending):
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
