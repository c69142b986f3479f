"""`fairlead --help` answers at once, because it imports next to nothing."""

import subprocess
import sys

import pytest

from services.cli.operations import PROJECTIONS
from services.cli.running import ROLES
from services.projector.registry import PROJECTIONS as REGISTERED
from services.runtime.roles import ROLES as TABLE

# Beside the command line's own modules and the cheap ones of the standard library. Importing
# everything cost whoever asked for help 2.2 s of CPU, this much costs 0.15 s.
TYPER = {"typer", "annotated_doc", "shellingham"}
PACKAGES = sys.stdlib_module_names - {"asyncio", "logging", "ssl"} | TYPER
MODULES = {
    "contracts",
    "contracts.sentences",
    "services",
    "services.shared",
    "services.shared.errors",
    "services.shared.failpoints",
    "services.shared.plain_text",
}
NOTHING = "import sys; print(*sys.modules)"
HELP = """
import sys
from services.cli.main import run
sys.argv[1:] = {words!r}
try:
    run()
except SystemExit as ended:
    assert not ended.code, ended.code
print(*sys.modules)
"""


def imported(program: str) -> set[str]:
    """The modules that a program has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.server
@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("handover", "--help"), ("gaps", "resume", "--help")]
)
def test_help_imports_nothing_but_what_it_shows(words: tuple[str, ...]) -> None:
    beside = {
        name
        for name in imported(HELP.format(words=[*words])) - imported(NOTHING)
        if name.partition(".")[0] not in PACKAGES and not name.startswith("services.cli")
    }

    assert beside - MODULES == set()


EXPLAINING = """
import services.application.explain, services.cli.audit, services.runtime.installation
import services.words.catalogue, sys
print(*sys.modules)
"""


@pytest.mark.server
def test_an_explanation_imports_no_other_installation_and_no_client_of_kommo() -> None:
    """What a person waits for who asks why a lead went where it went."""
    costly = {"aiokafka", "faststream", "httpx", "babel", "starlette", "uvicorn", "opentelemetry"}

    assert costly & {name.partition(".")[0] for name in imported(EXPLAINING)} == set()


def test_what_help_lists_is_what_there_is() -> None:
    assert tuple(TABLE) == ROLES
    assert tuple(each.NAME for each in REGISTERED) == PROJECTIONS


@pytest.mark.server
def test_who_serves_no_pages_loads_none() -> None:
    beside = imported("import sys, services.runtime.up; print(*sys.modules)")

    assert {
        name for name in beside if name.startswith(("services.api", "services.console"))
    } == set()
