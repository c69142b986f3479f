"""Fail points act only where and when they are told to, and never outside of tests."""

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.shared import failpoints
from services.shared.errors import Unavailable
from services.shared.failpoints import POINTS, FailpointsRefused, arm, failpoint

ROOT = Path(__file__).parents[3]
POINT = "allocator.after_append"
TEST = {"FAIRLEAD_PROFILE": "test"}


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm({})


def test_nothing_happens_at_a_point_that_is_not_armed() -> None:
    arm({**TEST, "FAIRLEAD_FAILPOINTS": f"{POINT}@1=raise:Unavailable"})
    arm({})

    # No look-up is paid for in production: not even a name that is no point is noticed.
    assert [failpoint(name) for name in (POINT, "no such point")] == [None, None]


def test_an_armed_point_acts_once_at_its_passing() -> None:
    arm({**TEST, "FAIRLEAD_FAILPOINTS": f"{POINT}@2=raise:Unavailable"})

    failpoint(POINT)
    failpoint("allocator.after_decide")
    with pytest.raises(Unavailable):
        failpoint(POINT)
    failpoint(POINT)


def test_passings_count_from_when_the_named_file_exists(tmp_path: Path) -> None:
    file = tmp_path / "from now on"
    wanted = {"FAIRLEAD_FAILPOINTS": f"{POINT}@1=raise:Unavailable"}
    arm({**TEST, **wanted, "FAIRLEAD_FAILPOINTS_FROM": str(file)})

    failpoint(POINT)
    file.touch()
    with pytest.raises(Unavailable):
        failpoint(POINT)


def test_a_delay_stops_the_process_for_so_long() -> None:
    arm({**TEST, "FAIRLEAD_FAILPOINTS": f"{POINT}@1=delay:30"})
    started = time.monotonic()

    failpoint(POINT)

    assert time.monotonic() - started >= 0.03


def test_a_hang_stops_the_process_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    arm({**TEST, "FAIRLEAD_FAILPOINTS": f"{POINT}@1=hang"})

    failpoint(POINT)

    assert slept == [failpoints.HANG_S]


def test_several_points_are_armed_at_once() -> None:
    arm({**TEST, "FAIRLEAD_FAILPOINTS": f"{POINT}@1=raise:OSError, projector.in_tx@1=delay:0"})

    failpoint("projector.in_tx")
    with pytest.raises(OSError, match="armed to raise"):
        failpoint(POINT)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("nowhere@1=kill", "'nowhere' is no point; known: "),
        (POINT, "expected allocator.after_append@<1 or more>=<action>"),
        (f"{POINT}@0=kill", "expected allocator.after_append@<1 or more>=<action>"),
        (f"{POINT}@x=kill", "expected allocator.after_append@<1 or more>=<action>"),
        (f"{POINT}@1=die", "expected kill, hang, delay:<0 to 60000> or raise:<one of"),
        (f"{POINT}@1=delay:soon", "expected kill, hang, delay:<0 to 60000> or raise:<one of"),
        (f"{POINT}@1=delay:60001", "expected kill, hang, delay:<0 to 60000> or raise:<one of"),
        (f"{POINT}@1=raise:SystemExit", "expected kill, hang, delay:<0 to 60000> or raise:<one"),
        (f"{POINT}@1=kill,", "'' is no point"),
    ],
)
def test_what_cannot_be_armed_is_refused_and_arms_nothing(wanted: str, said: str) -> None:
    with pytest.raises(FailpointsRefused, match="FAIRLEAD_FAILPOINTS: ") as refused:
        arm({**TEST, "FAIRLEAD_FAILPOINTS": wanted})

    assert said in str(refused.value)
    failpoint(POINT)


@pytest.mark.server
@pytest.mark.parametrize("profile", [{}, {"FAIRLEAD_PROFILE": "demo"}])
def test_S24_a_program_with_armed_points_does_not_start_outside_of_tests(
    profile: dict[str, str], tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.cli", "up", f"--data={tmp_path / 'data'}"],
        env={"FAIRLEAD_FAILPOINTS": f"{POINT}@1=kill", "PYTHONPATH": str(ROOT), **profile},
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "error: FAIRLEAD_FAILPOINTS is set; it is for tests only, with FAIRLEAD_PROFILE=test\n"
    )
    assert not (tmp_path / "data").exists()


def test_the_points_in_the_code_are_the_registered_ones() -> None:
    calls = [
        node.args[0].value
        for path in (ROOT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "failpoint"
        and isinstance(node.args[0], ast.Constant)
    ]

    assert sorted(set(calls)) == sorted(POINTS)
