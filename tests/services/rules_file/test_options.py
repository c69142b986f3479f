"""What a rule may ask for beyond its participants, and what is wrong with it, line by line."""

import pytest

from contracts.rules import KindSection
from services.rules_file.file import check, dump, load
from tests.support.words import with_lines

RULE = """\
version: 1
schedules:
  office: {weekly: {mon: [09:00-18:00]}}
rules:
  - id: site
    stages: [{pipeline: 7, stage: 61}]
    participants: [{manager: 501}, {manager: 502}]
"""


def problems(*lines: str) -> list[str]:
    """What is wrong with the rule with these lines added; the first is line 8."""
    _, found = check(RULE + "".join(f"    {line}\n" for line in lines))
    return [line.replace("rules[0].", "") for line in with_lines(found)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["duty: 504"], "line 8, duty: Must be a section with a line `name: value` for each field"),
        (["duty: {}"], "line 8, duty: Needs either a `manager` or a `rota`; neither is given."),
        (
            ["duty: {manager: 504, rota: [{manager: 505}]}"],
            "line 8, duty: Needs either a `manager` or a `rota`; both are given.",
        ),
        (["duty: {rota: []}"], "line 8, duty.rota: Needs at least one entry"),
        (
            ["duty:", "  rota:", "    - {manager: 504, schedule: ofice}"],
            'line 10, duty.rota[0].schedule: There is no schedule "ofice". Did you mean office?',
        ),
        (
            ["off_hours: duty"],
            "line 8, off_hours: Needs a `duty` section that names who has duty",
        ),
        (
            ["when_full: duty", "duty_after_minutes: 10"],
            "line 8, when_full: Needs a `duty` section that names who has duty",
        ),
        (
            ["age_limit_minutes: 60"],
            "line 8, age_limit_minutes: Needs a `duty` section that names who has duty",
        ),
        (
            ["duty: {manager: 504}", "when_full: duty"],
            "line 9, when_full: `duty` needs `duty_after_minutes`: how long a lead waits",
        ),
        (
            ["duty_after_minutes: 10"],
            "line 8, duty_after_minutes: Needs `when_full: duty`; got `wait`.",
        ),
        (["age_limit_minutes: 0"], "line 8, age_limit_minutes: Must be 1 or more; got 0."),
        (["caps: {}"], "line 8, caps: Needs at least one of `hour`, `day`, `week` and `month`"),
        (["caps: {day: 0}"], "line 8, caps.day: Must be 1 or more; got 0."),
        (
            ["caps: {year: 9}"],
            "line 8, caps.year: There is no such field. Known: hour, day,",
        ),
        (
            ["off_hours: sleep"],
            'line 8, off_hours: Must be one of: wait, duty, reserve_first_starter; got "sleep".',
        ),
        (["pace: {leads: 3}"], "line 8, pace.every_minutes: This field is missing."),
        (["pace: {leads: 0, every_minutes: 5}"], "line 8, pace.leads: Must be 1 or more; got 0."),
    ],
)
def test_D7_4_a_wrong_duty_is_named_with_its_line(lines: list[str], expected: str) -> None:
    (problem,) = problems(*lines)

    assert problem.startswith(expected)


def test_D7_4_a_duty_manager_whom_the_account_does_not_have_is_found() -> None:
    duty = "    duty: {rota: [{manager: 504}], fallback: 505}\n"
    _, found = check(RULE + duty, known_users={501: "Ann", 502: "Bob", 504: "Dan"})

    assert [problem.field for problem in found] == ["rules[0].duty.fallback"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["policy: most_available"],
            "line 8, policy: `most_available` needs a `limit` for the rule or for each participant",
        ),
        (
            ["policy: fairest"],
            "line 8, policy: Must be one of: fair_share, least_loaded,",
        ),
        (["catch_up: 101"], "line 8, catch_up: Must be 100 or less; got 101."),
        (
            ["policy: least_loaded", "catch_up: 1"],
            "line 9, catch_up: Only `fair_share` knows this, not `least_loaded`.",
        ),
        (["ledger: of Ann"], "line 8, ledger: May have letters, digits, _ and -"),
    ],
)
def test_D3_6_a_wrong_policy_is_named_with_its_line(lines: list[str], expected: str) -> None:
    (problem,) = problems(*lines)

    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("30", "Must be a section with a line `name: value` for each field; got 30."),
        ("{}", ".after_minutes: This field is missing."),
        ("{after_minutes: 0}", ".after_minutes: Must be 1 or more; got 0."),
        (
            "{after_minutes: 30, clock: sun}",
            ".clock: Must be one of: working_time, wall_clock;",
        ),
        ("{after_minutes: 30, nothing_changed: no}", ".nothing_changed: Must be one of: no_touch,"),
        ("{after_minutes: 30, hops_max: 0}", ".hops_max: Must be 1 or more; got 0."),
        ("{minutes: 30}", ".minutes: There is no such field. Did you mean after_minutes?"),
    ],
)
def test_D7_1_a_wrong_redistribution_is_named_with_its_line(section: str, expected: str) -> None:
    named = "line 8, redistribution" + (expected if expected[0] == "." else f": {expected}")

    assert any(p.startswith(named) for p in problems(f"redistribution: {section}"))


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("{}", ": Expected at least one of: tags, price, sources, fields, contact_fields."),
        ("{tags: []}", ".tags: Needs at least one entry"),
        ("{tags: ['']}", '.tags[0]: Must have at least one character; got "".'),
        ("{price: {}}", ".price: Expected `from`, `to` or both"),
        ("{price: {from: 5, to: 4}}", ".price.to: Expected 5 or more, found 4"),
        ("{price: {from: -1}}", ".price.from: Must be 0 or more; got -1."),
        ("{sources: [site]}", '.sources[0]: Must be a whole number; got "site".'),
        ("{fields: [{field: 5}]}", ".fields[0]: Expected either `equals` or `one_of`."),
        ("{fields: [{equals: Lima}]}", ".fields[0].field: This field is missing."),
        (
            "{contact_fields: [{field: 5, equals: a, one_of: [b]}]}",
            ".contact_fields[0]: Expected either `equals` or `one_of`.",
        ),
        ("{tag: [vip]}", ".tag: There is no such field. Did you mean tags?"),
    ],
)
def test_D1_5_a_wrong_condition_is_named_with_its_line(section: str, expected: str) -> None:
    (problem,) = problems(f"conditions: {section}")

    assert problem.startswith(f"line 8, conditions{expected}")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("{}", ".sources: This field is missing."),
        ("{sources: []}", ".sources: Needs at least one entry"),
        ("{sources: [deal]}", ".sources[0]: Must be one of: lead, contact, company, other_lead;"),
        ("{sources: [lead, lead]}", ".sources[1]: `lead` is sources[0], too."),
        ("{sources: [lead], wait_hours: -1}", ".wait_hours: Must be 0 or more; got -1."),
        ("{sources: [lead], debt_max: -1}", ".debt_max: Must be 0 or more; got -1."),
        (
            "{sources: [lead], others: drop}",
            ".others: Must be one of: distribute_anyway, keep;",
        ),
        (
            "{sources: [lead], keep_for: [501]}",
            ".keep_for: This has a meaning only with `others:",
        ),
    ],
)
def test_D6_1_a_wrong_owners_section_is_named_with_its_line(section: str, expected: str) -> None:
    (problem,) = problems(f"owners: {section}")

    assert problem.startswith(f"line 8, owners{expected}")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "{}",
            ": Expected at least one of: contacts, company, tasks, company_leads,",
        ),
        ("{only_for: [501]}", ": Expected at least one of: contacts, company, tasks,"),
        ("{contacts: some}", '.contacts: Must be true or false; got "some".'),
        ("{contacts: true, only_for: [0]}", ".only_for[0]: Must be more than 0; got 0."),
        ("{lead: false}", ": Expected at least one of: contacts, company, tasks,"),
        ("{contact: true}", ".contact: There is no such field. Did you mean contacts?"),
    ],
)
def test_D6_4_a_wrong_linked_section_is_named_with_its_line(section: str, expected: str) -> None:
    (problem,) = problems(f"linked: {section}")

    assert problem.startswith(f"line 8, linked{expected}")


def test_D6_5_a_lead_that_stays_cannot_be_passed_on() -> None:
    (problem,) = problems(
        "linked: {lead: false, tasks: true}", "redistribution: {after_minutes: 30}"
    )

    assert problem.startswith("line 8, linked.lead: `redistribution` passes on leads, so it needs")


def test_D6_1_an_owner_whom_the_account_does_not_have_is_found() -> None:
    owners = "    owners: {sources: [lead], among: [501, 77], others: keep, keep_for: [78]}\n"
    _, found = check(RULE + owners, known_users={501: "Ann", 502: "Bob"})

    assert [problem.field for problem in found] == [
        "rules[0].owners.among[1]",
        "rules[0].owners.keep_for[0]",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ["conditions: {tags: [vip], price: {from: 5}, sources: [7]}"],
        [
            "conditions:",
            "  fields: [{field: 5, equals: 12}]",
            "  contact_fields: [{field: 6, one_of: [a]}]",
        ],
        ["linked: {contacts: true, company_leads: true, only_for: [501]}"],
        ["owners: {sources: [lead, contact], wait_hours: 1.5, others: keep, keep_for: [504]}"],
        ["duty: {manager: 504}"],
        ["policy: most_available", "limit: {max: 3}", "ledger: vip"],
        ["redistribution: {after_minutes: 30}"],
        ["redistribution: {after_minutes: 5, nothing_changed: no_change_at_all, hops_max: 2}"],
        ["redistribution: {after_minutes: 5, clock: wall_clock}"],
        ["catch_up: 3", "off_hours: reserve_first_starter"],
        ["pace: {leads: 5, every_minutes: 30}"],
        ["when_full: next_tier", "caps: {hour: 5, week: 100}"],
        [
            "duty: {manager: 504}",
            "when_full: duty",
            "duty_after_minutes: 30",
            "age_limit_minutes: 1440",
        ],
        ["duty: {rota: [{manager: 504, schedule: office}], fallback: 505}", "off_hours: duty"],
    ],
)
def test_D2_1_what_a_rule_asks_for_is_shown_as_it_was_written(lines: list[str]) -> None:
    text = RULE + "".join(f"    {line}\n" for line in lines)
    rules = load(text)

    assert problems(*lines) == []
    assert load(dump(rules)) == rules


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("{}", ": Must be a list, one line with a dash for each entry"),
        ("[origin]", "[0]: Must be `source`, `stage`, or a section with `tags`, `price` or"),
        ("[source, stage, {tags: [a]}, {price: [1]}]", ": May have at most 3 entries"),
        ("[source, source]", "[1]: Leads are told apart by source already, in entry 0;"),
        ("[{}]", "[0]: Expected exactly one of tags, price, field."),
        ("[{tags: [a], price: [5]}]", "[0]: Expected exactly one of tags, price, field."),
        ("[{tags: []}]", "[0].tags: Needs at least one entry"),
        ("[{tags: [a, A]}]", '[0].tags[1]: "A" is there already, in entry 0.'),
        ("[{price: [5, 5]}]", "[0].price: Expected bounds that ascend"),
        ("[{price: [0]}]", "[0].price[0]: Must be 1 or more; got 0."),
        ("[{field: {id: 5, values: [x, ' X']}}]", '[0].field.values[1]: " X" is there already'),
        ("[{field: {values: [x]}}]", "[0].field.id: This field is missing."),
        ("[{tag: [vip]}]", "[0].tag: There is no such field. Did you mean tags?"),
    ],
)
def test_D3_9_a_wrong_kind_is_named_with_its_line(kinds: str, expected: str) -> None:
    _, found = check(f"{RULE}ledgers:\n  account:\n    kinds: {kinds}\n")

    (problem,) = with_lines(found)
    assert problem.partition("ledgers.account.kinds")[2].startswith(expected)


def test_D3_9_numbers_are_texts_in_tags_and_values() -> None:
    kinds = "[{tags: [0800]}, {field: {id: 5, values: [2026, true]}}]"
    file, found = check(f"{RULE}ledgers: {{account: {{kinds: {kinds}}}}}\n")

    assert found == []
    assert file is not None
    tags, field = file.ledgers["account"].kinds
    assert isinstance(tags, KindSection)
    assert isinstance(field, KindSection)
    assert tags.tags == ["0800"]
    assert field.field is not None
    assert field.field.values == ["2026", "true"]
