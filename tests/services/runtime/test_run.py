"""`fairlead run`: what it says when it cannot, and how it waits."""

import asyncio
import base64
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.demo.local_cluster import LocalProcess
from tests.services.cli.conftest import command, process
from tests.support.waiting import until

KEY = base64.b64encode(b"k" * 32).decode()
SECRET = "pa55word-of-the-database"  # noqa: S105 - nobody's


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch, database_url: str, kafka_servers: str) -> None:
    """The environment of a distributed installation whose topics nobody has made."""
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", database_url)
    monkeypatch.setenv("FAIRLEAD_KAFKA_SERVERS", kafka_servers)
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", KEY)


def test_run_without_a_database_says_which_variable_names_it(tmp_path: Path) -> None:
    said = command(tmp_path / "data", "run", "clock")

    assert said.error.startswith("FAIRLEAD_DATABASE_URL is not set: ")
    assert said.error.endswith("for everything in one process: fairlead up")
    assert not (tmp_path / "data").exists()


def test_run_of_an_unknown_role_names_the_roles(tmp_path: Path) -> None:
    said = command(tmp_path, "run", "clock", "relay")

    assert said.error == (
        "there is no role 'relay'; expected some of: ingress, allocator, projector, gateway,"
        " clock, web, all"
    )


def test_run_without_a_role_is_told_to_name_one(tmp_path: Path) -> None:
    said = command(tmp_path, "run")

    assert (said.status, "Missing argument 'ROLE" in said.err) == (2, True)


def test_up_and_an_environment_of_processes_do_not_go_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", f"postgresql://f:{SECRET}@127.0.0.1:1/f")

    said = command(tmp_path, "up", "--port=0")
    assert said.error.startswith("FAIRLEAD_DATABASE_URL names a distributed installation: ")
    assert not (tmp_path / "postgres").exists()


@pytest.mark.server
@pytest.mark.parametrize("words", [("run", "all"), ("doctor",)])
def test_S19_an_address_that_is_none_is_named_by_its_variable_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", f"mysql://f:{SECRET}@127.0.0.1:1/f")
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", KEY)

    said = process(tmp_path, *words)
    assert said.err.splitlines()[-1] == (
        "error: FAIRLEAD_DATABASE_URL: expected postgresql://user:password@host/database"
    )
    assert SECRET not in said.err


@pytest.mark.server
def test_S17_without_a_master_key_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", "postgresql://f@127.0.0.1:1/f")

    said = process(tmp_path, "run", "all")
    assert said.err.splitlines()[-1] == (
        "error: FAIRLEAD_MASTER_KEY is not set: expected 32 bytes in base64"
    )


@pytest.mark.usefixtures("distributed")
def test_F23_missing_topics_are_refused_with_what_to_do(tmp_path: Path) -> None:
    said = process(tmp_path, "run", "all", "--port=0")

    assert said.err.splitlines()[-1] == (
        "error: there is no topic fairlead.inbound.v1; create it: fairlead topics apply"
    )
    assert (said.status, "Traceback" in said.err) == (1, False)


@pytest.mark.server
async def test_F37_a_database_that_is_away_is_waited_for_and_a_signal_ends_that(
    tmp_path: Path,
) -> None:
    environment = {
        "FAIRLEAD_DATABASE_URL": f"postgresql://f:{SECRET}@127.0.0.1:1/f",
        "FAIRLEAD_MASTER_KEY": KEY,
    }
    waiting = LocalProcess("all", tmp_path / "all", ("clock",), environment)
    await waiting.start()
    assert waiting.process is not None
    try:
        await until(lambda: _has_said(waiting, "database_awaited"))
        waiting.process.terminate()
        assert await asyncio.wait_for(waiting.process.wait(), 60) == 0
    finally:
        await waiting.kill()
    assert SECRET not in waiting.log()
    assert "Traceback" not in waiting.log()


async def _has_said(waiting: LocalProcess, word: str) -> bool:
    return word in waiting.log()


STUBBORN = """
import asyncio
from services.runtime.lifetime import stop_on_signals

async def main():
    stop = stop_on_signals()
    print("up", flush=True)
    await stop.wait()
    print("told", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_F13_a_second_signal_ends_a_process_at_once(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True
    ) as stubborn:
        assert stubborn.stdout is not None
        for word in ("up\n", "told\n"):
            assert stubborn.stdout.readline() == word
            stubborn.send_signal(number)

        assert stubborn.wait(30) == 130
