"""The unit of the embedded installation runs a command that exists, as nobody special."""

from configparser import RawConfigParser
from pathlib import Path

from tests.deploy.commands import check

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "fairlead.service"


def test_F13_the_service_runs_fairlead_and_gives_it_time_to_stop() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text())
    service = dict(unit["Service"])
    program, *words = service["ExecStart"].split()

    assert Path(program).name == "fairlead"
    assert check(words) == ["up"]
    assert service["User"] == "fairlead"
    # Its PostgreSQL is given a minute of its own.
    assert (service["KillMode"], int(service["TimeoutStopSec"]) > 60) == ("mixed", True)
    assert service["Environment"] == f"FAIRLEAD_DATA=/var/lib/{service['StateDirectory']}"
