"""Other data in a text: comments, order and spelling of all the rest stay (W4.4)."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from services.rules_file.amending import EMPTY, Unamendable, amended
from services.rules_file.yaml import read

EXAMPLE = Path("contracts/schemas/rules.example.yaml").read_text(encoding="utf-8")
Change = Callable[[Any], object]


def changed(text: str, change: Change) -> str:
    data = deepcopy(read(text).data)
    change(data)
    return amended(text, data)


def lines_lost(before: str, after: str) -> list[str]:
    kept = after.splitlines()
    return [line for line in before.splitlines() if line not in kept]


@pytest.mark.parametrize(
    ("change", "lost", "new"),
    [
        (
            lambda d: d["rules"][1]["limit"].update(max=30),
            ["      max: 25"],
            ["      max: 30"],
        ),
        (
            lambda d: d["rules"][1]["caps"].update(month=500),
            ["    caps: {hour: 5, day: 20, week: 80}"],
            ["    caps: {hour: 5, day: 20, week: 80, month: 500}"],
        ),
        (
            lambda d: d["rules"][1].pop("caps"),
            [
                "    # A cap on the new leads of each manager in a calendar hour, day and week.",
                "    caps: {hour: 5, day: 20, week: 80}",
            ],
            [],
        ),
        (
            lambda d: d["rules"][1]["participants"].append({"manager": 511, "schedule": "0800"}),
            [],
            ["      - manager: 511", "        schedule: '0800'"],
        ),
        (
            lambda d: d["rules"][0]["conditions"]["tags"].append("a, b"),
            ["      tags: [site, landing]       # one of them"],
            ["      tags: [site, landing, 'a, b']       # one of them"],
        ),
        (
            lambda d: d["rules"][0]["conditions"]["fields"][0].update(equals='x, "y"'),
            ["        - {field: 184994, equals: Enterprise}"],
            ["        - {field: 184994, equals: 'x, \"y\"'}"],
        ),
        (
            lambda d: d["rules"][2].update(pace={"leads": 1, "every_minutes": 5}),
            [],
            ["    pace: {leads: 1, every_minutes: 5}"],
        ),
    ],
)
def test_W4_4_one_thing_is_changed_and_every_other_line_stays(
    change: Change, lost: list[str], new: list[str]
) -> None:
    after = changed(EXAMPLE, change)

    assert (lines_lost(EXAMPLE, after), lines_lost(after, EXAMPLE)) == (lost, new)


def test_W4_4_a_rule_that_moves_takes_its_comments_along() -> None:
    after = changed(EXAMPLE, lambda d: d["rules"].append(d["rules"].pop(0)))

    assert sorted(after.splitlines()) == sorted(EXAMPLE.splitlines())
    assert [each["id"] for each in read(after).data["rules"]] == [
        "site",
        "chats",
        "partners",
        "spanish",
    ]
    assert "least this week, over all rules of the registry" in after.split("- id: chats")[0][-200:]


@pytest.mark.parametrize(
    ("before", "data", "after"),
    [
        (EMPTY, {"version": 1, "rules": [{"id": "a"}]}, "version: 1\nrules:\n  - id: a\n"),
        ("version: 1\nrules:\n- id: a\n", {"version": 1, "rules": []}, "version: 1\nrules: []\n"),
        ("a:  # why\nb: 1", {"a": 2, "b": 1}, "a: 2  # why\nb: 1\n"),
        ('a: "x" # why\r\n', {"a": "y\nz"}, 'a: "y\\nz" # why\n'),
        ("a: |\n  x\n\n# end\n", {"a": "y"}, "a: y\n\n# end\n"),
        ("a: [1, 2]\n", {"a": [1, True]}, "a: [1, true]\n"),
        ("- 1\n", None, None),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 2}}, None),
        ("a: 1\na: 2\n", {"a": 3}, None),
        ("a: [", {"a": 3}, None),
    ],
)
def test_W4_4_what_cannot_be_changed_in_place_is_refused_not_guessed(
    before: str, data: Any, after: str | None
) -> None:
    if after is None:
        with pytest.raises(Unamendable):
            amended(before, data or {})
    else:
        assert amended(before, data) == after
