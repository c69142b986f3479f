"""What an installation that others rely on must not be: `FAIRLEAD_PROFILE=production` (S24).

Everything is told at once, each in a line that names what to change, before anything is opened;
but for the addresses of accounts, which only the database knows.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from services.access.settings import AccessSettings
from services.kommo.address import is_kommos
from services.log.kafka import KafkaSettings
from services.runtime.settings import OpeningSettings
from services.runtime.wrong import Wrong
from services.shared.failpoints import POINTS_VARIABLE
from services.shared.hosts import is_this_machine
from services.shared.proxies import networks
from services.shared.settings import KOMMO_ADDRESSES, InstallationSettings
from services.storage.accounts import AccountRegistry
from services.web.settings import WebSettings

# Who answers is checked, too: an encrypted way to a stranger helps nobody.
VERIFIED = ("verify-ca", "verify-full")
DEBUG = ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG")


def refuse_unsafe(
    settings: OpeningSettings, environment: Mapping[str, str], *, web: WebSettings | None = None
) -> None:
    """See that nothing of it is for a desk or a test only; other profiles may be anything.

    Args:
        settings: With which an installation is opened.
        environment: Of the process.
        web: Where people are served, if they are.

    Raises:
        Wrong: Something is.
    """
    installation = settings.installation
    if not installation.is_production:
        return
    problems = [*_of_installation(installation, environment), *_of_process(environment)]
    if installation.database_url is not None:
        problems += _of_kafka(settings.kafka)
    if web is not None:
        problems += _of_web(settings.access, web)
    _refuse(problems)


def refuse_unsafe_brokers(installation: InstallationSettings, kafka: KafkaSettings) -> None:
    """The same for who works on the brokers alone.

    Raises:
        Wrong: Anybody on the way could read or change what they are told.
    """
    if installation.is_production:
        _refuse(list(_of_kafka(kafka)))


def refuse_unsafe_database(
    installation: InstallationSettings, environment: Mapping[str, str]
) -> None:
    """The same for who works on the database alone.

    Raises:
        Wrong: Anybody on the way could read or change what it is told.
    """
    if installation.is_production:
        _refuse(list(_of_database(installation, environment)))


async def refuse_unsafe_accounts(accounts: AccountRegistry) -> None:
    """See that every account is Kommo's, and no simulation of it (S14).

    Raises:
        Wrong: One is not.
        services.shared.errors.Unavailable: The database does not answer.
    """
    _refuse(
        [
            f"account {each.account_id}: expected an address like https://acme.kommo.com, not"
            f" {each.base_url}"
            for each in await accounts.all()
            if not is_kommos(each.base_url)
        ]
    )


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise Wrong("\n".join(f"{problem}, in production" for problem in problems))


def _of_installation(
    installation: InstallationSettings, environment: Mapping[str, str]
) -> Iterator[str]:
    if not (installation.public_url or "").startswith("https://"):
        yield "FAIRLEAD_PUBLIC_URL: expected an address that begins with https://"
    if installation.master_key is None or not installation.master_key.get_secret_value().strip():
        yield "FAIRLEAD_MASTER_KEY: expected a key, kept apart from the data that it seals"
    if installation.kommo_address not in KOMMO_ADDRESSES:
        yield f"FAIRLEAD_KOMMO_ADDRESS: expected one of {', '.join(KOMMO_ADDRESSES)}"
    yield from _of_database(installation, environment)


def _of_database(
    installation: InstallationSettings, environment: Mapping[str, str]
) -> Iterator[str]:
    urls = {
        "FAIRLEAD_DATABASE_URL": installation.database_url,
        "FAIRLEAD_DATABASE_POOLER_URL": installation.database_pooler_url,
    }
    for name, secret in urls.items():
        url = "" if secret is None else secret.get_secret_value()
        options = parse_qs(urlsplit(url).query)
        mode = options.get("sslmode", [environment.get("PGSSLMODE", "")])[-1]
        hosts = options.get("host", []) or _hosts(url) or [environment.get("PGHOST", "")]
        is_here = not url or all(map(is_this_machine, ",".join(hosts).split(",")))
        if mode not in VERIFIED and not is_here:
            yield (
                f"{name}: expected ?sslmode=verify-full&sslrootcert=FILE for a database"
                " on another machine"
            )


def _of_process(environment: Mapping[str, str]) -> Iterator[str]:
    if environment.get(POINTS_VARIABLE):
        yield f"{POINTS_VARIABLE}: expected no fail points"
    if sys.flags.dev_mode or any(environment.get(name) for name in DEBUG):
        yield f"{', '.join(DEBUG)}: expected no debugging"


def _of_kafka(kafka: KafkaSettings) -> Iterator[str]:
    hosts = [server.strip().rpartition(":")[0] for server in kafka.servers.split(",")]
    if all(map(is_this_machine, hosts)):
        return
    if not kafka.has_tls:
        yield (
            "FAIRLEAD_KAFKA_SECURITY_PROTOCOL: expected SASL_SSL or SSL for brokers on other"
            " machines"
        )
    elif not kafka.has_user and kafka.certificate_file is None:
        yield (
            "FAIRLEAD_KAFKA_SECURITY_PROTOCOL: expected SASL_SSL, or SSL with a certificate of our"
            " own, for brokers on other machines"
        )


def _of_web(access: AccessSettings, web: WebSettings) -> Iterator[str]:
    address = access.address or ""
    is_open = not is_this_machine(web.host)
    if (address or is_open) and not address.startswith("https://"):
        yield (
            "FAIRLEAD_ACCESS_ADDRESS: expected the address that begins with https:// by which"
            " people come"
        )
    if any(network.prefixlen == 0 for network in networks(web.trusted_proxies)):
        yield "FAIRLEAD_WEB_TRUSTED_PROXIES: expected our own proxies, not everybody"


def _hosts(url: str) -> list[str]:
    """The hosts before the path of an address, which may be several."""
    places = urlsplit(url).netloc.rpartition("@")[2].split(",")
    return [
        place if place.endswith("]") else place.rpartition(":")[0] or place
        for place in places
        if place
    ]
