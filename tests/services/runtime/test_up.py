"""The installation as a process: its start, its end, and commands while it does not run."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from structlog.testing import capture_logs

from services.application.installation import RUNTIME_FILE
from services.cli.opening import complete
from services.demo.kommo_process import local_kommo
from services.runtime import embedded, lifetime
from services.runtime.installation import open_installation
from services.runtime.lifetime import end
from services.storage.embedded.database import EmbeddedDatabaseError
from tests.services.cli.conftest import WIDE, Said, command, process
from tests.support.waiting import until

pytestmark = pytest.mark.system

UP_WITHIN_S = 180
# F13 allows 10 s, on a machine that is not shared; what never ends is found here all the same.
STOP_WITHIN_S = 60
ACCOUNT_ID = 32_000_001


@contextmanager
def up(data: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """`fairlead up`, ready; ended afterwards if it still runs."""
    (data / RUNTIME_FILE).unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli", "up", "--port=0", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **WIDE, "FAIRLEAD_DATA": str(data)},
        start_new_session=True,
    ) as running:
        try:
            asyncio.run(until(lambda: _is_up(data, running), within_s=UP_WITHIN_S))
            yield running
        finally:
            if running.poll() is None:
                ended(running)  # a killed one would leave its PostgreSQL behind


async def _is_up(data: Path, running: "subprocess.Popen[str]") -> bool:
    assert running.poll() is None, running.communicate()
    return (data / RUNTIME_FILE).exists()


def ended(running: "subprocess.Popen[str]", number: signal.Signals = signal.SIGTERM) -> Said:
    running.send_signal(number)
    out, err = running.communicate(timeout=STOP_WITHIN_S)
    return Said(running.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_F13_up_ends_with_0_when_told_and_starts_again(
    tmp_path: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    for _ in range(2):
        with up(data) as running:
            said = ended(running, number)
        assert said.status == 0
        assert said.out.startswith("Fairlead is up and receives webhooks at http://127.0.0.1:")
        assert "roles_down" in said.err
        assert "Traceback" not in said.err
        assert not (data / RUNTIME_FILE).exists()
        assert not (data / "postgres" / "postmaster.pid").exists()


def test_F78_a_second_up_on_the_folder_says_who_runs(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        second = process(tmp_path, "up", "--port=0")
        runtime = orjson.loads((tmp_path / RUNTIME_FILE).read_bytes())

        assert second.status == 1
        assert f"error: another fairlead (process {running.pid}) runs on" in second.err
        assert "Traceback" not in second.err
        assert (running.poll(), runtime["pid"]) == (None, running.pid)
        assert ended(running).status == 0


def test_F78_a_killed_up_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    with up(tmp_path) as first:
        first.kill()
        first.communicate()
    assert (tmp_path / RUNTIME_FILE).exists()

    said = command(tmp_path, "doctor")
    with up(tmp_path) as second:
        assert ended(second).status == 0

    assert "not running" in said.out


def test_F78_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = process(tmp_path, "up", f"--port={port}")

    assert said.status == 1
    assert said.err.splitlines()[-1] == (
        f"error: webhooks cannot be received at 127.0.0.1:{port}: Address already in use;"
        " choose another --port or --host"
    )
    assert "Traceback" not in said.err
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_an_address_that_is_not_ours_is_one_line(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        said = process(tmp_path, "up", "--port=0", f"--host={host}")
        assert said.status == 1
        assert said.err.splitlines()[-1].startswith(
            f"error: webhooks cannot be received at {host}:0: "
        )
        assert "Traceback" not in said.err


def test_a_data_folder_that_is_a_file_or_below_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    for words in (("up",), ("doctor",), ("rules", "show")):
        said = process(file, *words)
        assert (said.status, "is a file" in said.err) == (2, True)
    assert process(file / "data", "up").err.splitlines()[-1] == (
        f"error: {file}/data: Not a directory"
    )


def test_F77_a_damaged_folder_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")

    said = process(tmp_path, "up", "--port=0")

    assert said.status == 1
    assert "is not a complete PostgreSQL cluster; nothing was touched" in said.err
    assert "Traceback" not in said.err
    assert [f.name for f in (tmp_path / "postgres").iterdir()] == ["PG_VERSION"]


def test_doctor_of_a_folder_where_nothing_runs(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        ended(running)

    said = command(tmp_path, "doctor")

    assert said.status == 1
    assert "start it: fairlead up" in said.out
    assert "connect one: fairlead connect ADDRESS" in said.out


def test_commands_are_kept_while_nothing_runs_and_then_take_effect(tmp_path: Path) -> None:
    data = tmp_path / "data"
    file = tmp_path / "rules.yaml"
    file.write_text(
        "version: 1\n"
        "rules: [{id: a, stages: [{pipeline: 7000001, stage: 61000003}],"
        " participants: [{manager: 501}]}]\n"
    )
    with up(data) as running:
        ended(running)
    asyncio.run(_connect(tmp_path, data))
    kept = "Saved; applies when Fairlead next starts.\n"

    said = [command(data, "rules", "apply", file), command(data, "pause", 501, "--reason", "ill")]
    assert [(one.status, one.out) for one in said] == [(0, kept), (0, kept)]
    assert command(data, "rules", "show").error.startswith("No rules are in force yet.")
    with up(data):
        asyncio.run(until(lambda: _has_events(data, 3)))
        assert command(data, "rules", "show").out.startswith("# Revision 1, applied by")
        assert command(data, "pause", 501, "--reason", "ill").out == (
            "Ana Souza was already paused like that.\n"
        )


def test_S17_up_does_not_replace_a_lost_master_key_by_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as running:
        ended(running)
    asyncio.run(_connect(tmp_path, data))
    (data / "master.key").unlink()

    said = process(data, "up", "--port=0")
    assert (said.status, (data / "master.key").exists()) == (1, False)
    assert "the tokens of 1 account are sealed with it" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err

    with up(data, "--new-key") as running:
        again = ended(running)
    assert (again.status, (data / "master.key").exists()) == (0, True)
    assert again.err.count("master_key_replaced") == 1


async def _connect(folder: Path, data: Path) -> None:
    async with local_kommo(folder, leads=0, knobs={"retry_after_s": 1}) as kommo:
        said = await asyncio.to_thread(
            command,
            data,
            *("connect", kommo.base_url, "--token-file", kommo.token_file),
            *("--public-url", "http://127.0.0.1:9"),
        )
    assert said.status == 0, said


async def _has_events(data: Path, count: int) -> bool:
    async with open_installation(data) as installation:
        return await installation.events.head(ACCOUNT_ID) >= count


class Dead:
    """A database that comes back at the last of so many tries."""

    data_folder = Path("gone")
    revivals = 0

    def __init__(self, revivals_needed: int) -> None:
        self.revivals_needed = revivals_needed

    def pid(self) -> int | None:
        return 1 if self.revivals == self.revivals_needed else None

    def revive(self) -> None:
        self.revivals += 1
        if self.revivals < self.revivals_needed:
            raise EmbeddedDatabaseError("PostgreSQL ended while starting on gone: no space left")


async def test_F37_a_database_that_does_not_start_is_tried_again_as_long_as_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded, "LOOK_AFTER_DATABASE_EVERY_S", 0)
    monkeypatch.setattr(embedded, "SLOW_REVIVALS_EVERY_S", 0)
    needed = embedded.QUICK_REVIVALS_MAX + 5
    database: Any = Dead(needed)
    with capture_logs() as lines:
        keeping = asyncio.create_task(embedded.keep_database(database))
        await until(lambda: _is_back(database))
        await end([keeping])

    failed = [line["log_level"] for line in lines if line["event"] == "database_not_revived"]
    assert keeping.cancelled()
    assert failed == ["warning"] * (embedded.QUICK_REVIVALS_MAX - 1) + ["error"] * 5
    assert [line["event"] for line in lines].count("database_died") == 1


async def _is_back(database: Dead) -> bool:
    return database.pid() is not None


async def test_F13_a_role_that_drops_a_cancellation_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `asyncio.wait_for` of Python 3.11 does, when it comes together with its event."""
    monkeypatch.setattr(lifetime, "CANCEL_AGAIN_S", 0.01)
    told: list[str] = []

    async def stubborn() -> None:
        while len(told) < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append("stop")
        raise asyncio.CancelledError

    async def broken() -> None:
        raise ZeroDivisionError

    tasks = [asyncio.create_task(work()) for work in (stubborn, broken)]
    await asyncio.sleep(0)

    await end(tasks)

    assert told == ["stop"] * 3
    assert tasks[0].cancelled()
    assert isinstance(tasks[1].exception(), ZeroDivisionError)


def test_several_failures_of_roles_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        async with asyncio.TaskGroup() as roles:
            roles.create_task(_raise(EmbeddedDatabaseError("the disk is full")))
            roles.create_task(_raise(EmbeddedDatabaseError("the disk is full")))

    with pytest.raises(typer.Exit) as ended_by:
        complete(fail())

    assert ended_by.value.exit_code == 1
    assert capsys.readouterr().err == "error: the disk is full\n"


def test_an_error_without_words_is_told_by_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        complete(_raise(TimeoutError()))

    assert capsys.readouterr().err == "error: TimeoutError\n"


def test_a_bug_of_a_role_is_never_hidden_behind_an_expected_error() -> None:
    async def fail() -> None:
        async with asyncio.TaskGroup() as roles:
            roles.create_task(_raise(EmbeddedDatabaseError("the disk is full")))
            roles.create_task(_raise(ZeroDivisionError()))

    with pytest.raises(ExceptionGroup):
        complete(fail())


async def _raise(error: Exception) -> None:
    raise error
