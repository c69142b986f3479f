"""`make demo KEEP=1`: an installation with an API to write against, until Ctrl-C.

What README and the how-to tell people to type is typed here, as it stands there.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from services.api.app import create_api
from tests.docs.pages import ROOT, blocks
from tests.support.kept_demo import KeptDemo, kept_demo
from tests.support.waiting import until

LEADS = 24
DASHBOARD = ROOT / "deploy" / "examples" / "dashboard.py"
ENDS_WITHIN_S = 120
CELL = re.compile(r"<td>(.*?)</td>")
GENERATE = ("generate", "--meta=none", "--path=openapi.json", "--output-path=fairlead_client")
NOWHERE: Any = SimpleNamespace(installation=None)


@pytest.fixture(scope="module")
def demo() -> Iterator[KeptDemo]:
    with kept_demo(leads=LEADS) as kept:
        yield kept


@pytest.fixture
def api(demo: KeptDemo) -> Iterator[httpx.Client]:
    """Its account, with its key."""
    address = f"{demo.exports['FAIRLEAD_URL']}/api/v1/accounts/{demo.exports['FAIRLEAD_ACCOUNT']}/"
    key = {"authorization": f"Bearer {demo.exports['FAIRLEAD_KEY']}"}
    with httpx.Client(base_url=address, headers=key, trust_env=False, timeout=60) as client:
        yield client


def typed(demo: KeptDemo, script: str, where: Path) -> str:
    """What a shell says to what is typed there; each failure ends it."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=script,
        capture_output=True,
        check=False,
        text=True,
        timeout=ENDS_WITHIN_S,
        cwd=where,
        env={**demo.environment, "PATH": f"{Path(sys.executable).parent}:{_path(demo)}"},
    )
    assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
    return done.stdout


def _path(demo: KeptDemo) -> str:
    return demo.environment["PATH"]


def of_readme() -> str:
    """What README says of the API."""
    return (ROOT / "README.md").read_text().partition("\n## Use its API\n")[2].partition("\n## ")[0]


def test_A9_2_the_key_that_it_prints_may_what_a_supervisor_may(demo: KeptDemo) -> None:
    key = {"authorization": f"Bearer {demo.exports['FAIRLEAD_KEY']}"}
    address = f"{demo.exports['FAIRLEAD_URL']}/api/v1/me"

    answer = httpx.get(address, headers=key, trust_env=False, timeout=30)

    assert answer.status_code == 200
    assert answer.json()["account_ids"] == [int(demo.exports["FAIRLEAD_ACCOUNT"])]


def test_every_example_of_the_how_to_works(
    demo: KeptDemo, api: httpx.Client, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "how-to" / "api.md").read_text()
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")

    said = typed(demo, "\n".join(blocks(page, "sh")), tmp_path)

    newest = api.get("decisions", params={"kind": "assigned", "limit": 1}).json()["items"][0]
    why = api.get(f"decisions/{newest['version']}").json()["explanation"]["sentences"]
    assert [each["text"] for each in why if each["text"] not in said] == []
    assert '"/problems/unprocessable"' in said
    assert said.count("event: lead.assigned") >= LEADS


def test_A14_3_every_example_of_the_readme_works(
    demo: KeptDemo, api: httpx.Client, tmp_path: Path
) -> None:
    generated(tmp_path)
    (shell,) = blocks(of_readme(), "sh")
    (program,) = blocks(of_readme(), "python")

    said = typed(demo, shell, tmp_path)
    (tmp_path / "three.py").write_text(program)
    again = typed(demo, "python three.py", tmp_path)

    given = {each["manager_id"]: each["given"] for each in api.get("tallies").json()["items"]}
    paused = api.get("managers/501").json()["pause"]
    assert '"items"' in said
    assert re.findall(r"^(\d+) got (\d+)$", again, re.MULTILINE) == [
        (str(manager), str(count)) for manager, count in given.items()
    ]
    assert re.search(r" got lead \d+ under rule", again)
    assert paused["reason"] == "lunch"


def generated(folder: Path) -> None:
    """A client that a generator makes from the document, with nothing from anywhere else."""
    document = create_api(NOWHERE).openapi()
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "generator.yaml").write_text("post_hooks: []\n")
    program = Path(sys.executable).parent / "openapi-python-client"
    made = subprocess.run(
        [program, *GENERATE, "--config=generator.yaml"],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=ENDS_WITHIN_S,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    # It makes the rest, and says that it leaves out bodies in YAML.
    warnings = re.findall(r"WARNING parsing (.*)", made.stdout + made.stderr)
    assert {each.split(" ", 1)[1] for each in warnings} == {
        "/api/v1/accounts/{account_id}/rules within rules.",
        "/api/v1/accounts/{account_id}/rules/check within rules.",
    }


def cells(page: Path) -> list[str]:
    return CELL.findall(page.read_text()) if page.exists() else []


def test_the_dashboard_shows_who_got_what_and_follows(
    demo: KeptDemo, api: httpx.Client, tmp_path: Path
) -> None:
    page = tmp_path / "dashboard.html"
    api.delete("managers/502/pause")
    following = subprocess.Popen([sys.executable, DASHBOARD, page], env=demo.environment)
    try:
        _until(lambda: cells(page) != [])
        before = cells(page)
        api.put("managers/502/pause", json={"reason": "<b>lunch</b>"})
        _until(lambda: "paused: &lt;b&gt;lunch&lt;/b&gt;" in cells(page))
    finally:
        following.terminate()
        following.wait(ENDS_WITHIN_S)

    got = sum(map(int, before[3::4]))
    assert got == sum(each["given"] for each in api.get("tallies").json()["items"]) >= LEADS


def _until(condition: Callable[[], object]) -> None:
    asyncio.run(until(condition))


def test_a_dashboard_without_its_key_says_what_is_missing(demo: KeptDemo) -> None:
    def without(found: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in found.items() if name != "FAIRLEAD_KEY"}

    ended = subprocess.run(
        [sys.executable, DASHBOARD, "--once", "page.html"],
        capture_output=True,
        check=False,
        text=True,
        env=without(demo.environment),
        timeout=ENDS_WITHIN_S,
    )

    assert ended.returncode == 1
    assert ended.stderr == "Export FAIRLEAD_KEY first.\n"


def test_F13_ctrl_c_ends_it_in_order(demo: KeptDemo) -> None:
    status = demo.interrupt()

    assert status == 0
