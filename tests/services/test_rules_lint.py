"""What the linter finds in a rules file: each thing with its line, and what to do."""

from datetime import UTC, datetime

import pytest

from contracts.stage import Stage
from services.rules_lint import look_over
from tests.services.test_rules_file import EXAMPLE

MONDAY = datetime(2026, 10, 12, tzinfo=UTC)
OFFICE = "{weekly: {mon: [09:00-18:00], tue: [09:00-18:00], wed: [09:00-18:00]}}"
HEAD = f"""\
version: 1
schedules:
  office: {OFFICE}
  night: {{weekly: {{mon: [18:00-09:00], tue: [18:00-09:00]}}}}
rules:
  - id: site
    stages: [{{pipeline: 7, stage: 61}}, {{pipeline: 7, stage: 62}}]
"""
ALWAYS = "    participants: [{manager: 501}, {manager: 502}]\n"


def remarks(text: str, **known: object) -> list[str]:
    found = look_over(text, at=MONDAY, timezone="UTC", **known)  # type: ignore[arg-type]
    return [str(remark) for remark in found]


def rule(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines)


def test_D2_1_the_example_has_nothing_to_mend() -> None:
    assert [remark for remark in remarks(EXAMPLE) if ": note: " not in remark] == []


def test_D1_4_a_rule_that_no_lead_reaches_is_a_warning() -> None:
    second = "  - id: late\n    stages: [{pipeline: 7, stage: 62}]\n" + ALWAYS

    assert remarks(HEAD + ALWAYS + second) == [
        (
            "line 9, rules[1].id: warning: rule 'late' is never asked: 'site' takes every lead of"
            " its stages\n  move it up, or take its stages out of the earlier rules"
        )
    ]


def test_D1_5_a_rule_with_conditions_leaves_leads_for_those_after_it() -> None:
    first = HEAD + ALWAYS + "    conditions: {tags: [vip]}\n    caps: {day: 1}\n"
    second = "  - id: late\n    stages: [{pipeline: 7, stage: 62}]\n" + ALWAYS

    assert remarks(first + second, inflow={Stage(7, 61): 1_000, Stage(7, 62): 1_000}) == []


def test_D1_4_a_stage_that_another_rule_takes_is_a_warning() -> None:
    stages = "    stages: [{pipeline: 7, stage: 63}, {pipeline: 7, stage: 62}]\n"
    (remark,) = remarks(HEAD + ALWAYS + "  - id: late\n" + stages + ALWAYS)

    assert remark.startswith(
        "line 10, rules[1].stages[1]: warning: leads of this stage never reach the rule: 'site'"
    )


def test_D8_1_hours_with_nobody_on_shift_are_noted_while_leads_wait() -> None:
    people = "participants: [{manager: 501, schedule: office}]"
    (remark,) = remarks(rule(people))
    assert remark.startswith(
        "line 6, rules[0]: note: nobody is on shift for 141:00 of 168 hours (Mon 00:00 to Mon"
        " 09:00, Mon 18:00 to Tue 09:00, Tue 18:00 to Wed 09:00, Wed 18:00 to Mon 00:00)"
        "; leads wait then"
    )

    assert remarks(rule(people, "off_hours: reserve_first_starter")) == []


def test_D8_1_hours_are_told_in_the_zone_of_the_schedule() -> None:
    people = "participants: [{manager: 501, schedule: office}]"
    (remark,) = remarks(
        HEAD.replace("schedules:", "timezone: Asia/Tokyo\nschedules:") + f"    {people}\n"
    )

    assert "(Mon 18:00 to Tue 09:00," in remark


def test_D8_1_a_rule_of_which_nobody_works_this_week_is_a_warning() -> None:
    absences = "absences: [{manager: 501, from: 2026-10-01, to: 2026-11-01}]\n"
    (remark,) = remarks(
        HEAD.replace("rules:", absences + "rules:") + "    participants: [{manager: 501}]\n"
    )

    assert remark.startswith(
        "line 9, rules[0].participants: warning: nobody is at work in the next"
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["duty: {rota: [{manager: 504, schedule: night}]}", "off_hours: duty"], "for 111:00 of"),
        (
            ["duty: {rota: [{manager: 504, schedule: night}]}", "age_limit_minutes: 60"],
            "for 138:00 of",
        ),
        (["duty: {rota: [{manager: 504, schedule: night}], fallback: 505}", "off_hours: duty"], ""),
        (["duty: {manager: 504}", "off_hours: duty", "age_limit_minutes: 60"], ""),
    ],
    ids=["off hours only", "at any time", "a fallback", "always"],
)
def test_D7_4_hours_with_nobody_on_duty_are_a_warning(lines: list[str], expected: str) -> None:
    found = remarks(rule("participants: [{manager: 501, schedule: office}]", *lines))
    of_duty = [remark for remark in found if "has duty" in remark]

    assert len(of_duty) == bool(expected)
    assert all(f"rules[0].duty: warning: nobody has duty {expected}" in r for r in of_duty)


def test_D5_1_a_limit_that_makes_the_coefficients_impossible_is_a_warning() -> None:
    people = [
        "participants:",
        "  - {manager: 501, coefficient: 9, limit: 10}",
        "  - {manager: 502}",
        "  - {manager: 503, coefficient: 0, limit: 0}",
        "  - {manager: 504, limit: 0}",
    ]

    assert remarks(rule(*people, "limit: {max: 10}")) == [
        (
            "line 9, rules[0].participants[0].limit: warning: manager 501 is full at 10 open"
            " leads while others of priority 1 have used 11 % of their limits; from there on the"
            " coefficients do not hold\n  for his coefficient, a limit of 90 goes with theirs"
        ),
        (
            "line 12, rules[0].participants[3].limit: warning: manager 504 has the limit 0: he"
            " never gets a lead\n  raise the limit, or give him the coefficient 0 if that is meant"
        ),
    ]
    assert len(remarks(rule(*people, "limit: {max: 10}", "policy: least_loaded"))) == 1


@pytest.mark.parametrize(
    ("leads", "capacity"), [(75, None), (76, 75)], ids=["just enough", "one too many"]
)
def test_D5_5_caps_below_last_week_s_leads_are_a_warning(leads: int, capacity: int | None) -> None:
    people = [
        "participants:",
        "  - {manager: 501, schedule: office, caps: {hour: 2, week: 100}}",  # 27 hours: 54
        "  - {manager: 502, schedule: office, caps: {day: 7}}",  # 3 days: 21
        "off_hours: reserve_first_starter",
    ]
    inflow = {Stage(7, 61): leads - 9, Stage(7, 62): 9, Stage(7, 63): 1_000}
    found = remarks(rule(*people), inflow=inflow)

    assert len(found) == (capacity is not None)
    assert all(f"the caps allow {capacity} leads a week, and {leads} came" in r for r in found)


def test_D5_5_somebody_without_caps_takes_them_all() -> None:
    people = "participants: [{manager: 501, caps: {day: 1}}, {manager: 502}]"

    assert remarks(rule(people), inflow={Stage(7, 61): 10_000}) == []


def test_D2_1_people_in_no_rule_are_noted() -> None:
    users = {501: "Ann", 502: "Bob", 503: "Cem", 504: "Dan"}
    duty = "    duty: {manager: 504}\n"
    absences = "absences: [{manager: 503, from: 2026-10-01, to: 2026-11-01}]\n"
    text = HEAD.replace("rules:", absences + "rules:") + ALWAYS + duty

    assert remarks(text, known_users=users) == [
        (
            "line 5, absences[0].manager: note: manager 503 is absent, and in no rule\n"
            "  take the line out, or correct the id"
        ),
        (
            "line 6, rules: note: active users of Kommo who are in no rule: 503\n"
            "  nothing if they take no leads; else name them among the participants"
        ),
    ]
    assert remarks(HEAD, known_users=users) == []  # everybody takes part


def test_D2_1_with_problems_only_they_are_told() -> None:
    assert remarks(rule("participants: [{manager: 501, schedule: ofice}]")) == [
        (
            "line 8, rules[0].participants[0].schedule: problem: unknown schedule 'ofice'; did"
            " you mean office? (known: office, night)"
        )
    ]
