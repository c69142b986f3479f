"""`fairlead speed`, beside a running fairlead (D12.1)."""

import asyncio
import json
from typing import Any

import pytest

from contracts.sentences import Sentence
from projections.response import Leg, LegTimes, Speed
from services.cli.output import out, say_all
from services.cli.speed import SpeedBy, _show
from services.sandbox.sample import MANAGER_IDS
from services.words.catalogue import Words
from tests.services.cli.conftest import Here
from tests.support.waiting import until


class SpokenDesk:
    """As much of a desk as a table takes."""

    def text(self, said: Sentence) -> str:
        return Words().say(said)

    def tell(self, *sentences: Sentence) -> None:
        say_all(Words().lines(sentences))


def times(
    leads: int,
    median: float | None,
    p90: float | None,
    *,
    worked: tuple[float | None, float | None],
) -> LegTimes:
    return LegTimes(
        leads=leads,
        median_s=median,
        p90_s=p90,
        median_worked_s=worked[0],
        p90_worked_s=worked[1],
    )


def held(here: Here, *words: object) -> Any:
    """What is told as JSON, once Kommo held a lead and the read models show it."""
    found: Any = None

    async def is_there() -> bool:
        nonlocal found
        said = await asyncio.to_thread(here.say, "speed", "--json", *words)
        assert said.status == 0, said
        found = json.loads(said.out)
        return any(each["legs"]["push"]["leads"] for each in found["speed"])

    here.do(until(is_there))
    return found


def test_D12_1_speed_is_told_by_manager_rule_and_hour(here: Here) -> None:
    here.assigned_lead()

    by_manager = held(here)
    by_rule = held(here, "--by", "rule")
    by_hour = held(here, "--by", "hour")

    assert by_manager["by"] == "manager"
    assert {each["of"] for each in by_manager["speed"]} <= {*MANAGER_IDS}
    given = [sum(each["given"] for each in by["speed"]) for by in (by_manager, by_rule, by_hour)]
    assert given == [given[0]] * 3
    assert by_rule["speed"][0]["legs"]["wait"]["median_s"] >= 0
    assert by_hour["speed"][0]["of"].endswith("00:00+00:00")


def test_D12_1_the_table_says_what_its_columns_are(here: Here) -> None:
    here.assigned_lead()
    held(here)

    said = here.say("speed", "--by", "rule")

    assert said.status == 0, said
    assert "decided to first touch" in said.out
    assert said.out.rstrip().endswith("`first_touch_target_minutes`.")


def test_the_table_fits_into_60_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    legs: dict[Leg, LegTimes] = {
        "wait": times(9, 3_900, 86_340, worked=(3_540, 35_940)),
        "push": times(9, 2, 62, worked=(2, 62)),
        "touch": times(0, None, None, worked=(None, None)),
    }
    monkeypatch.setattr(out(), "width", 60)

    _show(
        SpokenDesk(),  # type: ignore[arg-type]  # no more of it is used
        SpeedBy.rule,
        [Speed(of="site", given=12, judged=10, in_target=8, legs=legs)],
    )

    table = [line for line in capsys.readouterr().out.splitlines() if "\u2502" in line]
    rows = [[cell.strip() for cell in line.split("\u2502")[1:-1]] for line in table]
    assert rows == [
        ["site", "12", "", ""],
        ["touched in target", "10", "80%", ""],
        ["asked to decided", "9", "1h 5m", "23h 59m"],
        ["in working time", "", "59m", "9h 59m"],
        ["decided to in Kommo", "9", "2s", "1m 2s"],
        ["decided to first touch", "0", "\u2013", "\u2013"],
    ]


def test_D12_1_a_time_without_leads_is_said_and_a_wrong_one_too(here: Here) -> None:
    none = here.say("speed", "--from", "2020-01-01", "--to", "2020-01-02")

    assert none.status == 0
    assert none.out.startswith("No lead was given out from 2020-01-01 00:00")
    assert "2020-13-01" in here.say("speed", "--from", "2020-13-01").error
