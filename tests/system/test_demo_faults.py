"""The demo with each of the scripts of faults that come with it, as a user runs it."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.demo.faults import bundled
from tests.services.cli.conftest import command, process

# They wait more than they work.
AT_ONCE = 3
LEADS = 24


# Of two accounts the first has so many times the leads.
FLOOD = 5


def play(folder: Path, script: str) -> tuple[int, list[list[int]], str]:
    """Its exit status, the counts of each account, and what it said of faults."""
    data = folder / script
    data.mkdir()
    options = ["--leads", LEADS, "--faults", script, "--report", data / "report.html"]
    is_flooded = script == "two_accounts.yaml"
    # So that there is a backlog of some seconds.
    options += ["--batch", 2] if is_flooded else []
    said = process(data, "demo", *options, within_s=300)
    rows = re.findall(rf"^│ (?:{LEADS}|{LEADS * FLOOD}) +│.*│$", said.out, re.MULTILINE)
    # requested, decided, set in Kommo, waiting, lost, twice
    counts = [[int(cell) for cell in row.strip("│").split("│")] for row in rows]
    assert said.out.count("At 7 a second, Kommo's limit, these requests alone take") == len(rows)
    meanwhile = re.findall(r"^Meanwhile: (.+)\.$", said.out, re.MULTILINE)
    assert "0 violations" in said.out, said
    # How many depends on how busy the machine is; that they take turns is shown in virtual time.
    assert ("requests for the other one came between" in " ".join(said.out.split())) == is_flooded
    return said.status, counts, "; ".join(meanwhile)


def test_with_each_script_of_faults_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    names = bundled()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = list(pool.map(lambda name: play(tmp_path, name), names))

    flawless = [LEADS] * 3 + [0] * 3
    expected = {name: (0, [flawless]) for name in names}
    expected["account_blocked.yaml"] = (0, [flawless] * 2)
    expected["two_accounts.yaml"] = (0, [[LEADS * FLOOD] * 3 + [0] * 3, flawless])
    assert {
        name: (status, counts) for name, (status, counts, _) in zip(names, played, strict=True)
    } == expected
    assert [meanwhile for _, _, meanwhile in played] == [
        "every request refused as one too many from 2 s, for 10 s",
        "account 2 blocked by 403 from 2 s, for 10 s",
        "the webhook switched off from 3 s, to the end",
        "Kommo down from 2 s, for 15 s",
        "webhooks of 20% of the changes lost from 0 s, to the end",
        "one lead in 50 refused with its first manager from 0 s, to the end",
        "the access token of account 1 too old, and 3 of the answers with another lost, at 2 s",
        "; ".join(f"the access token of account 1 too old at {at} s" for at in (2, 4)),
        "all 5 times as many leads of account 1 at 6 s",
    ]


def test_the_demo_says_what_is_wrong_with_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("- {at: 5s, fault: storm}")
    wrong = command(tmp_path, "demo", "--faults", script)
    both = command(tmp_path, "demo", "--faults", script, "--scenario", "week")

    assert wrong.error.startswith("--faults: steps.0.fault: Input should be '429_storm'")
    assert both.error == "--faults: Expected without --scenario week and --kafka."
