"""An account whose tables are as those of a long history, made from the rows of a short one.

What no table tells of another stays true in each by itself: keys are new, times go on with
versions. Nothing of it is in the log, so projections are not to be rebuilt from it.
"""

from typing import Any

# What each new row has of its own, by column; `n` is its number. A lead is asked for once.
FIRST = 1_000_000
VALUES = {
    "version": f"{FIRST} + 3 * n",
    "opened_version": f"{FIRST} + 3 * n",
    "decided_version": f"{FIRST} + 3 * n + 1",
    "changed_version": f"{FIRST} + 3 * n + 1",
    "lead_id": f"{FIRST} + n",
    "request_id": f"({FIRST} + n) || '.1'",
    "message_id": "'grown-' || n",
    **dict.fromkeys(("at", "decided_at", "opened_at"), "last_at + n * interval '1 minute'"),
    **dict.fromkeys(("asked_at", "taken_at", "since"), "last_at + n * interval '1 minute'"),
}
# Table to the column that its times go on from, and which of its rows become many: work that is
# still to be done never does.
TABLES = {
    "decisions.feed": ("at", "true"),
    "requests.requests": ("opened_at", "state NOT IN ('undecided', 'waiting')"),
    "assignments.leads": ("decided_at", "state <> 'pending'"),
    "response.leads": ("decided_at", "true"),
    "fairness.movements": ("at", "true"),
    "unassigned.leads": ("since", "true"),
    "commands.taken": ("taken_at", "true"),
    "access_log": ("at", "true"),
}
COLUMNS = """
SELECT attname, attidentity <> '' AS is_given FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
# Each movement is one step behind the one before it, for everybody who is in it.
CHAINED = f"""
UPDATE fairness.movements SET steps_back = array_fill(3::bigint, ARRAY[cardinality(manager_ids)])
WHERE account_id = $1 AND version > {FIRST} + 3
"""  # noqa: S608 - a constant of ours
LAST = """
UPDATE fairness.shares AS own SET last_version = (
    SELECT version FROM fairness.movements AS line
    WHERE line.account_id = own.account_id AND line.ledger = own.ledger
        AND own.manager_id = ANY (manager_ids) ORDER BY version DESC LIMIT 1
) WHERE account_id = $1
"""


async def grow(connection: Any, account_id: int, rows: int) -> dict[str, int]:
    """Give each table of an account that grows with its history so many rows more.

    Returns:
        Table to the rows that it has now; one that had none stays empty, and is left out.
    """
    found = {}
    for table, (at, which) in TABLES.items():
        columns = await connection.fetch(COLUMNS, table)
        own = [(name, VALUES.get(name, f"known.{name}")) for name, given in columns if not given]
        await connection.execute(
            f"""
            WITH known AS (
                SELECT *, row_number() OVER () - 1 AS number, count(*) OVER () AS count,
                    max({at}) OVER () AS last_at
                FROM {table} WHERE account_id = $1 AND {which}
            )
            INSERT INTO {table} ({", ".join(name for name, _ in own)})
            SELECT {", ".join(value for _, value in own)}
            FROM generate_series(1, $2::bigint) AS n JOIN known ON number = n % count
            """,  # noqa: S608 - names of ours
            account_id,
            rows,
        )
        count = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
        if count:
            found[table] = count
    await connection.execute(CHAINED, account_id)
    await connection.execute(LAST, account_id)
    await connection.execute("ANALYZE")
    return found
