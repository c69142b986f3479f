"""PostgreSQL on another machine: by TLS, with passwords, prepared by an owner who is no superuser.

Debian's server stands for it: the one that Fairlead brings is built without TLS.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from services.application.installation import Installation
from services.projector.rebuild import rebuild
from services.projector.registry import named
from services.runtime.database import prepare_at
from services.runtime.installation import open_distributed
from services.runtime.settings import OpeningSettings
from services.runtime.wrong import Wrong
from services.shared.errors import Unavailable
from services.shared.settings import InstallationSettings
from services.storage.roles import USERS
from tests.support.certificates import Authority
from tests.support.tls_postgres import PASSWORD, TlsPostgres, tls_postgres
from tests.support.waiting import until

pytestmark = pytest.mark.server

KEY = SecretStr("A" * 43 + "=")
OWNER = "CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'owns it'"
REFUSED = r"^FAIRLEAD_DATABASE_URL: the database refuses: [^\n]*$"
SECURED = """
SELECT count(*) FILTER (WHERE ssl) AS encrypted, count(*) FILTER (WHERE NOT ssl) AS plain
FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'fairlead_gateway'
"""


def settings_of(url: str) -> OpeningSettings:
    here = InstallationSettings(database_url=SecretStr(url), master_key=KEY)
    return OpeningSettings(installation=here)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TlsPostgres]:
    async with tls_postgres(tmp_path / "server", Authority(tmp_path / "authority")) as running:
        yield running


async def test_S27_a_database_elsewhere_is_prepared_and_used_by_tls_with_each_users_password(
    server: TlsPostgres, tmp_path: Path
) -> None:
    administrator = await asyncpg.connect(server.url())
    await administrator.execute(OWNER)
    await administrator.execute("CREATE DATABASE leads OWNER owner")
    passwords = {user: SecretStr(f"of {user}: 'quoted' \\") for user in USERS}
    url = SecretStr(server.url("owner", "owns it", database="leads"))

    first = await prepare_at(url, passwords)
    again = await prepare_at(url, passwords)

    assert (first.applied, again.applied) == (first.migration, 0)
    for user, password in passwords.items():
        own = server.url(user, password.get_secret_value(), database="leads")
        async with open_distributed(tmp_path, settings_of(own), connections=2) as installation:
            await until(lambda: is_listening(installation))
            assert await installation.accounts.all() == []
            if user == "fairlead_gateway":
                [told] = await administrator.fetch(SECURED)
                assert (told["encrypted"] > 1, told["plain"]) == (True, 0)
            if user == "fairlead_projector":
                await rebuild(installation.pool, installation.events, named("loads"))
        wrong = settings_of(server.url(user, "a guess", database="leads"))
        with pytest.raises(Wrong, match=REFUSED):
            async with open_distributed(tmp_path, wrong, connections=2):
                pass
    await prepare_at(url)  # what the projector made is its own, and the owner's to look after
    await administrator.close()


async def is_listening(installation: Installation) -> bool:
    return installation.wakeup.listening.is_set()


async def test_S27_who_is_not_who_they_should_be_is_told_nothing(
    server: TlsPostgres, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    unknown = settings_of(server.url(sslmode="verify-full", sslrootcert=stranger.ca_file))
    plain = settings_of(server.url(sslmode="disable"))

    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        async with open_distributed(tmp_path, unknown, connections=2):
            pass
    with pytest.raises(Wrong, match=REFUSED):
        async with open_distributed(tmp_path, plain, connections=2):
            pass


@pytest.mark.parametrize(
    "wrong", [{"user": "nobody-known"}, {"database": "none"}, {"password": "a guess"}]
)
async def test_S27_what_the_database_refuses_is_one_line(
    server: TlsPostgres, tmp_path: Path, wrong: dict[str, str]
) -> None:
    with pytest.raises(Wrong, match=REFUSED) as told:
        async with open_distributed(tmp_path, settings_of(server.url(**wrong)), connections=2):
            pass
    assert PASSWORD not in str(told.value)
