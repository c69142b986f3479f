"""`FAIRLEAD_PROFILE=production`: what is for a desk or a test only is refused, at once (S24)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from services.application.connect import connect
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.runtime.environment import from_environment
from services.runtime.production import refuse_unsafe, refuse_unsafe_accounts
from services.runtime.settings import EverySetting
from services.runtime.wrong import Wrong
from services.storage.accounts import AccountRegistry
from tests.services.cli.conftest import command, process
from tests.support.vault import VAULT

KEY = "A" * 43 + "="
END = ", in production"
SAFE = {
    "FAIRLEAD_PROFILE": "production",
    "FAIRLEAD_PUBLIC_URL": "https://leads.example.com",
    "FAIRLEAD_MASTER_KEY": KEY,
}
THERE = {
    **SAFE,
    "FAIRLEAD_DATABASE_URL": "postgresql://f:p@db.example.com/f?sslmode=verify-full",
    "FAIRLEAD_KAFKA_SERVERS": "a.example.com:9093,b.example.com:9093",
    "FAIRLEAD_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "FAIRLEAD_KAFKA_USER": "fairlead",
    "FAIRLEAD_KAFKA_PASSWORD": "of-the-broker",
}
DATABASE = (
    "FAIRLEAD_DATABASE_URL: expected ?sslmode=verify-full&sslrootcert=FILE for a database on"
    " another machine"
)
KAFKA = "FAIRLEAD_KAFKA_SECURITY_PROTOCOL: expected SASL_SSL or SSL for brokers on other machines"
ADDRESS = (
    "FAIRLEAD_ACCESS_ADDRESS: expected the address that begins with https:// by which people come"
)
PROXIES = "FAIRLEAD_WEB_TRUSTED_PROXIES: expected our own proxies, not everybody"
CERTIFICATE = (
    "FAIRLEAD_KAFKA_SECURITY_PROTOCOL: expected SASL_SSL, or SSL with a certificate of our own, for"
    " brokers on other machines"
)


def told(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is refused of it, a line each."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        settings = from_environment(EverySetting)
        refuse_unsafe(settings, environment, web=settings.web)
    except Wrong as refused:
        return [line.removesuffix(END) for line in str(refused).splitlines() if line.endswith(END)]
    return []


@pytest.mark.parametrize("safe", [SAFE, THERE], ids=["embedded", "distributed"])
def test_S24_what_is_safe_is_not_refused(
    safe: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(safe, monkeypatch) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"FAIRLEAD_PUBLIC_URL": "http://leads.example.com"},
            "FAIRLEAD_PUBLIC_URL: expected an address that begins with https://",
        ),
        (
            {"FAIRLEAD_MASTER_KEY": " "},
            "FAIRLEAD_MASTER_KEY: expected a key, kept apart from the data that it seals",
        ),
        (
            {"FAIRLEAD_FAILPOINTS": "clock.before_emit@1=kill"},
            "FAIRLEAD_FAILPOINTS: expected no fail points",
        ),
        (
            {"PYTHONASYNCIODEBUG": "1"},
            "PYTHONDEVMODE, PYTHONASYNCIODEBUG: expected no debugging",
        ),
        ({"FAIRLEAD_DATABASE_URL": "postgresql://f:p@db.example.com/f"}, DATABASE),
        ({"FAIRLEAD_DATABASE_URL": "postgresql://f:p@10.0.0.7:5432/f?sslmode=require"}, DATABASE),
        ({"FAIRLEAD_DATABASE_URL": "postgresql://f:p@localhost,db:5432/f"}, DATABASE),
        ({"FAIRLEAD_DATABASE_URL": "postgresql:///f?host=db.example.com"}, DATABASE),
        (
            {"FAIRLEAD_DATABASE_POOLER_URL": "postgresql://f:p@pooler.example.com:6432/f"},
            DATABASE.replace("FAIRLEAD_DATABASE_URL", "FAIRLEAD_DATABASE_POOLER_URL"),
        ),
        ({"FAIRLEAD_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, KAFKA),
        ({"FAIRLEAD_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, KAFKA),
        (
            {"FAIRLEAD_KAFKA_SECURITY_PROTOCOL": "SSL"},
            CERTIFICATE,
        ),
    ],
)
def test_S24_what_is_not_is_a_line(
    change: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(THERE | change, monkeypatch) == [expected]
    assert told(THERE | change | {"FAIRLEAD_PROFILE": "test"}, monkeypatch) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"FAIRLEAD_ACCESS_ADDRESS": "https://console.example.com"}, []),
        ({"FAIRLEAD_ACCESS_ADDRESS": "http://localhost:8090"}, [ADDRESS]),
        ({"FAIRLEAD_WEB_HOST": "0.0.0.0"}, [ADDRESS]),  # noqa: S104 - refused
        (
            {
                "FAIRLEAD_WEB_HOST": "0.0.0.0",  # noqa: S104 - behind a proxy
                "FAIRLEAD_ACCESS_ADDRESS": "https://console.example.com",
            },
            [],
        ),
        ({"FAIRLEAD_WEB_TRUSTED_PROXIES": "127.0.0.1,0.0.0.0/0"}, [PROXIES]),
        ({"FAIRLEAD_WEB_TRUSTED_PROXIES": "::/0"}, [PROXIES]),
    ],
)
def test_S24_S30_people_come_by_https_and_through_our_own_proxies(
    change: dict[str, str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(SAFE | change, monkeypatch) == expected


def test_S24_a_peer_on_this_machine_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("127.0.0.1:5432", "localhost", "[::1]:5432", ""):
        here = {
            "FAIRLEAD_DATABASE_URL": f"postgresql://f:p@{host}/f",
            "FAIRLEAD_KAFKA_SERVERS": "127.0.0.1:9092,[::1]:9092",
            "FAIRLEAD_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        }
        assert told(THERE | here, monkeypatch) == []


@pytest.mark.server
@pytest.mark.parametrize("words", [("up",), ("run", "all"), ("doctor",)])
def test_S24_everything_is_told_at_once_and_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    data = tmp_path / "data"
    (data / "postgres").mkdir(parents=True)
    monkeypatch.setenv("FAIRLEAD_PROFILE", "production")
    monkeypatch.setenv("FAIRLEAD_FAILPOINTS", "clock.before_emit@1=kill")
    expected = ["FAIRLEAD_PUBLIC_URL", "FAIRLEAD_MASTER_KEY", "FAIRLEAD_FAILPOINTS"]
    if words[0] == "run":
        monkeypatch.setenv("FAIRLEAD_DATABASE_URL", "postgresql://f:p@db.example.com/f")
        monkeypatch.setenv("FAIRLEAD_KAFKA_SERVERS", "kafka.example.com:9092")
        expected[2:2] = ["FAIRLEAD_DATABASE_URL"]
        expected += ["FAIRLEAD_KAFKA_SECURITY_PROTOCOL"]

    said = process(data, *words)

    assert said.status == 1
    lines = said.err.removeprefix("error: ").splitlines()
    assert [line.partition(":")[0] for line in lines] == expected
    assert list((data / "postgres").iterdir()) == []


def test_S24_a_profile_that_there_is_none_of_is_no_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_PROFILE", "prod")

    assert command(tmp_path, "up").error == "FAIRLEAD_PROFILE: expected one of production, test"


def test_S24_topics_are_not_made_over_an_open_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_PROFILE", "production")

    said = command(tmp_path, "topics", "apply", "--kafka", "kafka.example.com:9092")
    assert said.error == KAFKA + END


async def test_S14_S24_a_simulation_is_no_account_in_production(pool: asyncpg.Pool) -> None:
    accounts = AccountRegistry(pool, VAULT)
    for number, base_url in enumerate(("https://acme.kommo.com", "http://127.0.0.1:9")):
        await accounts.add(
            number,
            subdomain="acme",
            base_url=base_url,
            token=SecretStr("token"),
            webhook_secret=SecretStr(f"secret-{number}"),
            timezone="UTC",
        )

    with pytest.raises(Wrong) as refused:
        await refuse_unsafe_accounts(accounts)
    assert str(refused.value) == (
        "account 1: expected an address like https://acme.kommo.com, not http://127.0.0.1:9" + END
    )


@pytest.mark.parametrize(
    ("base_url", "public_url"),
    [
        ("http://127.0.0.1:9", "https://leads.example.com"),
        ("https://localhost", "https://leads.example.com"),
        ("https://acme.kommo.com", "http://leads.example.com"),
    ],
)
async def test_S24_nothing_is_connected_in_production_that_it_would_refuse(
    tmp_path: Path, base_url: str, public_url: str
) -> None:
    nothing: Any = None
    installation = Installation(
        data=tmp_path,
        database=nothing,
        pool=nothing,
        wakeup=nothing,
        events=nothing,
        accounts=nothing,
        dead_letters=nothing,
        log=nothing,
        is_production=True,
    )
    operator = Principal(id="cli:root", scopes=frozenset({"operate"}))

    with pytest.raises(Refused, match=r"address_not_an_accounts|public_url_not_usable"):
        await connect(
            installation,
            operator,
            base_url=base_url,
            token=SecretStr("token"),
            public_url=public_url,
        )
