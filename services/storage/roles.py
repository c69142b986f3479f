"""Which user of the database may do what: one for each role, with what its statements need (S27).

`GRANTS` is the whole truth; `fairlead database prepare` brings a database to it. Beside it stands
a second wall, for whoever serves people: rows of an account are seen, and written, by
`fairlead_web` only while the transaction names the account (S5); `0` is the installation itself:

    SELECT set_config('fairlead.account_id', '32000001', true)

or says that it is about all of them (`services.storage.tenancy`). The engine works for all
accounts, so a policy lets its users pass; none of them may do more than its grants. Read models
belong to `fairlead_views`, which the projector's user is a member of.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from services.storage.database import Connection

PREFIX = "fairlead_"
WEB = f"{PREFIX}web"
# For SQL of people and of Grafana: it reads the views of the schema `dash`, and nothing else. Users
# named for an account, `fairlead_dash_32000001`, may do what it may.
DASH = f"{PREFIX}dash"
# Nobody logs in as it: read models are its own, and with that of whoever makes them anew.
OWNER_OF_VIEWS = f"{PREFIX}views"
MAKERS_OF_VIEWS = (f"{PREFIX}projector", f"{PREFIX}commands")
# Of every account, but for its token and the digest of its secret.
ACCOUNT = (
    "SELECT (account_id, subdomain, base_url, timezone, directory, connected_at, updated_at,"
    " token_expires_at, client_id, suspended_at, admitted_at, disconnected_at)"
)

# Table to privileges, as SQL has them. A name without a schema is one of `public`; `*` stands for
# every table of a schema, and `*.` for every read model. What several lines say adds up.
Grants = Mapping[str, str]

# What every process reads: at its start, and for its metrics.
METERED: Grants = {
    "schema_migrations": "SELECT",
    "accounts": ACCOUNT,
    "account_heads": "SELECT",
    "dead_letters": "SELECT (state)",
    "*.positions": "SELECT",
    "assignments.leads": "SELECT",
    "fairness.shares": "SELECT",
    "fairness.kind_shares": "SELECT",
    "readings.rules": "SELECT",
    "requests.requests": "SELECT",
    "requests.tallies": "SELECT",
    "response.leads": "SELECT",
    "response.targets": "SELECT",
    "timers.timers": "SELECT",
    "gateway.stops": "SELECT",
    "consents": "SELECT (account_id, refused_at, refused_because)",
    "webhook_targets": "SELECT (account_id, name, off_at)",
    "webhook_deliveries": "SELECT (account_id, target, state, listed_at)",
}
# Who keeps what was not understood also keeps an account within its bounds.
LETTERS: Grants = {
    "data_keys": "SELECT, INSERT",
    "dead_letters": "SELECT, INSERT, DELETE",
    "SEQUENCE dead_letters_id_seq": "USAGE",
    "dead_letters_dropped": "SELECT, INSERT, UPDATE",
}
# Who keeps what people write, and erases what is about them.
ABOUT_PEOPLE: Grants = {
    "data_keys": "SELECT, INSERT, UPDATE (key_sealed), DELETE",
    "private_texts": "SELECT, INSERT, DELETE",
    "erasures": "SELECT, INSERT",
    "raw_bodies": "SELECT, UPDATE (bodies, size, packed), DELETE",
}
# Who signs people in, and gives them what they may.
WHO_MAY: Grants = {
    "people": "SELECT, INSERT, UPDATE, DELETE",
    "SEQUENCE people_id_seq": "USAGE",
    "grants": "SELECT, INSERT, UPDATE, DELETE",
    "invitations": "SELECT, INSERT, UPDATE",
    "passwords": "SELECT, INSERT, UPDATE, DELETE",
    "one_time_codes": "SELECT, INSERT, UPDATE, DELETE",
    "recovery_codes": "SELECT, INSERT, UPDATE, DELETE",
    "passkeys": "SELECT, INSERT, UPDATE, DELETE",
    "SEQUENCE passkeys_id_seq": "USAGE",
    "outer_identities": "SELECT, INSERT, DELETE",
    "sign_in_steps": "SELECT, INSERT, UPDATE, DELETE",
    "sign_in_delays": "SELECT, INSERT, UPDATE, DELETE",
    "sign_in_log": "SELECT, INSERT",
    "sessions": "SELECT, INSERT, UPDATE, DELETE",
    "access_keys": "SELECT, INSERT, UPDATE",
    "wide_deeds": "SELECT, INSERT, UPDATE",
    "widget_proofs": "SELECT, INSERT, UPDATE",
    "widget_sessions": "SELECT, INSERT",
}
# Who has jobs done, and does them.
JOBS: Grants = {
    "jobs": "SELECT, INSERT, UPDATE, DELETE",
    "job_parts": "SELECT, INSERT, DELETE",
}
# Who lets us into accounts, and renews their tokens.
LET_IN: Grants = {
    "integrations": "SELECT, INSERT, UPDATE, DELETE",
    "consents": "SELECT, INSERT, UPDATE, DELETE",
    "consent_states": "SELECT, INSERT, DELETE",
    "former_secrets": "SELECT, INSERT, DELETE",
    "asked_sweeps": "SELECT, INSERT, UPDATE",
    "restorations": "SELECT",
    "gateway.addresses": "SELECT, UPDATE",
    "gateway.callers": "SELECT, INSERT, UPDATE",
    "gateway.leases": "SELECT, UPDATE",  # noting a start looks whether a lease is held
    "gateway.stops": "SELECT, DELETE",
}
# Who fills in forms of triggers, and writes their address into an archive.
OF_TRIGGERS: Grants = {
    "widget_hooks": "SELECT, INSERT, UPDATE (sealed)",
    "widget_rules": "SELECT, INSERT",
}
# What of it is forgotten in time.
TIDIED: Grants = {
    "sign_in_log": "SELECT (at), DELETE",
    "sessions": "SELECT (begun_at, seen_at), DELETE",
    "sign_in_steps": "SELECT (expires_at), DELETE",
    "sign_in_delays": "SELECT (last_at), DELETE",
    "invitations": "SELECT (expires_at), DELETE",
    "widget_proofs": "SELECT (expires_at), DELETE",
    "widget_sessions": "SELECT (expires_at), DELETE",
}
GRANTS: Mapping[str, Grants] = {
    "ingress": {
        **METERED,
        **LETTERS,
        "accounts": f"{ACCOUNT}, SELECT (webhook_secret_sha256)",
        "raw_bodies": "INSERT",
        "hooks_heard": "SELECT, INSERT, UPDATE (heard_at)",
        "erasures": "SELECT (account_id, kind, id)",
        "former_secrets": "SELECT",
        "widget_hooks": "SELECT (account_id, sha256, key_sha256)",
        "widget_rules": "SELECT",
    },
    # Its relay works in the same process.
    "allocator": {
        **METERED,
        "account_events": "SELECT, INSERT",
        "account_heads": "SELECT, INSERT, UPDATE",
        "account_links": "SELECT, INSERT",
        "account_snapshots": "SELECT, INSERT, UPDATE, DELETE",
        "positions": "SELECT, INSERT, UPDATE",
        "dead_letters": "SELECT, INSERT",
        "SEQUENCE dead_letters_id_seq": "USAGE",
        "asked_sweeps": "SELECT, INSERT, UPDATE",
    },
    "projector": {
        **METERED,
        "account_events": "SELECT",
        "data_keys": "SELECT, INSERT, DELETE",
        "dead_letters": "SELECT, INSERT, UPDATE, DELETE",
        "SEQUENCE dead_letters_id_seq": "USAGE",
        "dead_letters_dropped": "SELECT, INSERT, UPDATE, DELETE",
        "raw_bodies": "SELECT, DELETE",
        "access_log": "SELECT (at), DELETE",
        "asked_rebuilds": "SELECT, UPDATE",
        **TIDIED,
    },
    "gateway": {
        **METERED,
        **LETTERS,
        "accounts": f"{ACCOUNT}, SELECT (token_encrypted, webhook_secret_sha256),"
        " UPDATE (base_url, subdomain, directory, token_encrypted, token_expires_at, suspended_at,"
        " updated_at)",
        "integrations": "SELECT",
        "consents": "SELECT, UPDATE, DELETE",
        "account_events": "SELECT",
        "asked_sweeps": "SELECT, UPDATE",
        "erasures": "SELECT",
        "restorations": "SELECT",
        "gateway.sweeps": "SELECT, INSERT, UPDATE",
        "gateway.addresses": "SELECT, UPDATE",
        "gateway.callers": "SELECT, INSERT, UPDATE",
        "gateway.leases": "SELECT, INSERT, UPDATE",
        "gateway.stops": "SELECT, INSERT, UPDATE, DELETE",
        "gateway.task_readings": "SELECT, INSERT, UPDATE, DELETE",
        "linked.asked": "SELECT",
        "linked.handovers": "SELECT",
        "health.accounts": "SELECT",
        "lookups.leads": "SELECT",
        "notices.wanted": "SELECT",
        "webhook_targets": "SELECT, UPDATE",
        "webhook_deliveries": "SELECT, INSERT, UPDATE, DELETE",
        "readings.requests": "SELECT",
        "readings.rules": "SELECT",
        "touches.leads": "SELECT",
    },
    "clock": {
        **METERED,
        **LETTERS,
        "timers.timers": "SELECT, UPDATE (emitted_generation)",
    },
    # The commands of whoever keeps it running.
    "commands": {
        "*": "SELECT",
        "gateway.*": "SELECT",
        "access_log": "SELECT, INSERT",
        "SEQUENCE access_log_id_seq": "USAGE",
        "kept_commands": "SELECT, INSERT, UPDATE, DELETE",
        "rules_drafts": "SELECT, INSERT, UPDATE, DELETE",
        "rules_texts": "SELECT, INSERT, UPDATE, DELETE",
        **JOBS,
        **WHO_MAY,
        "access_secret": "SELECT, INSERT, UPDATE (sealed)",
        **LET_IN,
        **OF_TRIGGERS,
        "accounts": "SELECT, INSERT, UPDATE, DELETE",
        "restorations": "SELECT, INSERT",
        "signing_key": "SELECT, INSERT, UPDATE (sealed)",
        "webhook_targets": "SELECT, INSERT, UPDATE, DELETE",
        "webhook_deliveries": "SELECT, INSERT, UPDATE",
        **ABOUT_PEOPLE,
        "dead_letters": "SELECT, UPDATE, DELETE",
        "positions": "SELECT, INSERT, UPDATE",
        "resumptions": "SELECT, INSERT",
    },
    # Serves people: it reads, an account at a time, and writes who may, who looked, who asked.
    "web": {
        "access_log": "SELECT, INSERT",
        "SEQUENCE access_log_id_seq": "USAGE",
        "kept_commands": "SELECT, INSERT, UPDATE, DELETE",
        "rules_drafts": "SELECT, INSERT, UPDATE, DELETE",
        "rules_texts": "SELECT, INSERT, UPDATE, DELETE",
        **JOBS,
        **WHO_MAY,
        "webhook_targets": "SELECT, INSERT, UPDATE, DELETE",
        "webhook_deliveries": "SELECT, INSERT, UPDATE",
        "access_secret": "SELECT, INSERT",
        "schema_migrations": "SELECT",
        **LET_IN,
        **ABOUT_PEOPLE,
        # It puts tokens in, and reads none (S18); what needs one is done where it may.
        "accounts": f"{ACCOUNT}, SELECT (webhook_secret_sha256), INSERT, UPDATE, DELETE",
        "account_events": "SELECT",
        "account_heads": "SELECT",
        "account_links": "SELECT",
        "account_snapshots": "SELECT",
        # What an operator does at night, and what erasing needs; events and read models stay out of
        # its reach.
        "dead_letters": "SELECT, UPDATE (state, state_changed_at, settled_by, settled_why, source),"
        " DELETE",
        "dead_letters_dropped": "SELECT",
        "gateway.sweeps": "SELECT",
        "gateway.task_readings": "SELECT",
        "hooks_heard": "SELECT",
        "positions": "SELECT, INSERT, UPDATE (position)",
        "asked_rebuilds": "SELECT, INSERT, UPDATE",
        "asked_sweeps": "SELECT, INSERT, UPDATE",
        "resumptions": "SELECT, INSERT",
        **OF_TRIGGERS,
        "*.*": "SELECT",
    },
}

USERS = tuple(f"{PREFIX}{name}" for name in GRANTS)
ENGINE = tuple(user for user in USERS if user != WEB)
SEQUENCE = "SEQUENCE "
PRIVILEGE = re.compile(r"[A-Z]+(?: \([a-z0-9_, ]+\))?")
WRITER = (f"{PREFIX}allocator",)
KNOWERS = (WEB, f"{PREFIX}commands")
# Function to who may call it; the last ones answer beside the second wall.
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "append_events_v1": WRITER,
    "append_events_v2": WRITER,
    "grants_of_v1": KNOWERS,
    "sign_in_log_of_v1": KNOWERS,
    "access_key_v1": KNOWERS,
    "access_keys_of_v1": KNOWERS,
}
# Changed, they get another name: a table has those of the release that protected it last.
ENGINE_POLICY = "engine_v1"
WEB_POLICY = "one_account_v2"
FORMER_POLICIES = ("one_account_v1",)
PRESENT = "nullif(current_setting('fairlead.account_id', true), '')"
EVERY_ACCOUNT = "current_setting('fairlead.accounts', true) = 'all'"
# Where it is not simply the column `account_id`.
OR_INSTALLATION = f"coalesce(account_id, 0) = {PRESENT}::bigint"
ROWS_OF = {
    "public.account_events": f"originator_id = 'account-' || {PRESENT}",
    "public.access_log": OR_INSTALLATION,
    "public.access_keys": OR_INSTALLATION,
    "public.grants": OR_INSTALLATION,
    "public.sign_in_log": OR_INSTALLATION,
}

SELECT_USERS = """
SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = ANY($1)
"""
# Whether `fairlead database prepare` has been here: users are of the whole server.
IS_PREPARED = """
SELECT coalesce(bool_or(has_database_privilege(rolname, current_database(), 'CREATE')), false)
FROM pg_roles WHERE rolname = $1
"""
OWNER_OF_SCHEMA = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1"
SELECT_DASH = """
SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
    has_table_privilege($1, c.oid, 'SELECT') AS is_admitted
FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace('dash') AND c.relkind = 'v' ORDER BY c.relname
"""
SELECT_NAMES = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p') ORDER BY 1, 2
"""
SELECT_LACKING = """
SELECT privilege || ' on ' || relation
FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (relation, privilege, attribute)
WHERE NOT CASE WHEN attribute IS NULL THEN has_table_privilege(relation, privilege)
    ELSE has_column_privilege(relation, attribute, privilege) END
LIMIT 1
"""
SELECT_TABLES = """
SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner, c.relrowsecurity AS is_protected,
    ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid) AS policies,
    EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'account_id'
        AND NOT attisdropped) AS is_of_accounts
FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""


def privileges(user: str, schema: str, table: str, *, is_view: bool = False) -> list[str]:
    """What a user may do with a table, each as `SELECT`, or `UPDATE (some, columns)`."""
    if schema == "public":
        keys = {table, "*"}
    else:
        keys = {f"{schema}.{table}", f"{schema}.*"}
        if is_view:
            keys |= {f"*.{table}", "*.*"}
    lines = GRANTS[user.removeprefix(PREFIX)].items()
    return [each for key, text in lines if key in keys for each in PRIVILEGE.findall(text)]


async def lacking(connection: Connection, views: Sequence[str]) -> str | None:
    """What the user of a connection may not do and will have to, such as `SELECT on accounts`.

    None if nothing, or if it is none of the users that are made for the roles.
    """
    user = await connection.fetchval("SELECT current_user")
    if user not in USERS:
        return None
    wanted = [
        (f"{schema}.{table}", *each)
        for schema, table in await connection.fetch(SELECT_NAMES, ["public", "gateway", *views])
        for each in _single(privileges(user, schema, table, is_view=schema in views))
    ]
    columns = list(zip(*wanted, strict=True))
    found: str | None = await connection.fetchval(SELECT_LACKING, *columns)
    return found


def _single(texts: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each privilege by itself, with its column if it is about one."""
    for text in texts:
        privilege, _, columns = text.rstrip(")").partition(" (")
        yield from ((privilege, column) for column in columns.split(", ") if columns)
        if not columns:
            yield privilege, None


async def mighty_users(connection: Connection) -> list[str]:
    """Which of them no grant and no policy would bind."""
    rows = await connection.fetch(SELECT_USERS, (*USERS, DASH, OWNER_OF_VIEWS))
    return [name for name, is_mighty in rows if is_mighty]


async def make_users(connection: Connection) -> None:
    """Make those that are missing; they may do nothing yet.

    Raises:
        asyncpg.InsufficientPrivilegeError: Ours may make none.
    """
    wanted = dict.fromkeys((*USERS, DASH), "LOGIN") | {OWNER_OF_VIEWS: "NOLOGIN"}
    found = {row[0] for row in await connection.fetch(SELECT_USERS, list(wanted))}
    for user, may in wanted.items():
        if user not in found:
            await _unless_done(connection, f"CREATE ROLE {user} {may}")


async def apply(connection: Connection, views: Sequence[str]) -> None:
    """Bring a database to `GRANTS`: what they do not name is taken away, too."""
    for member in ("CURRENT_USER", *MAKERS_OF_VIEWS):
        await _join(connection, OWNER_OF_VIEWS, member)
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    everybody = ", ".join((*USERS, DASH))
    await connection.execute(f"GRANT CREATE ON DATABASE {database} TO {OWNER_OF_VIEWS}")
    await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {everybody}")
    await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for function, callers in FUNCTIONS.items():
        await connection.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        await connection.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {', '.join(callers)}")
    for schema in ("public", "gateway"):
        await _admit(connection, schema, of=schema, users=USERS, is_view=False)
    for view in views:
        await admit(connection, view, of=view)
    await admit_to_dash(connection)
    for user in USERS:
        for key, what in GRANTS[user.removeprefix(PREFIX)].items():
            if key.startswith(SEQUENCE):
                await connection.execute(f"GRANT {what} ON {key} TO {user}")


async def admit(connection: Connection, schema: str, *, of: str) -> None:
    """Let everybody do with the read model in a schema what they may do with that of its name.

    Where no users were made nothing happens: then all belongs to the one who made it.

    Args:
        connection: Of the read models' owner, or of somebody who may give them away.
        schema: Where it is: under its own name, or a copy that is to take its place.
        of: Its name.
    """
    if not await connection.fetchval(IS_PREPARED, OWNER_OF_VIEWS):
        return
    await _give_away(connection, schema)
    found = {row[0] for row in await connection.fetch(SELECT_USERS, USERS)}
    users = [user for user in USERS if user in found]
    await _admit(connection, schema, of=of, users=users, is_view=True)


async def admit_to_dash(connection: Connection) -> None:
    """Let `fairlead_dash` read every view of the schema `dash`, which is the read models' owner's.

    Where it was not made nothing happens.
    """
    is_prepared = await connection.fetchval(IS_PREPARED, OWNER_OF_VIEWS)
    if not is_prepared or not await connection.fetch(SELECT_USERS, [DASH]):
        return
    if await connection.fetchval(OWNER_OF_SCHEMA, "dash") != OWNER_OF_VIEWS:
        await connection.execute(f"ALTER SCHEMA dash OWNER TO {OWNER_OF_VIEWS}")
        await connection.execute(f"GRANT USAGE ON SCHEMA dash TO {DASH}")
    for name, owner, is_admitted in await connection.fetch(SELECT_DASH, DASH):
        if owner != OWNER_OF_VIEWS:
            await connection.execute(f"ALTER VIEW dash.{name} OWNER TO {OWNER_OF_VIEWS}")
        if not is_admitted:
            await connection.execute(f"GRANT SELECT ON dash.{name} TO {DASH}")


async def _admit(
    connection: Connection, schema: str, *, of: str, users: Sequence[str], is_view: bool
) -> None:
    await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {', '.join(users)}")
    for table in await connection.fetch(SELECT_TABLES, schema):
        relation = f"{schema}.{table['name']}"
        async with connection.transaction():  # a lock on one table at a time
            await connection.execute(
                "; ".join(_granted(relation, of, table["name"], users, is_view=is_view))
            )
            rows = ROWS_OF.get(relation)
            if rows is None and table["is_of_accounts"]:
                rows = f"account_id = {PRESENT}::bigint"
            is_done = table["is_protected"] and {ENGINE_POLICY, WEB_POLICY} <= {*table["policies"]}
            if rows is not None and not is_done:
                await connection.execute("; ".join(_protected(relation, rows, users)))


def _granted(
    relation: str, of: str, table: str, users: Sequence[str], *, is_view: bool
) -> Iterator[str]:
    yield f"REVOKE ALL ON {relation} FROM PUBLIC, {', '.join(users)}"
    for user in users:
        if may := privileges(user, of, table, is_view=is_view):
            yield f"GRANT {', '.join(may)} ON {relation} TO {user}"


def _protected(relation: str, rows: str, users: Sequence[str]) -> Iterator[str]:
    """Rows are for the engine, and else for who names their account."""
    yield f"ALTER TABLE {relation} ENABLE ROW LEVEL SECURITY"
    yield from (f"DROP POLICY IF EXISTS {name} ON {relation}" for name in FORMER_POLICIES)
    engine = ", ".join(user for user in users if user in ENGINE)
    for name, rule in (
        (ENGINE_POLICY, f"TO {engine} USING (true) WITH CHECK (true)"),
        # What they may do with those rows, the grants say.
        (WEB_POLICY, f"TO {WEB} USING ({rows} OR {EVERY_ACCOUNT})"),
    ):
        yield f"DROP POLICY IF EXISTS {name} ON {relation}"
        yield f"CREATE POLICY {name} ON {relation} {rule}"


async def _give_away(connection: Connection, schema: str) -> None:
    """Make a read model one of all, whoever made it."""
    owner = await connection.fetchval(OWNER_OF_SCHEMA, schema)
    if owner != OWNER_OF_VIEWS:
        await connection.execute(f"ALTER SCHEMA {schema} OWNER TO {OWNER_OF_VIEWS}")
    for table in await connection.fetch(SELECT_TABLES, schema):
        if table["owner"] != OWNER_OF_VIEWS:
            relation = f"{schema}.{table['name']}"
            await connection.execute(f"ALTER TABLE {relation} OWNER TO {OWNER_OF_VIEWS}")


async def _join(connection: Connection, group: str, member: str) -> None:
    """Let a user do what another may; nothing to do for one who may do everything."""
    name = await connection.fetchval("SELECT current_user") if member == "CURRENT_USER" else member
    # A member without its privileges, as who makes a user is from PostgreSQL 16 on, is not enough.
    if not await connection.fetchval("SELECT pg_has_role($1, $2, 'USAGE')", name, group):
        await _unless_done(connection, f"GRANT {group} TO {member}")


async def _unless_done(connection: Connection, statement: str) -> None:
    """Users are of the whole server: somebody in another database may do the same just now."""
    await connection.execute(
        f"DO $$ BEGIN {statement};"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
