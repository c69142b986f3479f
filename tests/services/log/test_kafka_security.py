"""Apache Kafka by TLS, with a password or a certificate of our own (S27)."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.kafka.broker import HOST, create_cluster, free_ports
from services.history.kafka_side import InboundTopic
from services.log.kafka import KafkaSettings
from services.log.kafka_ends import ends
from services.log.kafka_follower import AllocationsFollower
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Entry
from services.log.topics import apply, check
from services.shared.errors import Unavailable
from services.storage.wakeup import Bell
from tests.support.certificates import Authority, Certified
from tests.support.kafka import or_said, properties_of, settings_of, topic_of

USER = "fairlead"
PASSWORD = "pa55word-of-the-broker"  # noqa: S105 - of a broker of this test's
ACCOUNT_ID = 32_000_001
JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A broker that wants TLS, and on one listener a password, on the other a certificate."""

    authority: Authority
    client: Certified
    with_password: str
    with_certificate: str

    def settings(self, way: str, **changes: object) -> KafkaSettings:
        by_password = {"security_protocol": "SASL_SSL", "user": USER, "password": PASSWORD}
        by_certificate = {
            "security_protocol": "SSL",
            "certificate_file": self.client.certificate_file,
            "key_file": self.client.key_file,
        }
        given = by_certificate if way == "certificate" else by_password | {"sasl_mechanism": way}
        servers = self.with_certificate if way == "certificate" else self.with_password
        return settings_of(servers, **({"ca_file": self.authority.ca_file} | given | changes))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder / "authority")
    server = authority.certify("broker")
    store = folder / "broker.pem"
    store.write_bytes(server.key_file.read_bytes() + server.certificate_file.read_bytes())
    password_port, certificate_port = free_ports(2)
    listeners = (
        f"PASSWORD://{HOST}:{password_port}",
        f"CERTIFICATE://{HOST}:{certificate_port}",
    )
    (broker,) = create_cluster(folder / "broker", heap_mb=256).brokers
    try:
        with or_said():
            broker.format("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]")
            with properties_of(broker) as settings:
                for name in ("listeners", "advertised.listeners"):
                    settings[name] = ",".join((settings[name], *listeners))
                settings["listener.security.protocol.map"] += ",PASSWORD:SASL_SSL,CERTIFICATE:SSL"
                for part, file in (("keystore", store), ("truststore", authority.ca_file)):
                    settings[f"ssl.{part}.type"] = "PEM"
                    settings[f"ssl.{part}.location"] = str(file)
                settings["listener.name.certificate.ssl.client.auth"] = "required"
                own = "listener.name.password"
                settings[f"{own}.sasl.enabled.mechanisms"] = "SCRAM-SHA-512,PLAIN"
                settings[f"{own}.scram-sha-512.sasl.jaas.config"] = (
                    f"{JAAS}.scram.ScramLoginModule required;"
                )
                settings[f"{own}.plain.sasl.jaas.config"] = (
                    f'{JAAS}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
                )
            broker.start()
        yield Guarded(
            authority,
            authority.certify("client"),
            f"{HOST}:{password_port}",
            f"{HOST}:{certificate_port}",
        )
    finally:
        broker.kill()


@pytest.mark.parametrize("way", ["SCRAM-SHA-512", "PLAIN", "certificate"])
async def test_S27_every_client_of_ours_reaches_a_guarded_broker(
    guarded: Guarded, way: str
) -> None:
    settings, topic, moved = guarded.settings(way), f"guarded-{uuid4().hex}", Bell()
    await apply(settings, [topic_of(topic, settings)])
    follower = AllocationsFollower(
        settings, f"role-{uuid4().hex}", dead_letters=Letters(), on_moved=moved.ring, topic=topic
    )
    following = asyncio.create_task(follower.run())
    try:
        async with KafkaLogWriter(settings, topic) as writer:
            await writer.publish([Entry(ACCOUNT_ID, b"{}")])
        assert await moved.wait(30)
        assert sum((await ends(settings, topic)).values()) == 1
        assert await InboundTopic(settings, topic).messages(ACCOUNT_ID, 1) == ()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class Letters:
    """Forgets them."""

    async def keep(self, letters: object) -> None:
        del letters


async def test_S27_whoever_is_not_known_does_not_get_in(guarded: Guarded, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    other = stranger.certify("client")
    wrong: tuple[tuple[str, dict[str, object]], ...] = (
        ("PLAIN", {"password": "another-password"}),
        ("SCRAM-SHA-512", {"password": "another-password"}),
        ("certificate", {"certificate_file": None, "key_file": None}),
        (
            "certificate",
            {"certificate_file": other.certificate_file, "key_file": other.key_file},
        ),
        # Nor do we talk to a broker that we do not know.
        ("PLAIN", {"ca_file": stranger.ca_file}),
        ("PLAIN", {"security_protocol": "PLAINTEXT"}),
    )
    told: list[str] = []
    for way, changes in wrong:
        settings = guarded.settings(way, **changes)
        with pytest.raises(Unavailable) as refused:
            await check(settings, [topic_of("any", settings)])
        told.append(str(refused.value))

    assert len(told) == len(wrong)
    assert [text for text in told if PASSWORD in text or "another-password" in text] == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"security_protocol": "SASL_SSL"}, "FAIRLEAD_KAFKA_USER, FAIRLEAD_KAFKA_PASSWORD: "),
        ({"certificate_file": "c.pem"}, "FAIRLEAD_KAFKA_CERTIFICATE_FILE, FAIRLEAD_KAFKA_KEY"),
        ({"security_protocol": "SSL", "ca_file": "none.pem"}, "FAIRLEAD_KAFKA_CA_FILE: expected"),
        (
            {"security_protocol": "SSL", "certificate_file": __file__, "key_file": __file__},
            "FAIRLEAD_KAFKA_CERTIFICATE_FILE, FAIRLEAD_KAFKA_KEY_FILE: expected a certificate",
        ),
    ],
)
def test_S27_what_does_not_fit_together_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        KafkaSettings.model_validate(given)
