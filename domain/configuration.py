"""The rules in force, compiled from the rules file: what the decisions look things up in."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

from contracts.events import LEAD, LeadKind, LinkedObject, SharingPolicy
from contracts.rules import (
    ActivitySection,
    LinkedSection,
    OffHours,
    ParticipantSection,
    RegistrySection,
    RuleSection,
    RulesFile,
    WhenFull,
)
from contracts.sentences import Sentence, sentence
from contracts.stage import CLOSED_STATUSES, Stage
from domain.conditions import Condition, compile_conditions
from domain.kinds import Dimension, compile_kinds, kind_problems
from domain.limits.caps import Caps, compile_caps
from domain.limits.pacing import Pace
from domain.limits.registries import Registry
from domain.limits.tasks import TaskLimit, compile_task_limit
from domain.notices.policy import Telling, compile_telling
from domain.options import option_problems
from domain.owners.policy import OwnerPolicy, compile_owner_policy
from domain.redistribution.patience import (
    Redistribution,
    ShiftEnd,
    compile_redistribution,
    compile_shift_end,
)
from domain.schedule import (
    Absences,
    Problem,
    Schedule,
    absence_problems,
    compile_absences,
    compile_schedule,
    schedule_problems,
    zone_problem,
)
from domain.schedule.rosters import Rosters, manager_problems, swap_problems
from domain.schedule.rota import Rota, compile_rota

WEIGHT_SCALE = 1_000_000  # coefficients carry at most six decimals
ACCOUNT_LEDGER = "account"  # shared by all rules (D3.4)


@dataclass(frozen=True, slots=True)
class Participant:
    """A manager's part in a rule.

    Attributes:
        tier: 1 is consulted first (D2.3).
        weight: Their coefficient in millionths; 0 excludes them.
        schedule: None is always on shift.
        limit: The most open leads, None for no limit.
        caps: The most leads per period, None for no cap.
        task_limit: The most open tasks, None for no limit.
    """

    manager_id: int
    tier: int
    weight: int
    schedule: Schedule | None
    limit: int | None
    caps: Caps | None = None
    task_limit: TaskLimit | None = None


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
        shift_end: What becomes of leads when their manager goes home; None for nothing.
        first_touch_target: In how much working time a manager is to do something with a lead
            (D12.1); nothing is decided by it.
        pace: How what waited is released; None for all at once.
        conditions: All have to hold for the rule to take a lead (D1.5).
        linked: What is handed over with a lead (D6.4).
        linked_only_for: Whose things are; empty for everyone's.
        keeps_lead: Whether the lead itself stays with its responsible (D6.5).
        kinds: In what its leads are told apart (D3.9); nothing outside the fair share.
        registry: Where it counts what everybody got (D3.10); None for other policies.
        telling: How people are told whose lead it is (D12.2); None for not at all.
        only_by_trigger: Kommo's trigger has conditions of its own, so no lead that it does not
            fire for opens a request.
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
    shift_end: ShiftEnd | None = None
    first_touch_target: timedelta | None = None
    pace: Pace | None = None
    conditions: tuple[Condition, ...] = ()
    owners: OwnerPolicy | None = None
    linked: tuple[LinkedObject, ...] = ()
    linked_only_for: tuple[int, ...] = ()
    keeps_lead: bool = False
    kinds: tuple[Dimension, ...] = ()
    registry: Registry | None = None
    telling: Telling | None = None
    only_by_trigger: bool = False

    @property
    def minds_touches(self) -> bool:
        """Whether it matters who has done nothing with a lead of the rule."""
        is_for_untouched = self.shift_end is not None and not self.shift_end.takes_all
        return self.redistribution is not None or is_for_untouched

    def schedule_of(self, manager_id: int) -> Schedule | None:
        """When they work for the rule; None for always, and for whoever takes no part."""
        return next((p.schedule for p in self.participants if p.manager_id == manager_id), None)

    def task_limit_of(self, manager_id: int) -> TaskLimit | None:
        """Of how many open tasks they are full; None without a limit, and for who takes no part."""
        return next((p.task_limit for p in self.participants if p.manager_id == manager_id), None)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All rules of a revision.

    Attributes:
        by_stage: The rules that cover a stage, in the order of the file (D1.4), up to the first
            one that takes every lead.
        activity: Who may be paused by whom (D9.1).
        given_kept_quarters: For how many quarters of an hour the leads given to managers are
            remembered, because of caps (D5.5); 0 for not at all.
        kinds: Ledger to what its leads are told apart in (D3.9); ledgers without any are missing.
        trusts_webhooks: Whether what only hooks tell of a lead is written without reading it.
        counts_tasks: Whether it matters how many open tasks managers have (D5.6).
        makes_tasks: Whether a rule gives managers tasks (D12.2).
        only_by_triggers: Stages whose rules all take those leads alone that a trigger fires for.
        triggers: The rules of which a trigger on a stage tells of every lead that comes there.
    """

    revision: int
    rules: tuple[Rule, ...]
    by_stage: dict[Stage, tuple[Rule, ...]]
    by_id: dict[str, Rule]
    absences: Absences | None
    activity: ActivitySection
    reads_within: timedelta = timedelta(seconds=60)
    given_kept_quarters: int = 0
    kinds: dict[str, tuple[Dimension, ...]] = field(default_factory=dict)
    trusts_webhooks: bool = True
    counts_tasks: bool = False
    makes_tasks: bool = False
    only_by_triggers: frozenset[Stage] = frozenset()
    triggers: dict[Stage, tuple[str, ...]] = field(default_factory=dict)

    def participant_ids(self, ledger: str | None = None) -> tuple[int, ...]:
        """Everyone in any rule, or in any rule of a ledger, ascending."""
        found = {
            p.manager_id: None
            for rule in self.rules
            if ledger in (None, rule.ledger)
            for p in rule.participants
        }
        return tuple(sorted(found))

    def has_kind(self, ledger: str, kind: LeadKind) -> bool:
        """Whether leads of the ledger are told apart in this kind."""
        dimensions = self.kinds.get(ledger, ())
        return any(each.what == kind.what and each.keeps(kind.kind) for each in dimensions)


NO_RULES = Configuration(
    revision=0, rules=(), by_stage={}, by_id={}, absences=None, activity=ActivitySection()
)


def problems(file: RulesFile) -> list[Problem]:
    """What is wrong with the file beyond single fields; empty when it can be applied.

    Returns:
        Pairs of the path of the field and what is wrong there, in the order of the file.
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
    found.extend((("managers", *path), text) for path, text in manager_problems(file.managers))
    for number, absence in enumerate(file.absences):
        found.extend(
            (("absences", number, *path), text) for path, text in absence_problems(absence)
        )
    found.extend((("swaps", *path), text) for path, text in swap_problems(file.swaps))
    for name, ledger in file.ledgers.items():
        found.extend((("ledgers", name, *path), text) for path, text in kind_problems(ledger))
    seen: dict[str, int] = {}
    for number, rule in enumerate(file.rules):
        if rule.id in seen:
            twice = sentence("problem.rule_id_twice", rule=rule.id, first=seen[rule.id])
            found.append((("rules", number, "id"), twice))
        seen.setdefault(rule.id, number)
        found.extend((("rules", number, *path), text) for path, text in _rule_problems(rule, file))
    return found


def compile_rules(
    data: dict[str, Any],
    *,
    revision: int,
    timezone: str,
    active_user_ids: Sequence[int],
    silent: Collection[tuple[str, Stage]] = (),
) -> Configuration:
    """Compile a rules file that has no problems.

    Args:
        data: The file as JSON data.
        revision: Its number in the account, for the decisions to name.
        timezone: The account's zone, for everything without one of its own.
        active_user_ids: Who takes part in a rule that lists nobody (D2.1).
        silent: Rules and their stages on which they take nothing, as their trigger is gone (D1.8).
    """
    file = RulesFile.model_validate(data)
    zone = file.timezone or timezone
    schedules = {name: compile_schedule(s, zone) for name, s in file.schedules.items()}
    default = schedules[file.default_schedule] if file.default_schedule else None
    rosters = Rosters(file, zone)
    kinds = compile_kinds(file.ledgers)
    sections = [rule for rule in file.rules if rule.enabled]
    rules = tuple(
        replace(
            _compile_rule(rule, schedules, default, rosters, active_user_ids),
            kinds=kinds.get(rule.ledger, ()) if rule.policy == "fair_share" else (),
            registry=_registry(rule, file, zone),
        )
        for rule in sections
    )
    by_stage: dict[Stage, tuple[Rule, ...]] = {}
    triggers: dict[Stage, tuple[str, ...]] = {}
    for section, rule in zip(sections, rules, strict=True):
        for each in section.stages:
            stage = each.as_stage()
            if section.widget is not None and not rule.only_by_trigger:
                triggers[stage] = (*triggers.get(stage, ()), rule.rule_id)
                if (rule.rule_id, stage) in silent:
                    continue
            before = by_stage.get(stage, ())
            if all(other.conditions and other is not rule for other in before):
                by_stage[stage] = (*before, rule)
    return Configuration(
        revision=revision,
        rules=rules,
        by_stage=by_stage,
        by_id={rule.rule_id: rule for rule in rules},
        absences=compile_absences(file.absences, zone),
        activity=file.activity,
        reads_within=timedelta(seconds=file.read_within_s),
        kinds=kinds,
        given_kept_quarters=max(
            (p.caps.kept_quarters for rule in rules for p in rule.participants if p.caps), default=0
        ),
        # Who applies rules says which; what was applied before that could be said trusted them.
        counts_tasks=any(
            rule.limit_tasks or any(p.limit_tasks for p in rule.participants) for rule in sections
        ),
        makes_tasks=any(rule.telling is not None and rule.telling.task for rule in rules),
        only_by_triggers=frozenset(
            stage
            for stage, covering in by_stage.items()
            if all(each.only_by_trigger for each in covering)
        ),
        triggers=triggers,
        trusts_webhooks=file.trust_webhooks or "trust_webhooks" not in file.model_fields_set,
    )


def _unknown_schedule(name: str, file: RulesFile) -> Sentence:
    known = tuple(sorted(file.schedules))
    hint = sentence("hint.known", known=known) if known else sentence("hint.none")
    return sentence("problem.schedule_unknown", given=name, hint=hint)


def _rule_problems(rule: RuleSection, file: RulesFile) -> list[Problem]:
    found: list[Problem] = []
    for number, stage in enumerate(rule.stages):
        if stage.stage in CLOSED_STATUSES:
            found.append((("stages", number, "stage"), sentence("problem.stage_closed")))
    found.extend(_participant_problems(rule, file))
    if rule.widget is not None and (named := rule.widget.schedule) not in (None, *file.schedules):
        found.append((("widget", "schedule"), _unknown_schedule(named or "", file)))
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
            first = seen[participant.manager]
            twice = sentence("problem.manager_twice", manager=participant.manager, first=first)
            yield (*at, "manager"), twice
        seen.setdefault(participant.manager, number)
        if participant.schedule is not None and participant.schedule not in file.schedules:
            yield (*at, "schedule"), _unknown_schedule(participant.schedule, file)
    if rule.participants and all(p.coefficient == 0 for p in rule.participants):
        yield ("participants",), sentence("problem.all_excluded")


def _registry(rule: RuleSection, file: RulesFile, zone: str) -> Registry | None:
    if rule.policy != "fewest_given":
        return None
    section = file.registries.get(rule.registry, RegistrySection())
    return Registry(rule.registry, section.period, zone)


def _compile_rule(
    rule: RuleSection,
    schedules: dict[str, Schedule],
    default: Schedule | None,
    rosters: Rosters,
    active_user_ids: Sequence[int],
) -> Rule:
    sections = rule.participants or [_everybody(user_id, rule) for user_id in active_user_ids]
    named = {section.manager: section.schedule for section in sections}
    participants = [
        _compile_participant(
            p, rule, rosters.schedule_of(p.manager, p.schedule, named), rosters.zone_of(p.manager)
        )
        for p in sections
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
        shift_end=compile_shift_end(rule.at_shift_end) if rule.at_shift_end else None,
        first_touch_target=_minutes(rule.first_touch_target_minutes),
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
        telling=compile_telling(rule.tell) if rule.tell else None,
        only_by_trigger=rule.widget is not None and rule.widget.has_conditions_of_its_own,
    )


def _everybody(user_id: int, rule: RuleSection) -> ParticipantSection:
    """How an active user takes part in a rule that lists nobody (D2.1)."""
    schedule = rule.widget.schedule if rule.widget else None
    return ParticipantSection(manager=user_id, schedule=schedule)


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
        caps=compile_caps(rule.caps, section.caps, place, instead=section.caps_instead),
        task_limit=compile_task_limit(section.limit_tasks, rule.limit_tasks),
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
