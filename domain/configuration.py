"""The rules in force, compiled from the rules file: what the decisions look things up in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

from contracts.events import LEAD, LinkedObject, SharingPolicy
from contracts.rules import (
    ActivitySection,
    LinkedSection,
    OffHours,
    ParticipantSection,
    RuleSection,
    RulesFile,
    WhenFull,
)
from contracts.stage import CLOSED_STATUSES, Stage
from domain.caps import Caps, compile_caps
from domain.conditions import Condition, compile_conditions
from domain.options import option_problems
from domain.owner_policy import OwnerPolicy, compile_owner_policy
from domain.patience import Redistribution, compile_redistribution
from domain.release import Pace
from domain.rota import Rota, compile_rota
from domain.schedule import (
    Absences,
    Schedule,
    absence_problems,
    compile_absences,
    compile_schedule,
    schedule_problems,
    zone_problem,
)

WEIGHT_SCALE = 1_000_000  # coefficients carry at most six decimals
ACCOUNT_LEDGER = "account"  # shared by all rules (D3.4)

Problem = tuple[tuple[str | int, ...], str]


@dataclass(frozen=True, slots=True)
class Participant:
    """A manager's part in a rule.

    Attributes:
        tier: 1 is consulted first (D2.3).
        weight: His coefficient in millionths; 0 excludes him.
        schedule: None is always on shift.
        limit: The most open leads, None for no limit.
        caps: The most leads per period, None for no cap.
    """

    manager_id: int
    tier: int
    weight: int
    schedule: Schedule | None
    limit: int | None
    caps: Caps | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; participants by tier, then id, so the order in the file cannot matter.

    Attributes:
        limit_stages: The stages whose open leads count; None for all.
        ledger: Where its fair share is kept; `account` is shared by all rules that name none.
        catch_up_units: The most that a manager who was away catches up with (D3.3).
        rota: Who has duty; None when the rule names nobody.
        off_hours: What happens to a lead while nobody is at work (D8.1).
        when_full: What happens to it while everybody at work is at the limit (D5.4).
        duty_after: How much working time it then waits before it goes to duty.
        age_limit: How old it may become before it goes to duty (D8.2).
        redistribution: When a lead is passed on; None for never.
        pace: How what waited is released; None for all at once.
        conditions: All have to hold for the rule to take a lead (D1.5).
        linked: What is handed over with a lead (D6.4).
        linked_only_for: Whose things are; empty for everyone's.
        keeps_lead: Whether the lead itself stays with its responsible (D6.5).
    """

    rule_id: str
    participants: tuple[Participant, ...]
    limit_stages: tuple[Stage, ...] | None
    ledger: str = ACCOUNT_LEDGER
    policy: SharingPolicy = "fair_share"
    catch_up_units: int = 0
    rota: Rota | None = None
    off_hours: OffHours = "wait"
    when_full: WhenFull = "wait"
    duty_after: timedelta | None = None
    age_limit: timedelta | None = None
    redistribution: Redistribution | None = None
    pace: Pace | None = None
    conditions: tuple[Condition, ...] = ()
    owners: OwnerPolicy | None = None
    linked: tuple[LinkedObject, ...] = ()
    linked_only_for: tuple[int, ...] = ()
    keeps_lead: bool = False

    def schedule_of(self, manager_id: int) -> Schedule | None:
        """When he works for the rule; None for always, and for whoever takes no part."""
        return next((p.schedule for p in self.participants if p.manager_id == manager_id), None)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All rules of a revision.

    Attributes:
        by_stage: The rules that cover a stage, in the order of the file (D1.4), up to the first
            one that takes every lead.
        activity: Who may be paused by whom (D9.1).
        has_caps: Whether the leads given to managers have to be counted (D5.5).
    """

    revision: int
    rules: tuple[Rule, ...]
    by_stage: dict[Stage, tuple[Rule, ...]]
    by_id: dict[str, Rule]
    absences: Absences | None
    activity: ActivitySection
    reads_within: timedelta = timedelta(seconds=60)
    has_caps: bool = False

    def participant_ids(self, ledger: str | None = None) -> tuple[int, ...]:
        """Everyone in any rule, or in any rule of a ledger, ascending."""
        found = {
            p.manager_id: None
            for rule in self.rules
            if ledger in (None, rule.ledger)
            for p in rule.participants
        }
        return tuple(sorted(found))


NO_RULES = Configuration(
    revision=0, rules=(), by_stage={}, by_id={}, absences=None, activity=ActivitySection()
)


def problems(file: RulesFile) -> list[Problem]:
    """What is wrong with the file beyond single fields; empty when it can be applied.

    Returns:
        Pairs of the path of the field and what was expected there, in the order of the file.
    """
    found: list[Problem] = []
    if file.timezone is not None and (problem := zone_problem(file.timezone)):
        found.append((("timezone",), problem))
    if file.default_schedule is not None and file.default_schedule not in file.schedules:
        found.append((("default_schedule",), _unknown_schedule(file.default_schedule, file)))
    for name, section in file.schedules.items():
        found.extend(
            (("schedules", name, *path), text) for path, text in schedule_problems(section)
        )
    for number, absence in enumerate(file.absences):
        found.extend(
            (("absences", number, *path), text) for path, text in absence_problems(absence)
        )
    seen: dict[str, int] = {}
    for number, rule in enumerate(file.rules):
        if rule.id in seen:
            text = f"each rule needs an id of its own, {rule.id!r} is rules[{seen[rule.id]}] too"
            found.append((("rules", number, "id"), text))
        seen.setdefault(rule.id, number)
        found.extend((("rules", number, *path), text) for path, text in _rule_problems(rule, file))
    return found


def compile_rules(
    data: dict[str, Any], *, revision: int, timezone: str, active_user_ids: Sequence[int]
) -> Configuration:
    """Compile a rules file that has no problems.

    Args:
        data: The file as JSON data.
        revision: Its number in the account, for the decisions to name.
        timezone: The account's zone, for everything without one of its own.
        active_user_ids: Who takes part in a rule that lists nobody (D2.1).
    """
    file = RulesFile.model_validate(data)
    zone = file.timezone or timezone
    schedules = {name: compile_schedule(s, zone) for name, s in file.schedules.items()}
    default = schedules[file.default_schedule] if file.default_schedule else None
    rules = tuple(
        _compile_rule(rule, schedules, default, zone, active_user_ids) for rule in file.rules
    )
    by_stage: dict[Stage, tuple[Rule, ...]] = {}
    for section, rule in zip(file.rules, rules, strict=True):
        for stage in section.stages:
            before = by_stage.get(stage.as_stage(), ())
            if all(each.conditions and each is not rule for each in before):
                by_stage[stage.as_stage()] = (*before, rule)
    return Configuration(
        revision=revision,
        rules=rules,
        by_stage=by_stage,
        by_id={rule.rule_id: rule for rule in rules},
        absences=compile_absences(file.absences, zone),
        activity=file.activity,
        reads_within=timedelta(seconds=file.read_within_s),
        has_caps=any(p.caps is not None for rule in rules for p in rule.participants),
    )


def _unknown_schedule(name: str, file: RulesFile) -> str:
    known = ", ".join(sorted(file.schedules)) or "none is defined"
    return f"unknown schedule {name!r}; known: {known}"


def _rule_problems(rule: RuleSection, file: RulesFile) -> list[Problem]:
    found: list[Problem] = []
    for number, stage in enumerate(rule.stages):
        if stage.stage in CLOSED_STATUSES:
            text = "leads in won (142) and lost (143) are closed and cannot be distributed"
            found.append((("stages", number, "stage"), text))
    found.extend(_participant_problems(rule, file))
    found.extend(option_problems(rule))
    for number, entry in enumerate(rule.duty.rota or () if rule.duty else ()):
        if entry.schedule is not None and entry.schedule not in file.schedules:
            found.append(
                (("duty", "rota", number, "schedule"), _unknown_schedule(entry.schedule, file))
            )
    return found


def _participant_problems(rule: RuleSection, file: RulesFile) -> Iterator[Problem]:
    seen: dict[int, int] = {}
    for number, participant in enumerate(rule.participants):
        at: tuple[str | int, ...] = ("participants", number)
        if participant.manager in seen:
            text = f"manager {participant.manager} is participants[{seen[participant.manager]}] too"
            yield (*at, "manager"), text
        seen.setdefault(participant.manager, number)
        if participant.schedule is not None and participant.schedule not in file.schedules:
            yield (*at, "schedule"), _unknown_schedule(participant.schedule, file)
    if rule.participants and all(p.coefficient == 0 for p in rule.participants):
        yield ("participants",), "at least one coefficient must be above 0"


def _compile_rule(
    rule: RuleSection,
    schedules: dict[str, Schedule],
    default: Schedule | None,
    zone: str,
    active_user_ids: Sequence[int],
) -> Rule:
    participants = [
        _compile_participant(p, rule, schedules[p.schedule] if p.schedule else default, zone)
        for p in rule.participants or map(_everybody, active_user_ids)
    ]
    stages = rule.limit.stages if rule.limit else None
    return Rule(
        rule_id=rule.id,
        participants=tuple(sorted(participants, key=lambda p: (p.tier, p.manager_id))),
        limit_stages=tuple(sorted(s.as_stage() for s in stages)) if stages else None,
        ledger=rule.ledger,
        policy=rule.policy,
        catch_up_units=rule.catch_up * LEAD,
        rota=compile_rota(rule.duty, schedules) if rule.duty else None,
        off_hours=rule.off_hours,
        when_full=rule.when_full,
        duty_after=_minutes(rule.duty_after_minutes),
        age_limit=_minutes(rule.age_limit_minutes),
        redistribution=compile_redistribution(rule.redistribution) if rule.redistribution else None,
        pace=Pace(rule.pace.leads, timedelta(minutes=rule.pace.every_minutes))
        if rule.pace
        else None,
        conditions=compile_conditions(rule.conditions),
        owners=compile_owner_policy(
            rule.owners, ((p.manager_id, p.schedule, p.limit) for p in participants), default
        ),
        linked=_linked_objects(rule.linked),
        linked_only_for=tuple(sorted(rule.linked.only_for)) if rule.linked else (),
        keeps_lead=rule.linked is not None and not rule.linked.lead,
    )


def _everybody(user_id: int) -> ParticipantSection:
    """How an active user takes part in a rule that lists nobody (D2.1)."""
    return ParticipantSection(manager=user_id)


def _compile_participant(
    section: ParticipantSection, rule: RuleSection, schedule: Schedule | None, zone: str
) -> Participant:
    maximum = rule.limit.max if rule.limit else None
    place = schedule.zone_name if schedule is not None else zone
    return Participant(
        manager_id=section.manager,
        tier=section.priority,
        weight=_weight(section.coefficient, by_coefficient=rule.distribute_by_coefficient),
        schedule=schedule,
        limit=maximum if section.limit is None else section.limit,
        caps=compile_caps(section.caps or rule.caps, place),
    )


def _minutes(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(minutes=number)


def _linked_objects(section: LinkedSection | None) -> tuple[LinkedObject, ...]:
    if section is None:
        return ()
    objects: tuple[LinkedObject, ...] = get_args(LinkedObject)
    return tuple(each for each in objects if getattr(section, each))


def _weight(coefficient: Decimal, *, by_coefficient: bool) -> int:
    if coefficient == 0:
        return 0
    return int(coefficient * WEIGHT_SCALE) if by_coefficient else WEIGHT_SCALE
