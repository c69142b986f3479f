"""The rules file: what an administrator reads when it cannot be applied."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies

from contracts import rules as rules_models
from contracts.rules import RulesFile
from contracts.stage import Stage
from services.rules_file.amending import same
from services.rules_file.file import (
    UnusableRules,
    check,
    dump,
    json_schema,
    judge,
    judge_in_force,
    load,
)
from services.shared.docstrings import described
from tests.support.words import with_lines

SCHEMAS = Path(__file__).parents[3] / "contracts" / "schemas"
EXAMPLE = (SCHEMAS / "rules.example.yaml").read_text(encoding="utf-8")
PARTICIPANT = """\
version: 1
schedules:
  office: {weekly: {mon: [09:00-18:00]}}
rules:
  - id: site
    stages: [{pipeline: 7, stage: 61}]
    participants:
      - manager: 501
        %s
"""
STAGES = {Stage(7, 60): "New", Stage(7, 61): "Talks", Stage(8, 80): "Partners"}


def test_D2_1_the_example_loads() -> None:
    rules = load(EXAMPLE)

    assert [rule.id for rule in rules.rules] == ["spanish", "site", "chats", "partners"]
    assert [p.manager for p in rules.rules[1].participants] == [501, 502, 503]
    assert rules.absences[0].start == date(2026, 7, 6)
    assert rules.absences[1].end == datetime(2026, 5, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize("as_json", [False, True], ids=["rules", "as an event carries them"])
def test_D2_1_the_rules_in_force_can_be_shown_and_applied_again(*, as_json: bool) -> None:
    rules = load(EXAMPLE)
    data = orjson.loads(orjson.dumps(rules.model_dump(mode="json", by_alias=True)))

    shown = dump(data if as_json else rules)

    assert load(shown) == rules
    assert "mon: [09:00-13:00, 14:00-18:00]" in shown
    assert "null" not in shown


@pytest.mark.parametrize("name", ["new", "800", "2026-10-12"])
def test_rules_in_force_are_read_without_their_text_as_with_it(name: str) -> None:
    rules = load(EXAMPLE.replace("id: spanish", f'id: "{name}"').replace("501", "777"))
    data = orjson.loads(orjson.dumps(rules.model_dump(mode="json", by_alias=True)))

    known = {"known_stages": STAGES, "known_users": {501: "Ana"}}
    found, expected = judge_in_force(data, **known), judge(dump(data), **known)
    laid_out, written = found.document, expected.document

    assert same(laid_out.data, written.data)
    assert laid_out.spellings == written.spellings
    assert [*laid_out.values] == [*written.values]
    places = [laid_out.place(path) for path in laid_out.values]
    assert places == sorted(set(places)), "in the order of the text"
    assert (found.rules, found.usable, found.wrong) == (
        expected.rules,
        expected.usable,
        expected.wrong,
    )
    assert [(each.field, each.found) for each in found.problems] == [
        (each.field, each.found) for each in expected.problems
    ]
    assert found.problems


def test_D2_1_the_schema_for_editors_is_the_checked_in_one() -> None:
    stored = (SCHEMAS / "rules.schema.json").read_text(encoding="utf-8")

    assert stored == json_schema(), "run `make schemas`"


def test_the_schema_tells_what_every_section_and_field_means_and_nothing_of_others() -> None:
    schema = orjson.loads(json_schema())
    sections = {"RulesFile": schema, **schema["$defs"]}

    assert len(sections) > 1
    for name, section in sections.items():
        _, told = described(getattr(rules_models, name).__doc__)
        assert section["description"], name
        assert [f for f in section["properties"].values() if not f["description"]] == [], name
        assert len(told) == len(section["properties"]), name


def test_D2_1_json_is_read_too() -> None:
    rules = load('{"version": 1, "rules": [{"id": "a", "stages": [{"pipeline": 7, "stage": 61}]}]}')

    assert rules.rules[0].stages[0].as_stage() == Stage(7, 61)


@pytest.mark.parametrize("text", ["1.1", "0.1", "100", "0.000001", "2.50", "1e3", "'1.1'"])
def test_D2_4_a_coefficient_stays_the_decimal_it_was_written_as(text: str) -> None:
    rules = load(PARTICIPANT % f"coefficient: {text}")

    assert rules.rules[0].participants[0].coefficient == Decimal(text.strip("'"))
    assert load(dump(rules)) == rules


@pytest.mark.parametrize(
    "spelling",
    ["0800", "1e3", "+7", ".5", "0x1F", "1_000", "2026-12-24", "True", "1.50", "'0800'", "0o17"],
)
def test_D1_5_a_text_stays_as_it_was_written(spelling: str) -> None:
    conditions = f"{{tags: [{spelling}], fields: [{{field: 5, equals: {spelling}}}]}}"
    rules = load(PARTICIPANT % "" + f"    conditions: {conditions}\n")

    found = rules.rules[0].conditions
    assert found is not None
    assert found.tags == [spelling.strip("'")]
    assert found.fields is not None
    assert found.fields[0].equals == spelling.strip("'")
    assert load(dump(rules)) == rules


def test_D2_1_a_name_may_look_like_a_number_or_a_date() -> None:
    text = (
        PARTICIPANT.replace("id: site", "id: 2024").replace("office", "2026-01-05")
        % "schedule: 2026-01-05"
    )

    rules = load(text)

    assert rules.rules[0].id == "2024"
    assert list(rules.schedules) == ["2026-01-05"]
    assert load(dump(rules)) == rules


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("coefficient: -1", "coefficient: Must be 0 or more; got -1."),
        ("coefficient: much", 'coefficient: Must be a number; got "much".'),
        ("coefficient: .inf", 'coefficient: Must be a number; got ".inf".'),
        ("coefficient: .nan", 'coefficient: Must be a number; got ".nan".'),
        ("coefficient: true", 'coefficient: Must be a number; got "true".'),
        ("coefficient: 1.1234567", "coefficient: Must have at most 6 decimals; got 1.1234567."),
        ("coefficient: 1e99", "coefficient: Must be 1000000 or less; got 1E+99."),
        ("coefficient:", "coefficient: Must be a number; got nothing."),
        ("coefficient: [1]", "coefficient: Must be a number; got a list."),
        ("limit: true", 'limit: Must be a whole number; got "true".'),
        ("limit: 2.5", "limit: Must be a whole number; got 2.5."),
        ("priority: 0", "priority: Must be 1 or more; got 0."),
        (
            "schedule: ofice",
            'schedule: There is no schedule "ofice". Did you mean office? Known: office.',
        ),
        (
            "coeficient: 2",
            (
                "coeficient: There is no such field. Did you mean coefficient?"
                " Known: manager, schedule, coefficient, priority, limit, limit_tasks, caps,"
                " caps_instead."
            ),
        ),
    ],
)
def test_D2_1_a_wrong_field_is_named_with_its_line(field: str, expected: str) -> None:
    _, problems = check(PARTICIPANT % field)

    assert with_lines(problems) == [f"line 9, rules[0].participants[0].{expected}"]


def test_D2_1_a_missing_field_is_named_where_it_should_be() -> None:
    text = (PARTICIPANT % "limit: 3").replace("manager: 501", "priority: 1")

    _, problems = check(text)

    assert with_lines(problems) == [
        "line 8, rules[0].participants[0].manager: This field is missing."
    ]


def test_D2_1_a_field_given_twice_is_found() -> None:
    _, problems = check(PARTICIPANT % "limit: 3\n        limit: 4")

    assert with_lines(problems) == [
        "line 10, rules[0].participants[0].limit: Given twice, first on line 9; keep one of them."
    ]


def test_D2_1_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
version: 2
default_schedule: ofice
schedules:
  office: {weekly: {mon: [09:00-18:00, 17:00-19:00], tusday: []}}
absences:
  - {manager: 501, from: tomorrow, to: 2026-02-31}
rules:
  - id: site
    stages:
    participants:
      - {manager: 501, schedule: nigth}
      - {manager: 501}
      - nobody
"""

    rules, problems = check(text)

    assert rules is None
    assert [(p.line, p.field) for p in problems] == [
        (1, "version"),
        (2, "default_schedule"),
        (4, "schedules.office.weekly.mon[1]"),
        (4, "schedules.office.weekly.tusday"),
        (6, "absences[0].from"),
        (6, "absences[0].to"),
        (9, "rules[0].stages"),
        (13, "rules[0].participants[2]"),
    ]


def test_D4_1_what_is_wrong_between_fields_is_found_beside_what_is_wrong_in_one() -> None:
    text = """\
version: 1
schedules:
  office:
    weekly: {mon: [09:00-18:00, 17:00-19:00]}
rules:
  - id: site
    stages: [{pipeline: 7, stage: 142}]
    participants: [{manager: 501, limit: none}]
  - id: site
    stages: []
"""

    _, problems = check(text)

    assert [(p.line, p.field) for p in problems] == [
        (4, "schedules.office.weekly.mon[1]"),
        (7, "rules[0].stages[0].stage"),
        (8, "rules[0].participants[0].limit"),
        (9, "rules[1].id"),
        (10, "rules[1].stages"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: The file is empty."),
        ("# nothing\n", "line 1: The file is empty."),
        (
            "hello",
            'line 1: Must be a section with a line `name: value` for each field; got "hello".',
        ),
        ("- 1", "line 1: Must be a section with a line `name: value` for each field; got a list."),
        ("version: 1\n\trules: []", "line 2: A tab cannot be used here; indent with spaces."),
        (
            "version: 1\n rules: []",
            (
                "line 2: A colon is not expected here; check the indentation,"
                " and put texts with a colon in quotes."
            ),
        ),
        (
            "version: 1\nrules: []\n  x: 1",
            "line 3: This line is indented differently from the lines it belongs to.",
        ),
        ("rules: ['a", "line 1: A closing quote is missing."),
        ("rules: [a", "line 1: A comma or a closing bracket is missing."),
        ("a: *x", "line 1: A name after * must be set with & before."),
        ("a: 1\n---\nb: 2", "line 2: Only one document is expected; remove the line ---."),
        ("a: 1\nb: \x00", "line 2: This character cannot be in a text file."),
        (b"a: 1\nb: \xff", "line 2: This is not text in UTF-8; save the file as UTF-8."),
        ("x" * 600_000, "line 1: The file is larger than 512 KiB."),
        (
            "[" * 5_000,
            "line 1: This cannot be read as YAML: brackets are nested too deeply.",
        ),
        (
            "a: " + "[" * 101 + "]" * 101,
            "line 1: This cannot be read as YAML: brackets are nested too deeply.",
        ),
    ],
)
def test_D2_1_what_is_no_yaml_is_told_in_words(text: str | bytes, expected: str) -> None:
    _, problems = check(text)

    assert with_lines(problems) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: !!python/object:os.system 1", "has no meaning here"),
        ("rules: &a [*a]", "A list cannot contain itself."),
        ("version: 1\n? [a]\n: 1", "A name is expected before the colon."),
        ("rules: " + "[" * 30 + "]" * 30, "Too much is nested here."),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
                for old, new in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "Too much is nested here.",
        ),
    ],
    ids=["tag", "itself", "complex name", "depth", "a billion of them"],
)
def test_S33_tricks_of_yaml_are_refused(text: str, expected: str) -> None:
    _, problems = check(text)

    assert any(expected in line for line in with_lines(problems))


def test_I13_no_more_than_fifty_problems_are_told() -> None:
    text = "version: 1\nrules:\n" + "".join(f"  - {{id: r{n}}}\n" for n in range(200))

    _, problems = check(text)

    assert len(problems) == 50
    assert [p.line for p in problems] == list(range(3, 53))


def test_D2_1_stages_and_users_must_be_in_the_account() -> None:
    text = """\
version: 1
absences: [{manager: 9, from: 2026-01-01, to: 2026-01-02}]
rules:
  - id: site
    stages:
      - {pipeline: 7, stage: 61}
      - {pipeline: 7, stage: 62}
      - {pipeline: 9, stage: 61}
    limit: {max: 5, stages: [{pipeline: 8, stage: 61}]}
    participants: [{manager: 501}, {manager: 502}]
"""

    _, problems = check(text, known_stages=STAGES, known_users={501: "Anna"})

    assert with_lines(problems) == [
        "line 2, absences[0].manager: The account has no active user 9. Known: 501 Anna.",
        "line 7, rules[0].stages[1].stage: Pipeline 7 has no stage 62. Known: 60 New, 61 Talks.",
        "line 8, rules[0].stages[2].pipeline: The account has no pipeline 9. Known: 7, 8.",
        "line 9, rules[0].limit.stages[0].stage: Pipeline 8 has no stage 61. Known: 80 Partners.",
        # Whom it has was told above; once is enough.
        "line 10, rules[0].participants[1].manager: The account has no active user 502.",
    ]
    assert check(text)[1] == []


def test_D2_1_rules_with_problems_are_not_returned_by_load() -> None:
    with pytest.raises(UnusableRules, match=r"line 9, .*\.limit: field\.other") as raised:
        load(PARTICIPANT % "limit: many")

    [problem] = raised.value.problems
    assert (problem.line, problem.column) == (9, 16)


def test_D2_1_a_byte_order_mark_is_no_problem() -> None:
    assert check(("\ufeff" + PARTICIPANT % "limit: 3").encode())[1] == []
    assert check("\ufeff" + PARTICIPANT % "limit: 3")[1] == []


@given(strategies.text(alphabet="ab:-[]{}#&*!|>'\"%@ \n\t,1.?", max_size=60))
def test_S33_no_text_makes_the_check_fail(text: str) -> None:
    rules, problems = check(text)

    assert rules is not None or problems


_NUMBERS = strategies.integers(-(2**63), 2**63)
_SCALARS = strategies.none() | strategies.booleans() | _NUMBERS | strategies.text(max_size=5)
_NAMES = strategies.sampled_from([*RulesFile.model_fields, "id", "stages", "manager", "x"])
_VALUES = strategies.recursive(
    _SCALARS,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(_NAMES, inner),
    max_leaves=8,
)


@given(_VALUES)
def test_S33_no_shape_makes_the_check_fail(value: Any) -> None:
    text = orjson.dumps({"version": 1, "rules": [value], "schedules": value}, default=str)

    _, problems = check(text)

    assert problems
