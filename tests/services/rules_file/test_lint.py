"""What the linter finds in a rules file: each thing with its line, and what to do."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from contracts.stage import Stage
from domain.lint import Circumstances
from services.cli.remarks import sentences_of
from services.rules_file.lint import Remark, look_over
from services.words.catalogue import Words
from tests.services.rules_file.test_file import EXAMPLE

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
LUNCHES = ", ".join(f"{day}: [09:00-12:00, 13:00-18:00]" for day in ("mon", "tue", "wed", "thu"))
ALWAYS = "    participants: [{manager: 501}, {manager: 502}]\n"


def remarks(text: str, **known: object) -> list[str]:
    return told(look_over(text, at=MONDAY, timezone="UTC", **known))  # type: ignore[arg-type]


def told(found: Sequence[Remark]) -> list[str]:
    """The remarks as the command line says them."""
    return ["\n  ".join(Words().lines(sentences_of(remark))) for remark in found]


def rule(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines)


def test_D2_1_the_example_has_nothing_to_mend() -> None:
    assert [remark for remark in remarks(EXAMPLE) if ": note: " not in remark] == []


def test_D1_4_a_rule_that_no_lead_reaches_is_a_warning() -> None:
    second = "  - id: late\n    stages: [{pipeline: 7, stage: 62}]\n" + ALWAYS

    assert remarks(HEAD + ALWAYS + second) == [
        (
            'line 9, rules[1].id: warning: Rule "late" is never asked: all leads of its stages go'
            " to site.\n  Move it up, or remove its stages from the earlier rules."
        )
    ]


def test_D1_4_a_rule_that_is_switched_off_hides_no_other_and_is_not_looked_over() -> None:
    second = "  - id: late\n    stages: [{pipeline: 7, stage: 62}]\n"
    third = second.replace("late", "later")
    off = HEAD + "    enabled: false\n" + ALWAYS

    assert remarks(off + second + ALWAYS) == []
    (never,) = remarks(off + second + ALWAYS + third + ALWAYS)
    assert 'rules[2].id: warning: Rule "later" is never asked' in never


def test_D1_5_a_rule_with_conditions_leaves_leads_for_those_after_it() -> None:
    first = HEAD + ALWAYS + "    conditions: {tags: [vip]}\n    caps: {day: 1}\n"
    second = "  - id: late\n    stages: [{pipeline: 7, stage: 62}]\n" + ALWAYS

    assert remarks(first + second, inflow={Stage(7, 61): 1_000, Stage(7, 62): 1_000}) == []


def test_D1_4_a_stage_that_another_rule_takes_is_a_warning() -> None:
    stages = "    stages: [{pipeline: 7, stage: 63}, {pipeline: 7, stage: 62}]\n"
    (remark,) = remarks(HEAD + ALWAYS + "  - id: late\n" + stages + ALWAYS)

    assert remark.startswith(
        'line 10, rules[1].stages[1]: warning: Leads of this stage never reach the rule: "site"'
    )


def test_D1_1_a_rule_on_a_stage_of_incoming_leads_is_noted() -> None:
    incoming = Circumstances(incoming={Stage(7, 62), Stage(9, 1)})
    found = remarks(HEAD + ALWAYS, circumstances=incoming)

    assert [remark.split("\n")[0] for remark in found] == [
        (
            "line 7, rules[0].stages[1]: note: this is a stage of incoming leads; Kommo may not let"
            " them have a responsible user before somebody accepts them"
        )
    ]


def test_D2_1_who_left_and_what_was_put_away_is_a_warning_where_a_rule_names_it() -> None:
    duty = "duty: {fallback: 501, rota: [{manager: 502, schedule: office}]}"
    text = rule("participants: [{manager: 501}, {manager: 504}]", duty)
    found = remarks(
        text,
        known_users={501: "Ana", 502: "Bruno", 504: "Diego", 505: "Elena"},
        known_stages={Stage(7, 61): "Sales / New", Stage(7, 62): "Sales / Old"},
        circumstances=Circumstances(archived={Stage(7, 62)}, left={501, 502, 505}),
    )

    put_away = "The pipeline of this stage was put away in Kommo: no lead comes here."
    left = "Kommo lets user {} in no more, so they get no leads."
    assert [each.split("\n")[0] for each in found if ": warning: " in each] == [
        f"line 7, rules[0].stages[1]: warning: {put_away}",
        f"line 8, rules[0].participants[0].manager: warning: {left.format(501)}",
        f"line 9, rules[0].duty.fallback: warning: {left.format(501)}",
        f"line 9, rules[0].duty.rota[0].manager: warning: {left.format(502)}",
    ]
    # Elena is in no rule, and nobody is told to put her into one.
    assert not any("505" in each for each in found)


def test_D8_1_hours_with_nobody_on_shift_are_noted_while_leads_wait() -> None:
    people = "participants: [{manager: 501, schedule: office}]"
    (remark,) = remarks(rule(people))
    assert remark.startswith(
        "line 6, rules[0]: note: Nobody is on shift for 141 hours of the week (Mon 00:00 to Mon"
        " 09:00, Mon 18:00 to Tue 09:00, Tue 18:00 to Wed 09:00, Wed 18:00 to Mon 00:00)"
        "; leads wait then"
    )

    assert remarks(rule(people, "off_hours: reserve_first_starter")) == []


@pytest.mark.parametrize(("away", "hours"), [([], 141), ([502], 141), ([501, 502], 150)])
def test_D8_1_hours_count_while_anybody_of_the_same_schedule_is_there(
    away: list[int], hours: int
) -> None:
    office = "participants: [{manager: 501, schedule: office}, {manager: 502, schedule: office}]"
    days = ", ".join(f"{{manager: {each}, from: 2026-10-13, to: 2026-10-14}}" for each in away)
    text = rule(office).replace("rules:", f"absences: [{days}]\nrules:")

    (remark,) = remarks(text)

    assert f"Nobody is on shift for {hours} hours" in remark


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
        "line 9, rules[0].participants: warning: Nobody is at work in the next"
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["duty: {rota: [{manager: 504, schedule: night}]}", "off_hours: duty"],
            "for 111 hours of the week",
        ),
        (
            ["duty: {rota: [{manager: 504, schedule: night}]}", "age_limit_minutes: 60"],
            "for 138 hours of the week",
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
    assert all(f"rules[0].duty: warning: Nobody has duty {expected}" in r for r in of_duty)


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
            "line 9, rules[0].participants[0].limit: warning: user 501 is full at 10 open leads"
            " while others with priority 1 have used 11% of their limits; from there on the"
            " coefficients do not hold.\n  With that coefficient, a limit of 90 goes with theirs."
        ),
        (
            "line 12, rules[0].participants[3].limit: warning: user 504 has the limit 0 and never"
            " gets a lead.\n  Raise the limit, or give them the coefficient 0 if that is meant."
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
    assert all(f"The caps allow {capacity} leads a week, and {leads} came" in r for r in found)


@pytest.mark.parametrize(
    ("caps", "own", "told"),
    [
        ("{hour: 5, day: 20, week: 80, month: 300}", "{hour: 5}", []),
        ("{hour: 50, day: 20}", None, ["caps.hour: warning: 50 leads per hour can never"]),
        (
            "{week: 90, month: 80}",
            None,
            ["caps.week: warning: 90 leads per week can never be reached"],
        ),
        (
            "{day: 20}",
            "{day: 30}",
            ["participants[0].caps.day: warning: 30 leads per day are more than the rule's 20"],
        ),
        ("{day: 20}", "{day: 30}, caps_instead: true", []),
        (
            "{month: 100}",
            "{hour: 9, day: 8}",
            ["participants[0].caps.hour: warning: 9 leads per hour can never be reached"],
        ),
    ],
)
def test_D5_7_caps_that_can_never_matter_are_a_warning(
    caps: str, own: str | None, told: list[str]
) -> None:
    people = f"participants: [{{manager: 501{f', caps: {own}' if own else ''}}}, {{manager: 502}}]"
    found = remarks(rule(people, f"caps: {caps}"))

    assert [text in remark for text, remark in zip(told, found, strict=True)] == [True] * len(told)


def test_D5_7_duty_that_comes_too_late_to_matter_is_a_warning() -> None:
    duty = ["duty: {manager: 504}", "when_full: duty", "limit: {max: 3}"]
    late = [*duty, "duty_after_minutes: 60", "age_limit_minutes: 60"]
    (found,) = remarks(rule("participants: [{manager: 501}]", *late))

    assert "duty_after_minutes: warning: A lead is 60 minutes old" in found
    early = [*duty, "duty_after_minutes: 59", "age_limit_minutes: 60"]
    assert remarks(rule("participants: [{manager: 501}]", *early)) == []


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
            "line 5, absences[0].manager: note: user 503 is absent, and in no rule.\n"
            "  Remove the line, or correct the id."
        ),
        (
            "line 6, rules: note: Active users of Kommo who are in no rule: user 503.\n"
            "  Nothing, if they take no leads; else add them to the participants."
        ),
    ]
    assert remarks(HEAD, known_users=users) == []  # everybody takes part


def test_D2_1_warnings_are_told_beside_problems() -> None:
    late = "  - id: late\n    stages: [{pipeline: 7, stage: 61}]\n" + ALWAYS
    owners = "  - id: own\n    stages: [{pipeline: 7, stage: 70}]\n" + ALWAYS
    owners += "    owners: {sources: [lead], wait_hours: 100}\n"
    text = HEAD + "    participants: [{manager: 501, schedule: ofice}]\n" + late + owners

    assert remarks(text, known_users={501: "", 502: "", 509: ""}) == [
        (
            'line 8, rules[0].participants[0].schedule: problem: There is no schedule "ofice". Did'
            " you mean office? Known: office, night."
        ),
        # Nothing is said of who takes leads from `late`, nor of people in no rule: both need the
        # rule with the problem.
        (
            "line 15, rules[2].owners.wait_hours: warning: Leads wait for their owner for up to 100"
            " working hours; more than 16 is rarely meant.\n"
            "  These are working hours of the rule: 8 are about a day. The default is 2."
        ),
    ]


def test_D2_1_with_a_problem_in_a_schedule_no_hours_are_judged() -> None:
    wrong = HEAD.replace("schedules:", "timezone: Nowhere\nschedules:") + ALWAYS.replace(
        "502}", "502, limit: 0}"
    )
    found = remarks(wrong)

    assert [("problem" in remark, "limit 0" in remark) for remark in found] == [
        (True, False),
        (False, True),
    ]


def test_D4_1_a_schedule_without_any_hours_is_a_warning() -> None:
    empty = "schedules:\n  closed: {weekly: {mon: []}}\n"
    people = "participants: [{manager: 501}, {manager: 502, schedule: closed}]"
    (remark,) = remarks(HEAD.replace("schedules:\n", empty) + f"    {people}\n")

    assert remark.startswith(
        'line 3, schedules.closed: warning: Schedule "closed" has no working hours: whoever has it'
    )


@pytest.mark.parametrize(
    ("first", "second", "rest", "is_told"),
    [
        ("", "", [], True),
        ("schedule: office", "schedule: office", [], True),
        ("schedule: office", "", [], False),
        ("limit: 5", "", ["limit: {max: 9}"], True),
        ("limit: 5", "", ["limit: {max: 9}", "when_full: next_tier"], False),
        ("coefficient: 0", "", [], False),
    ],
    ids=["always there", "same hours", "more hours", "full and waits", "full", "excluded"],
)
def test_D2_3_a_priority_that_is_never_asked_is_a_warning(
    first: str, second: str, rest: list[str], *, is_told: bool
) -> None:
    people = [
        "participants:",
        f"  - {{manager: 501, {first}}}",
        f"  - {{manager: 502, priority: 2, {second}}}",
    ]
    found = [remark for remark in remarks(rule(*people, *rest)) if "is never asked" in remark]

    assert len(found) == is_told
    assert all("participants[1].priority: warning: user 502" in remark for remark in found)


def test_D8_1_the_hours_of_a_note_add_up() -> None:
    at = MONDAY.replace(hour=11, minute=7, second=31)
    text = HEAD.replace("office:", f"split: {{weekly: {{{LUNCHES}}}}}\n  office:")
    text += "    participants: [{manager: 501, schedule: split}]\n"
    (remark,) = told(look_over(text, at=at, timezone="UTC"))

    # 168 hours less four days of 8.
    assert "for 136 hours of the week (Mon 12:00 to Mon 13:00, Mon 18:00 to Tue 09:00, " in remark
    assert "Thu 12:00 to Thu 13:00, Thu 18:00 to Mon 09:00); leads wait then" in remark


def test_D8_1_times_that_are_not_listed_are_told_with_their_hours() -> None:
    text = HEAD.replace(
        "office:", f"split: {{weekly: {{{LUNCHES}, fri: [10:00-12:00]}}}}\n  office:"
    )
    text += "    participants: [{manager: 501, schedule: split}]\n"
    (remark,) = remarks(text)

    # 168 less 4 x 8 and 2; the times after the eighth: Thu 18:00 to Fri 10:00, Fri 12:00 to Mon.
    assert "for 134 hours of the week (Mon 00:00 to Mon 09:00, " in remark
    assert "Thu 12:00 to Thu 13:00, and 2 more times, for 76 hours in all); leads wait" in remark


def test_D9_4_a_rule_in_which_nobody_relieves_anybody_is_told() -> None:
    together = "    participants: [{manager: 501, schedule: day}, {manager: 502, schedule: day}]\n"
    in_turn = together.replace("502, schedule: day", "502, schedule: late")
    always = "    participants: [{manager: 501}, {manager: 502}]\n"

    def remarked(people: str) -> list[str]:
        schedules = "  day: {weekly: {mon-fri: [09:00-18:00]}}\n"
        schedules += "  late: {weekly: {mon-fri: [15:00-22:00]}}\n"
        text = HEAD.replace("rules:", schedules + "rules:") + people
        found = remarks(text + "    at_shift_end: {hand_over: untouched}\n")
        return [each.partition(": ")[0] for each in found if "Whoever goes home" in each]

    assert remarked(in_turn) == []
    assert remarked(together) == remarked(always) == ["line 11, rules[0].at_shift_end"]


@pytest.mark.parametrize(
    ("options", "remark"),
    [
        ([], "Whether a first touch was in time is not known here"),
        (["at_shift_end: {hand_over: all}"], "Whether a first touch was in time is not known here"),
        (["at_shift_end: {hand_over: untouched}"], ""),
        (["redistribution: {after_minutes: 15}"], ""),
        (
            ["redistribution: {after_minutes: 14}"],
            "A lead is passed on after 14 minutes without a touch, before the target of 15",
        ),
    ],
)
def test_D12_1_a_target_that_nothing_can_miss_is_told(options: list[str], remark: str) -> None:
    people = "participants: [{manager: 501}, {manager: 502}]"
    lines = [people, "first_touch_target_minutes: 15", *options]
    found = remarks(HEAD + "".join(f"    {line}\n" for line in lines))

    told = [each for each in found if "first_touch_target_minutes: " in each]
    assert [remark in each for each in told] == [True] * bool(remark), found


@pytest.mark.parametrize(("due", "is_told"), [(15, False), (16, True)])
def test_D12_2_a_task_that_is_due_after_the_lead_is_passed_on_is_told(
    due: int, *, is_told: bool
) -> None:
    people = "    participants: [{manager: 501}, {manager: 502}]\n"
    rest = "    redistribution: {after_minutes: 15}\n    tell:\n"
    found = remarks(f"{HEAD}{people}{rest}      task: {{due_minutes: {due}}}\n")

    told = [each for each in found if "tell.task.due_minutes: " in each]
    assert ["the lead is passed on after 15" in each for each in told] == [True] * is_told


@pytest.mark.parametrize(("targets", "is_told"), [(("crm",), False), ((), True), (None, False)])
def test_D12_2_a_target_that_nobody_has_added_is_told(
    targets: tuple[str, ...] | None, *, is_told: bool
) -> None:
    people = "    participants: [{manager: 501}, {manager: 502}]\n"
    found = remarks(f"{HEAD}{people}    tell: {{webhook: crm}}\n", targets=targets)

    told = [each for each in found if "There is no target called crm" in each]
    assert len(told) == is_told


def three_rules(*others: str, policy: str = "fair_share") -> str:
    """501 in three rules, each with one colleague."""
    sections = [
        f"  - id: r{other}\n    stages: [{{pipeline: 7, stage: {60 + n}}}]\n    policy: {policy}\n"
        f"    participants: [{{manager: 501}}, {{manager: {other}}}]\n"
        for n, other in enumerate(others, 1)
    ]
    return "version: 1\nrules:\n" + "".join(sections)


def test_D3_10_who_gets_far_more_by_being_in_many_rules_is_told_with_the_policy_for_it() -> None:
    (found,) = remarks(three_rules("502", "503", "504"))

    assert found == (
        "line 6, rules[0].participants[0].manager: note: user 501 is in 3 rules, and gets 300% of"
        " what their colleagues get on average: each rule is fair by itself, the total is not.\n"
        "  Nothing, if they are to have more; else `policy: fewest_given` in these rules evens out"
        " the total."
    )
    assert remarks(three_rules("502", "503")) == []


def test_D3_10_the_leads_that_came_are_counted_where_they_are_known() -> None:
    inflow = {Stage(7, 61): 10, Stage(7, 62): 0, Stage(7, 63): 0}

    assert len(remarks(three_rules("502", "503", "504"), inflow=inflow)) == 1
    alike = dict.fromkeys(inflow, 10)
    assert "300%" in remarks(three_rules("502", "503", "504"), inflow=alike)[0]


def test_D3_10_what_the_policy_gives_up_is_told() -> None:
    found = remarks(three_rules("502", "503", "504", policy="fewest_given"))

    assert [line.partition(",")[0] for line in found] == ["line 5", "line 9", "line 13"]
    assert "not everybody has the same chance of each lead" in found[0]


def test_D3_9_kinds_that_tell_nothing_apart_are_told() -> None:
    ledgers = "ledgers:\n  account: {kinds: [stage]}\n  other: {kinds: [source]}\n"
    found = remarks(
        "version: 1\nrules:\n"
        + HEAD.split("rules:\n")[1].replace(", {pipeline: 7, stage: 62}", "")
        + ALWAYS
        + ledgers
    )

    assert [line.partition(".")[0] for line in found] == [
        "line 7, ledgers",
        "line 8, ledgers",
    ]
    assert "there is nothing to tell apart" in found[0]
    assert "No rule of the fair share has the ledger" in found[1]
