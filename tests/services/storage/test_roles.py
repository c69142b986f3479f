"""Users of the database: what each may do, tried by themselves, and the rows that they see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from services.projector.rebuild import rebuild
from services.projector.registry import PROJECTIONS, named
from services.runtime.database import prepare, prepare_at
from services.storage import roles
from services.storage.database import open_pool
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.events import EventStore
from services.storage.roles import ENGINE, MAKERS_OF_VIEWS, USERS, WEB, mighty_users
from tests.services.storage.conformance import append
from tests.support.samples import assigned
from tests.support.users import as_user

VIEWS = [projection.NAME for projection in PROJECTIONS]
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
# Everything there is, and whether the user may do it to any part of it.
MATRIX = """
SELECT n.nspname AS schema, c.relname AS name, u.name AS user, p.name AS privilege,
    has_table_privilege(u.name, c.oid, p.name) AS whole,
    CASE WHEN p.name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        THEN has_any_column_privilege(u.name, c.oid, p.name)
        ELSE has_table_privilege(u.name, c.oid, p.name) END AS part
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN unnest($1::text[]) AS u (name) CROSS JOIN unnest($2::text[]) AS p (name)
WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)'
"""


@pytest.fixture
async def prepared(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database with its users."""
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", database_url)
    await prepare()
    return database_url


@asynccontextmanager
async def connected(database_url: str, user: str) -> AsyncIterator[Any]:
    """A connection of that user."""
    connection = await asyncpg.connect(as_user(user, database_url))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.usefixtures("prepared")
async def test_S27_each_user_may_do_exactly_what_is_written(pool: Any) -> None:
    rows = await pool.fetch(MATRIX, USERS, PRIVILEGES)
    found: dict[tuple[str, str, str], set[str]] = {}
    for schema, name, user, privilege, whole, part in rows:
        may = found.setdefault((user, schema, name), set())
        if part:
            may.add(privilege if whole else f"{privilege} of columns")

    assert {schema for _, schema, _ in found} == {"public", "gateway", *VIEWS}
    for (user, schema, name), may in found.items():
        assert may == expected(user, schema, name), (user, schema, name)


def expected(user: str, schema: str, name: str) -> set[str]:
    """As the table of grants has it; who makes a read model may do all with it."""
    if schema in VIEWS and user in MAKERS_OF_VIEWS:
        return {*PRIVILEGES}
    may = roles.privileges(user, schema, name, is_view=schema in VIEWS)
    whole = {each for each in may if "(" not in each}
    parts = {each.split()[0] for each in may if "(" in each} - whole
    return whole | {f"{each} of columns" for each in parts}


async def test_S27_a_user_is_refused_what_is_for_others(prepared: str) -> None:
    """Each row of the wall, in the words of the server."""
    foreign = {
        "fairlead_ingress": [
            "SELECT token_encrypted FROM accounts",
            "SELECT state FROM account_events",
            "INSERT INTO account_events VALUES ('account-1', 1, 'lead.assigned', '')",
        ],
        "fairlead_allocator": [
            "SELECT token_encrypted FROM accounts",
            "UPDATE account_events SET state = ''",
            "DELETE FROM account_events",
            "UPDATE dead_letters SET body = ''",
        ],
        "fairlead_projector": [
            "INSERT INTO account_events VALUES ('account-1', 1, 'lead.assigned', '')",
            "UPDATE positions SET position = 0",
            "SELECT webhook_secret_sha256 FROM accounts",
        ],
        "fairlead_gateway": [
            "INSERT INTO account_events VALUES ('account-1', 1, 'lead.assigned', '')",
            "UPDATE accounts SET webhook_secret_sha256 = ''",
            "UPDATE assignments.leads SET state = 'pending'",
        ],
        "fairlead_clock": [
            "UPDATE timers.timers SET due_at = now()",
            "SELECT token_encrypted FROM accounts",
        ],
        "fairlead_commands": [
            "INSERT INTO account_events VALUES ('account-1', 1, 'lead.assigned', '')",
            "DELETE FROM account_events",
            "DELETE FROM resumptions",
        ],
        "fairlead_web": [
            "SELECT token_encrypted FROM accounts",
            "UPDATE dead_letters SET body = ''",
            "UPDATE data_keys SET subject = ''",
            "DELETE FROM erasures",
            "DELETE FROM requests.requests",
            "DELETE FROM gateway.leases",
            "DELETE FROM access_log",
            "DELETE FROM sign_in_log",
            "UPDATE access_secret SET sealed = ''",
        ],
    }
    assert set(foreign) == set(USERS)
    for user, statements in foreign.items():
        async with connected(prepared, user) as connection:
            for statement in (*statements, "CREATE TABLE public.mine (n int)", "SET ROLE fairlead"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)


@pytest.mark.usefixtures("prepared")
async def test_S27_a_user_that_no_grant_and_no_policy_binds_is_found(pool: Any) -> None:
    async with pool.acquire() as connection:
        assert await mighty_users(connection) == []
        undone = connection.transaction()
        await undone.start()
        await connection.execute("ALTER ROLE fairlead_web BYPASSRLS")
        assert await mighty_users(connection) == [WEB]
        await undone.rollback()


async def test_S5_who_serves_people_sees_the_rows_of_the_named_account_alone(
    prepared: str, pool: Any
) -> None:
    store = EventStore(pool)
    await append(store, assigned(1, 1), assigned(2, 1), assigned(12, 1), position=1)
    await pool.execute("INSERT INTO stalls.rules VALUES (1, 'a', now()), (2, 'b', now())")

    async with connected(prepared, WEB) as connection:
        assert await seen(connection, None) == ([], [], [])
        assert await seen(connection, "") == ([], [], [])
        assert await seen(connection, "1") == (["account-1"], [1], ["a"])
        assert await seen(connection, "3") == ([], [], [])
        assert await seen(connection, None) == ([], [], [])  # of the next transaction
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await seen(connection, "1 OR true")
    for user in ENGINE:
        async with connected(prepared, user) as connection:
            heads = await connection.fetch("SELECT account_id FROM account_heads ORDER BY 1")
            assert [row[0] for row in heads] == [1, 2, 12]


async def seen(connection: Any, account_id: str | None) -> tuple[list[Any], ...]:
    """Streams, heads and rules."""
    statements = (
        "SELECT originator_id FROM account_events",
        "SELECT account_id FROM account_heads",
        "SELECT rule_id FROM stalls.rules",
    )
    async with connection.transaction(readonly=True):
        if account_id is not None:
            await connection.execute(
                "SELECT set_config('fairlead.account_id', $1, true)", account_id
            )
        found = [await connection.fetch(each) for each in statements]
    return tuple([row[0] for row in rows] for rows in found)


@pytest.mark.usefixtures("prepared")
async def test_S5_every_table_with_rows_of_accounts_is_behind_the_wall(pool: Any) -> None:
    open_to_all = await pool.fetch(
        "SELECT c.oid::regclass::text FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND NOT c.relrowsecurity"
        " AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1"
    )

    assert {row[0] for row in open_to_all} == {
        "schema_migrations",
        "asked_rebuilds",
        "positions",
        "restorations",
        "resumptions",
        "signing_key",
        # Of people and browsers, who are of no one account.
        "access_secret",
        "consent_states",
        "integrations",
        "invitations",
        "one_time_codes",
        "outer_identities",
        "passkeys",
        "passwords",
        "people",
        "recovery_codes",
        "sessions",
        "sign_in_delays",
        "sign_in_steps",
        "gateway.addresses",
        "gateway.callers",
        "gateway.leases",
        *(f"{view}.revision" for view in VIEWS),
    }


@pytest.mark.parametrize("user", MAKERS_OF_VIEWS)
async def test_S27_a_read_model_made_anew_is_for_whom_it_was(
    prepared: str, pool: Any, user: str
) -> None:
    before = await pool.fetch(MATRIX, USERS, PRIVILEGES)
    mine = await open_pool(as_user(user, prepared))
    try:
        await rebuild(mine, EventStore(mine), named("timers"))
    finally:
        await mine.close()

    assert {*await pool.fetch(MATRIX, USERS, PRIVILEGES)} == {*before}
    await test_S5_every_table_with_rows_of_accounts_is_behind_the_wall(pool)


@pytest.mark.server
async def test_S27_the_owner_of_a_database_need_not_be_a_superuser(tmp_path: Path) -> None:
    async with EmbeddedDatabase(tmp_path / "server") as server:
        administrator = await asyncpg.connect(server.dsn)
        await administrator.execute("CREATE ROLE owner LOGIN CREATEROLE")
        await administrator.execute("CREATE DATABASE leads OWNER owner")
        await administrator.close()
        url = as_user("owner", server.dsn_of("leads"))

        first = await prepare_at(SecretStr(url))
        maker = await open_pool(as_user("fairlead_projector", url))
        await rebuild(maker, EventStore(maker), named("timers"))
        await maker.close()
        again = await prepare_at(SecretStr(url), {WEB: SecretStr("secret")})

    assert (first.applied, again.applied) == (first.migration, 0)
    assert again.passwords == (WEB,)
