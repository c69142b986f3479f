"""The embedded PostgreSQL: what it survives, and what it refuses."""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import asyncpg
import pytest

from services.storage.embedded.cluster import DURABLE
from services.storage.embedded.database import (
    EmbeddedDatabase,
    EmbeddedDatabaseError,
    FolderInUse,
    FolderRefused,
    attach,
    holder,
)
from tests.support.waiting import until_now

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[4]
HOLDER = """
import signal, sys
from pathlib import Path
from services.storage.embedded.database import EmbeddedDatabase
with EmbeddedDatabase(Path(sys.argv[1]), exclusive=sys.argv[2] == "alone") as database:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print(database.pid(), flush=True)
    signal.pause()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder; not below pytest's, which keeps the server's account out."""
    path = Path(tempfile.mkdtemp(prefix="fairlead-test-"))
    yield path
    rmtree(path, ignore_errors=True)  # orphans of a killed server may still clean up


@pytest.fixture
def hold(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts another process that uses the folder, until it is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(how: str = "alone", prefix: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", HOLDER, str(folder), how],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        while (line := process.stdout.readline()) and not line.strip().isdigit():
            pass
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def end(process: "subprocess.Popen[str]", how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(30)


def kill_server(database: EmbeddedDatabase) -> None:
    """All processes of the server at once, as a power loss does; the folder is ours alone."""
    pid = database.pid()
    assert pid is not None
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    until_now(lambda: database.pid() is None)


async def run(dsn: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def test_F76_the_cluster_is_durable_and_opens_no_port(folder: Path) -> None:
    async with EmbeddedDatabase(folder) as database:
        rows = await run(database.dsn, "SELECT name, setting FROM pg_settings")
        pid = database.pid()
        assert pid is not None
    settings = {row["name"]: row["setting"] for row in rows}

    assert {name: settings[name] for name in DURABLE} == DURABLE
    assert settings["listen_addresses"] == ""
    assert settings["unix_socket_permissions"] == "0700"
    assert database.pid() is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_F76_a_server_that_is_not_durable_is_refused(folder: Path) -> None:
    lax = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
    with EmbeddedDatabase(folder) as database:
        pass
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        with (database.cluster / name).open("a") as file:
            file.write(lax)

    with EmbeddedDatabase(folder) as database:  # ours win over any file
        await run(database.dsn, "ALTER ROLE fairlead SET synchronous_commit = off")
        with pytest.raises(EmbeddedDatabaseError, match="not durable"):
            attach(folder).start()


async def test_F12_a_running_fairlead_can_revive_its_server(folder: Path) -> None:
    async with EmbeddedDatabase(folder) as database:
        await run(database.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        kill_server(database)

        with attach(folder) as command:  # the killed one is a zombie of ours all the while
            assert len(await run(command.dsn, "SELECT n FROM kept")) == 1
        kill_server(database)
        database.revive()
        database.revive()

        assert len(await run(database.dsn, "SELECT n FROM kept")) == 1


async def test_what_was_written_is_there_after_a_restart(folder: Path) -> None:
    async with EmbeddedDatabase(folder) as database:
        await run(database.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    async with EmbeddedDatabase(folder) as database:
        assert [row["n"] for row in await run(database.dsn, "SELECT n FROM kept")] == [7]


async def test_F12_the_server_recovers_after_everything_was_killed(folder: Path) -> None:
    database = EmbeddedDatabase(folder)
    database.start()
    await run(database.dsn, "CREATE TABLE kept AS SELECT * FROM generate_series(1, 50000) AS n")
    kill_server(database)
    database.stop()

    async with EmbeddedDatabase(folder) as again:
        rows = await run(again.dsn, "SELECT count(*) AS n FROM kept")
        assert [row["n"] for row in rows] == [50_000]


def test_F78_a_second_fairlead_is_told_who_has_the_folder(
    folder: Path, hold: Callable[..., "subprocess.Popen[str]"]
) -> None:
    first = hold()

    with pytest.raises(FolderInUse, match=f"process {first.pid}"):
        EmbeddedDatabase(folder).start()
    with attach(folder) as guest:
        server = guest.pid()
    assert server is not None
    assert guest.pid() == server  # the guest left; the first one's server stays

    end(first, signal.SIGTERM)
    assert guest.pid() is None


def test_F78_the_lock_of_a_killed_fairlead_is_free_and_its_server_is_taken_over(
    folder: Path, hold: Callable[..., "subprocess.Popen[str]"]
) -> None:
    first = hold()
    server = attach(folder).pid()
    end(first, signal.SIGKILL)
    assert attach(folder).pid() == server is not None

    with EmbeddedDatabase(folder) as second:
        assert second.pid() == server
    assert second.pid() is None


def test_a_command_starts_the_server_and_leaves_it_to_a_fairlead_that_came(
    folder: Path, hold: Callable[..., "subprocess.Popen[str]"]
) -> None:
    command = hold("guest")
    with EmbeddedDatabase(folder) as fairlead:
        server = fairlead.pid()
        end(command, signal.SIGTERM)
        assert fairlead.pid() == server is not None
    assert fairlead.pid() is None


def test_F78_a_process_id_that_now_belongs_to_a_stranger_is_no_server(folder: Path) -> None:
    with EmbeddedDatabase(folder) as database:
        pidfile = database.cluster / "postmaster.pid"
        lines = pidfile.read_text().splitlines()
    stranger = str(os.getpid())
    pidfile.write_text("\n".join([stranger, *lines[1:]]) + "\n")

    with EmbeddedDatabase(folder) as database:
        assert database.pid() not in {None, os.getpid()}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("damage", ["version", "no_version", "no_control"])
def test_F77_a_foreign_or_half_copied_folder_is_refused_untouched(
    folder: Path, damage: str
) -> None:
    with EmbeddedDatabase(folder) as database:
        pass
    if damage == "version":
        (database.cluster / "PG_VERSION").write_text("16\n")
    elif damage == "no_version":
        (database.cluster / "PG_VERSION").unlink()
    else:
        (database.cluster / "global" / "pg_control").unlink()
    before = contents(database.cluster)

    with pytest.raises(FolderRefused, match="nothing was touched"):
        EmbeddedDatabase(folder).start()

    assert contents(database.cluster) == before


def test_F77_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with EmbeddedDatabase(folder) as database:
        pass
    control = database.cluster / "global" / "pg_control"
    control.write_bytes(b"\xff" + control.read_bytes()[1:])

    with pytest.raises(EmbeddedDatabaseError, match="control file"):
        EmbeddedDatabase(folder).start()
    with pytest.raises(EmbeddedDatabaseError, match="control file"):  # no lock was left behind
        EmbeddedDatabase(folder).start()


def test_F77_a_cluster_that_was_being_made_is_made_again(folder: Path) -> None:
    (folder / "postgres.unfinished").mkdir()
    (folder / "postgres.unfinished" / "PG_VERSION").write_text("18\n")

    with EmbeddedDatabase(folder) as database:
        assert database.pid() is not None
    assert not (folder / "postgres.unfinished").exists()


async def test_a_folder_deeper_than_a_sockets_name_works(folder: Path) -> None:
    deep = folder / ("d" * 120)
    async with EmbeddedDatabase(deep) as database, asyncio.timeout(60):
        assert len(await run(database.dsn, "SELECT 1")) == 1


def test_the_log_of_the_server_holds_no_rows(folder: Path) -> None:
    with EmbeddedDatabase(folder) as database:
        asyncio.run(run(database.dsn, "CREATE TABLE t (a text UNIQUE)"))
        for _ in range(2):
            with contextlib.suppress(asyncpg.UniqueViolationError):
                asyncio.run(run(database.dsn, "INSERT INTO t VALUES ('canary')"))
    log = "".join(path.read_text() for path in (database.cluster / "log").glob("*"))

    assert "violates unique constraint" in log
    assert "canary" not in log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_the_server_as_himself(
    folder: Path, hold: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Nobody, who may read (the interpreter can lie below /root) but not write elsewhere."""
    os.chown(folder, 65534, 65534)
    become = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    process = hold("alone", (*become, *reading))

    server = attach(folder).pid()
    assert server is not None
    assert Path(f"/proc/{server}").stat().st_uid == 65534
    assert (folder / "postgres").stat().st_uid == 65534
    end(process, signal.SIGTERM)
    assert attach(folder).pid() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_as_root_a_closed_parent_is_opened_for_passing_only(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedDatabase(closed / "data") as database:
        assert database.cluster.stat().st_uid != 0
        assert database.cluster.stat().st_mode & 0o777 == 0o700

    assert closed.stat().st_mode & 0o777 == 0o701
    assert (closed / "data").stat().st_mode & 0o777 == 0o710
    assert (folder / "closed" / "data" / "fairlead.lock").stat().st_mode & 0o777 == 0o600


def test_I12_a_folder_that_was_open_is_closed_with_all_that_lies_in_it(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name in ("spool.db", "runtime.json"):
        (folder / name).write_text("leads")
        (folder / name).chmod(0o644)
    with EmbeddedDatabase(folder) as database:
        owner = database.cluster.stat()
        modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}

    # As root the server runs as somebody else, whose group passes through.
    assert folder.stat().st_mode & 0o777 == (0o700 if os.geteuid() else 0o710)
    assert os.geteuid() or folder.stat().st_gid == owner.st_gid
    assert {mode for name, mode in modes.items() if name not in ("postgres", "run")} == {0o600}
    assert {"spool.db", "runtime.json", "postgres-start.log", "users.lock"} <= modes.keys()
    assert modes["postgres"] == 0o700


def test_F78_the_holder_is_told_by_the_lock_and_not_kept_out_by_the_question(
    folder: Path, hold: Callable[..., "subprocess.Popen[str]"]
) -> None:
    assert holder(folder) is None
    with EmbeddedDatabase(folder, exclusive=False):
        assert holder(folder) is None

    process = hold("alone")
    assert holder(folder) == process.pid
    end(process, signal.SIGKILL)
    assert holder(folder) is None

    with (folder / "fairlead.lock").open() as asked:
        fcntl.flock(asked, fcntl.LOCK_SH)
        threading.Timer(0.03, lambda: fcntl.flock(asked, fcntl.LOCK_UN)).start()
        with EmbeddedDatabase(folder):
            assert holder(folder) == os.getpid()
