"""The schema dash: what its views show to whom, and that they outlive their tables (S5)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.projector import dash
from services.projector.rebuild import rebuild
from services.projector.registry import PROJECTIONS, Projection, named
from services.projector.run import Projector
from services.projector.schema import create_missing, prepare
from services.runtime.database import prepare as prepare_database
from services.storage.events import EventStore
from services.storage.roles import DASH, MAKERS_OF_VIEWS
from tests.projections.history import story
from tests.projections.kit import plan
from tests.services.projector.test_projector import FAST, Writer, quiet
from tests.support.users import as_user

SEEN: list[Projection] = [each for each in PROJECTIONS if dash.views(each.NAME)]
VIEWS = [view for each in SEEN for view in dash.views(each.NAME)]
ACCOUNTS = (1, 2)
FOREIGN = [
    "SELECT * FROM decisions.feed",
    "SELECT * FROM account_events",
    "SELECT * FROM accounts",
    "SELECT * FROM response.hours",
    "INSERT INTO dash.pauses VALUES (1, now(), NULL, true)",
    "DELETE FROM dash.fairness",
    "CREATE TABLE dash.mine (n int)",
    "CREATE TABLE public.mine (n int)",
    "DROP VIEW dash.decisions",
    "SET ROLE fairlead_views",
]


@pytest.fixture
async def filled(pool: Any, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a prepared database in which two accounts have lived."""
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", database_url)
    await prepare_database()
    lives = [story(account_id=each, seed=each, messages=150 * each) for each in ACCOUNTS]
    await Writer(EventStore(pool)).store_all(*lives)
    following = Projector(pool, EventStore(pool), wait=quiet, options=FAST)
    while await following.catch_up():
        pass
    return database_url


@asynccontextmanager
async def reader(
    database_url: str, user: str = DASH, *, account_id: object = None
) -> AsyncIterator[Any]:
    """A session of a reader, which names an account or none."""
    connection = await asyncpg.connect(as_user(user, database_url))
    try:
        if account_id is not None:
            await connection.execute(f"SET fairlead.account_id = '{account_id}'")
        yield connection
    finally:
        await connection.close()


async def counts(connection: Any) -> dict[str, int]:
    statement = "SELECT count(*) FROM dash.{}"
    return {view: await connection.fetchval(statement.format(view)) for view in VIEWS}


async def decided(pool: Any, account_id: int) -> int:
    found: int = await pool.fetchval(
        "SELECT count(*) FROM decisions.feed WHERE account_id = $1", account_id
    )
    return found


async def test_S5_a_session_sees_the_account_that_it_names_and_else_nothing(
    filled: str, pool: Any
) -> None:
    for account_id in ACCOUNTS:
        async with reader(filled, account_id=account_id) as connection:
            shown = await counts(connection)
            assert shown["decisions"] == await decided(pool, account_id) > 0
            assert all(shown[view] for view in ("given", "why_not", "tallies", "response"))
            assert shown["health"] == 1
    for nobodys in (None, "", 3):
        async with reader(filled, account_id=nobodys) as connection:
            assert set((await counts(connection)).values()) == {0}
    async with reader(filled, account_id="1 OR true") as connection:
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await counts(connection)


async def test_S5_a_user_named_for_an_account_sees_no_other_whatever_it_names(
    filled: str, pool: Any
) -> None:
    user = f"{DASH}_2"
    await pool.execute(f"CREATE ROLE {user} LOGIN IN ROLE {DASH}")
    try:
        async with reader(filled, user, account_id=1) as connection:
            shown = await counts(connection)
    finally:
        await pool.execute(f"DROP ROLE {user}")

    assert shown["decisions"] == await decided(pool, 2) != await decided(pool, 1)


async def test_A12_2_S5_a_reader_gets_nothing_but_the_views(filled: str) -> None:
    async with reader(filled, account_id=1) as connection:
        for statement in FOREIGN:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_S5_a_function_of_the_readers_is_handed_no_row_of_others(filled: str) -> None:
    """Cheap functions are asked first, were the views no barrier."""
    said: list[str] = []
    async with reader(filled, account_id=1) as connection:
        own = await connection.fetchval("SELECT count(*) FROM dash.decisions")
        connection.add_log_listener(lambda _, message: said.append(message.message))
        await connection.execute("""
            CREATE FUNCTION pg_temp.tell(bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
            AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$
        """)
        await connection.fetch("SELECT count(*) FROM dash.decisions WHERE pg_temp.tell(version)")

    assert len(said) == own


@pytest.mark.parametrize("user", MAKERS_OF_VIEWS)
async def test_F85_a_view_shows_the_rows_of_a_read_model_made_anew(
    filled: str, pool: Any, user: str
) -> None:
    async with reader(filled, account_id=1) as connection:
        before = await counts(connection)
        mine = await asyncpg.create_pool(as_user(user, filled), min_size=1, max_size=5)
        try:
            for each in SEEN:
                await rebuild(mine, EventStore(pool), each)
        finally:
            await mine.close()

        assert await counts(connection) == before
        assert before["decisions"] > 0


async def test_F85_a_view_that_is_lacking_is_made_at_the_next_start(pool: Any) -> None:
    await prepare(pool)
    await pool.execute("DROP VIEW dash.tallies, dash.given")
    await pool.execute("UPDATE why_not.revision SET revision = revision - 1")

    async with pool.acquire() as connection:
        await create_missing(connection)

    found = await pool.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'dash'")
    assert {row[0] for row in found} == {*VIEWS} - {"given"}, "that waits for its rows"
    await rebuild(pool, EventStore(pool), named("why_not"))
    assert await pool.fetchval("SELECT count(*) FROM dash.given") == 0


async def test_A12_2_every_view_and_every_column_has_its_comment(pool: Any) -> None:
    await prepare(pool)

    silent = await pool.fetch("""
        SELECT c.relname, a.attname FROM pg_class AS c
        LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'dash'::regnamespace AND c.relkind = 'v'
            AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
    """)
    barriers = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'dash'::regnamespace"
        " AND relkind = 'v' AND reloptions @> '{security_barrier=true}'"
    )

    assert silent == []
    assert {row[0] for row in barriers} == {*VIEWS}


FILL = {
    "decisions.feed": """
        SELECT account_id, n, n, n || '.1', 'assigned', at, 501, 'new', 1, 11, 'duty'""",
    "response.leads": """
        SELECT account_id, n || '.1', 1, n, 501, 'new', at, at, at, at, 0, 0, 0""",
    "why_not.hours": """
        SELECT account_id, at, 'new', 1, 0, n, n, ARRAY[501], ARRAY['got'], ARRAY[1]""",
    "tallies.days": """
        SELECT account_id, date '2020-01-01' + n / 10, 500 + n % 10, 'new', 1, 0, 0, 0, 0, 0""",
    "requests.requests": """
        SELECT account_id, n || '.1', n, 'new', 1, 11, 'webhook', 'assigned', NULL, NULL, n, at, n,
            at""",
}
ROWS = """
    FROM generate_series(1, 20000) AS n, (VALUES (1), (2)) AS accounts (account_id),
        LATERAL (SELECT timestamptz '2024-01-01' + n * interval '1 hour' AS at) AS instants"""
QUESTIONS = [
    "SELECT * FROM dash.decisions WHERE at BETWEEN '2024-02-01' AND '2024-02-02'",
    "SELECT * FROM dash.decisions ORDER BY version DESC LIMIT 50",
    "SELECT * FROM dash.decisions WHERE lead_id = 7",
    "SELECT * FROM dash.decisions WHERE manager_id = 9",
    "SELECT * FROM dash.response WHERE decided_at BETWEEN '2024-02-01' AND '2024-02-02'",
    "SELECT * FROM dash.given WHERE hour BETWEEN '2024-02-01' AND '2024-02-02'",
    "SELECT * FROM dash.why_not WHERE hour BETWEEN '2024-02-01' AND '2024-02-02'",
    "SELECT * FROM dash.tallies WHERE day BETWEEN '2024-02-01' AND '2024-02-02'",
    "SELECT * FROM dash.waiting ORDER BY opened_version",
]


async def test_I13_no_question_of_a_day_reads_the_history(pool: Any) -> None:
    await prepare(pool)
    for table, columns in FILL.items():
        await pool.execute(f"INSERT INTO {table} {columns} {ROWS}")
        await pool.execute(f"ANALYZE {table}")
    async with pool.acquire() as connection:
        await connection.execute("SET fairlead.account_id = '1'")
        plans = [await plan(connection, question) for question in QUESTIONS]

    assert [text for text in plans if "Seq Scan" in text] == []
