"""`fairlead coverage`: who is at work for a rule (D4)."""

import json
from datetime import datetime, timedelta
from itertools import pairwise

from services.demo.week.sample import ANA
from tests.services.cli.week import KeptWeek

WEEK = timedelta(days=7)


def rule_of(kept: KeptWeek) -> str:
    """The first rule in force."""
    shown = kept.say("rules", "show").out
    return next(line.split("id: ")[1] for line in shown.splitlines() if "id: " in line)


def test_D4_1_who_is_at_work_for_a_rule_is_told_without_a_gap(kept: KeptWeek) -> None:
    rule, days = rule_of(kept), ("--from", "2026-11-02", "--to", "2026-11-08")

    found = json.loads(kept.say("coverage", rule, *days, "--json").out)
    table = kept.say("coverage", rule, *days).out
    next_week = json.loads(kept.say("coverage", rule, "--json").out)

    assert all(before["end"] == after["start"] for before, after in pairwise(found))
    assert [_length(found), _length(next_week)] == [WEEK, WEEK]
    assert any(ANA in each["manager_ids"] for each in found)
    assert any(not each["manager_ids"] for each in found)
    assert "nobody" in table
    assert kept.say("coverage", "sight").error == (
        '--rule: No rule "sight" is in force.\nSee: fairlead rules show'
    )


def _length(found: list[dict[str, str]]) -> timedelta:
    begins, ends = found[0]["start"], found[-1]["end"]
    return datetime.fromisoformat(ends) - datetime.fromisoformat(begins)
