"""What the whole costs: all roles and PostgreSQL for a lead, and an installation at rest.

CPU as the kernel counts it for `fairlead up` and for the PostgreSQL below it; the local Kommo and
whoever moves the leads are other processes.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from services.application.installation import Installation
from services.shared.secrets import new_webhook_secret
from tests.bench.allocator import BATCH, COPY_ROWS
from tests.bench.figures import Figure
from tests.support.running import ADMIN_ID, Running, running
from tests.support.waiting import until

LEADS = 500
WARMING = 50
WITHIN_S = 300.0
ACCOUNTS = 50
WINDOW_S = 5.0
WINDOWS = 6
QUIET_S = 0.5  # of CPU in a window: what new accounts begin with is over
RESTARTS = 3
# As by default; the installations of the tests look at everything all the time.
ENVIRONMENT = {
    "FAIRLEAD_GATEWAY_SWEEP_INTERVAL_S": "300",
    "FAIRLEAD_GATEWAY_ACCOUNTS_RELOAD_S": "10",
}
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
ROWS = """
SELECT originator_id, originator_version, topic, state, decision_key FROM account_events
WHERE originator_id = $1 ORDER BY originator_version
"""
DECISION = "SELECT avg(length(state))::float FROM account_events WHERE topic = 'lead.assigned'"
WRITTEN = """
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float,
    (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::float FROM pg_stat_user_tables)
"""


class Spent(NamedTuple):
    """CPU seconds since their start."""

    roles: float
    database: float


async def measure_system(folder: Path) -> list[Figure]:
    """Leads through all roles, then the same installation at rest with many accounts."""
    async with running(folder, environment=ENVIRONMENT) as system:
        figures = await _of_leads(system)
        figures += await _at_rest(system)
        return figures + await _of_starts(system)


async def _of_leads(system: Running) -> list[Figure]:
    await _distributed(system, WARMING)
    before, written = _spent(system), await _written(system)
    await _distributed(system, LEADS)
    after = _spent(system)
    wal, rows = (
        (late - early) / LEADS for early, late in zip(written, await _written(system), strict=True)
    )
    roles, database = (
        (late - early) * 1e6 / LEADS for early, late in zip(before, after, strict=True)
    )
    async with system.opened() as installation:
        bare = await _bare_insert(system, installation) * 1e6 / (LEADS + WARMING)
        decision = await installation.pool.fetchval(DECISION)
    return [
        Figure("system: CPU of a lead, all roles", [roles], "us"),
        Figure("system: CPU of a lead, PostgreSQL", [database], "us"),
        Figure("system: CPU of the bare insert of a lead's events, with PostgreSQL", [bare], "us"),
        Figure("system: CPU of a lead / of that insert", [(roles + database) / bare], "times"),
        Figure("system: a lead", [wal], "B of WAL"),
        Figure("system: WAL of a lead / its decision's JSON", [wal / decision], "times"),
        Figure("system: a lead", [rows], "rows"),
    ]


async def _distributed(system: Running, count: int) -> None:
    """So many leads come, are moved to the rule's stage, and are somebody's in Kommo."""
    lead_ids = await system.new_leads(count)
    await system.move(lead_ids)

    async def all_given() -> bool:
        owners = await system.owners()
        return all(owners[lead_id] != ADMIN_ID for lead_id in lead_ids)

    await until(all_given, within_s=WITHIN_S, every_s=1.0)


async def _written(system: Running) -> tuple[float, float]:
    """Bytes of WAL and rows so far, of the whole database, once the last counts are passed on."""
    await asyncio.sleep(2)
    async with system.opened() as installation:
        wal, rows = await installation.pool.fetchrow(WRITTEN)
    return wal, rows


async def _bare_insert(system: Running, installation: Installation) -> float:
    """CPU seconds to insert the account's events into a table like theirs, in batches."""
    pool: Any = installation.pool
    rows = await pool.fetch(ROWS, f"account-{system.account_id}")
    await pool.execute("CREATE TABLE bare (LIKE account_events INCLUDING ALL)")
    before, ours = _spent(system), time.process_time()
    for start in range(0, len(rows), BATCH):
        columns = zip(*(tuple(row) for row in rows[start : start + BATCH]), strict=True)
        await pool.execute(COPY_ROWS.format(table="bare"), *map(list, columns))
    spent = time.process_time() - ours + _spent(system).database - before.database
    await pool.execute("DROP TABLE bare")
    return spent


async def _at_rest(system: Running) -> list[Figure]:
    async with system.opened() as installation:
        for account_id in range(10_001, 10_001 + ACCOUNTS - 1):
            await installation.accounts.add(
                account_id,
                subdomain=f"bench{account_id}",
                base_url=system.kommo.base_url,
                token=SecretStr(system.kommo.token_file.read_text()),
                webhook_secret=new_webhook_secret(),
                timezone="UTC",
            )
    await asyncio.sleep(2 * WINDOW_S)  # until the registry was read
    for _ in range(int(WITHIN_S / WINDOW_S)):
        if sum(await _window(system)) < QUIET_S:
            break
    windows = [await _window(system) for _ in range(WINDOWS)]
    name = f"system: at rest with {ACCOUNTS} accounts"
    return [
        Figure(f"{name}: of a core, all roles", [w.roles * 100 / WINDOW_S for w in windows], "%"),
        Figure(f"{name}: PostgreSQL", [w.database * 100 / WINDOW_S for w in windows], "%"),
        Figure(f"{name}: memory of all roles", [_memory_mb(_pid(system))], "MB"),
    ]


async def _window(system: Running) -> Spent:
    before = _spent(system)
    await asyncio.sleep(WINDOW_S)
    after = _spent(system)
    return Spent(after.roles - before.roles, after.database - before.database)


async def _of_starts(system: Running) -> list[Figure]:
    took, cpu = [], []
    for _ in range(RESTARTS):
        await system.fairlead.stop()
        started = time.monotonic()
        await system.fairlead.start()
        took.append(time.monotonic() - started)
        cpu.append(_spent(system).roles)
    return [
        Figure("system: from the command to the first webhook", took, "s"),
        Figure("system: CPU of all roles until then", cpu, "s"),
    ]


def _pid(system: Running) -> int:
    process = system.fairlead.process
    assert process is not None
    return process.pid


def _spent(system: Running) -> Spent:
    database = system.fairlead.database_pid()
    assert database is not None
    stats = {int(path.name): _stat(path) for path in Path("/proc").glob("[0-9]*")}
    servers = [stat for pid, stat in stats.items() if database in (pid, _parent(stat))]
    ended = _cpu_s(stats[database], _ENDED)
    return Spent(
        _cpu_s(stats[_pid(system)], _OWN), sum(_cpu_s(stat, _OWN) for stat in servers) + ended
    )


# Places after the name of the program in /proc/PID/stat: user and system time.
_OWN, _ENDED = slice(11, 13), slice(13, 15)


def _stat(path: Path) -> list[str]:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return ["Z", "0", *["0"] * 13]


def _parent(stat: list[str]) -> int:
    return int(stat[1])


def _cpu_s(stat: list[str], places: slice) -> float:
    return sum(map(int, stat[places])) * TICK_S


def _memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1_000
