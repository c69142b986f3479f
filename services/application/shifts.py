"""When who works, by the rules in force: shifts, how many are there, who has duty (D4, D7.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise

from contracts.rules import RulesFile
from domain.configuration import Configuration, Rule
from domain.schedule import Schedule, compile_schedule
from projections import pauses, readings
from projections.pauses import Pause
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import Span, check_length, zone_of
from services.application.team import configuration_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An interval in which somebody works, from an instant to another one, which is left out.

    Attributes:
        rule_id: For which rule; None where it is a schedule's.
    """

    start: datetime
    end: datetime
    rule_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """An interval in which the same people are at work for a rule.

    Attributes:
        manager_ids: On shift, and neither absent nor paused, as far as is known now.
    """

    start: datetime
    end: datetime
    manager_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyNow:
    """Who has duty for a rule.

    Attributes:
        manager_ids: Everybody of the rota who has it now, in the order in which they are asked.
        fallback_id: Who takes the lead whenever nobody of the rota has duty.
    """

    rule_id: str
    manager_ids: tuple[int, ...]
    fallback_id: int | None


async def shifts_of_schedule(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    name: str,
    *,
    span: Span,
) -> Sequence[Shift]:
    """The shifts of a schedule that lie in a span, cut to it, on the schedule's own clock.

    Raises:
        Refused: They may not look, there is no such schedule, or the span is too long.
    """
    principal.require("read")
    check_length(span)
    async with borrow_to_read(installation.pool) as connection:
        known = await readings.rules_of(connection, account.account_id)
    file = None if known is None else RulesFile.model_validate(known[1])
    if file is None or name not in file.schedules:
        raise Refused("schedule_unknown", schedule=name)
    schedule = compile_schedule(file.schedules[name], file.timezone or account.timezone)
    zone = zone_of(schedule.zone_name)
    return [
        Shift(start=start.astimezone(zone), end=end.astimezone(zone))
        for start, end in _open(schedule, span)
    ]


async def shifts_of_manager(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    span: Span,
) -> Sequence[Shift]:
    """When a manager works for which rule, without their absences; one's own with `self`.

    Raises:
        Refused: They may not look, or the span is too long.
    """
    principal.require_own("read", manager_id)
    check_length(span)
    async with borrow_to_read(installation.pool) as connection:
        rules = await configuration_of(connection, account)
    found: list[Shift] = []
    for rule in rules.rules:
        for part in rule.participants:
            if part.manager_id != manager_id or not part.weight:
                continue
            zone = _zone_of(part.schedule, account)
            present = _present(rules, manager_id, part.schedule, None, span)
            found += [
                Shift(start=a.astimezone(zone), end=b.astimezone(zone), rule_id=rule.rule_id)
                for a, b in present
            ]
    return sorted(found, key=lambda each: (each.start, each.rule_id or ""))


async def coverage(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    rule_id: str,
    *,
    span: Span,
) -> Sequence[Cover]:
    """Who is at work for a rule when, without a gap; nobody is an interval, too.

    Raises:
        Refused: They may not look, there is no such rule in force, or the span is too long.
    """
    principal.require("read")
    check_length(span)
    async with borrow_to_read(installation.pool) as connection:
        rules = await configuration_of(connection, account)
        paused = {
            each.manager_id: each
            for each in await pauses.of_account(connection, account.account_id)
        }
    rule = rules.by_id.get(rule_id)
    if rule is None:
        raise Refused("rule_unknown", rule=rule_id)
    zone = zone_of(account.timezone)
    return [
        Cover(start=a.astimezone(zone), end=b.astimezone(zone), manager_ids=at_work)
        for a, b, at_work in _covered(rules, rule, paused, span)
    ]


async def on_duty(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> Sequence[DutyNow]:
    """Who has duty at this moment, for each rule that names somebody.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        rules = await configuration_of(connection, account)
        paused = {
            each.manager_id: each
            for each in await pauses.of_account(connection, account.account_id)
        }
    return [
        DutyNow(
            rule_id=rule.rule_id,
            manager_ids=tuple(
                each.manager_id
                for each in rule.rota.managers
                if _is_present(
                    rules, each.manager_id, each.schedule, paused.get(each.manager_id), now
                )
            ),
            fallback_id=rule.rota.fallback_id,
        )
        for rule in rules.rules
        if rule.rota is not None
    ]


def _covered(
    rules: Configuration, rule: Rule, paused: dict[int, Pause], span: Span
) -> Iterator[tuple[datetime, datetime, tuple[int, ...]]]:
    changes: dict[datetime, list[tuple[int, bool]]] = {span.start: []}
    for part in rule.participants:
        if not part.weight:
            continue
        pause = paused.get(part.manager_id)
        for start, end in _present(rules, part.manager_id, part.schedule, pause, span):
            changes.setdefault(start, []).append((part.manager_id, True))
            changes.setdefault(end, []).append((part.manager_id, False))
    there: set[int] = set()
    instants = [*sorted(changes), span.end]
    for at, until in pairwise(instants):
        for manager_id, comes in sorted(changes[at], key=lambda each: each[1]):
            (there.add if comes else there.discard)(manager_id)
        if at < until:
            yield at, until, tuple(sorted(there))


def _present(
    rules: Configuration,
    manager_id: int,
    schedule: Schedule | None,
    pause: Pause | None,
    span: Span,
) -> Iterator[tuple[datetime, datetime]]:
    """When they are there, as intervals that do not touch."""
    begun: datetime | None = None
    at = span.start
    while at < span.end:
        until = min(_sure_until(rules, manager_id, schedule, pause, at), span.end)
        is_there = _is_present(rules, manager_id, schedule, pause, at)
        if is_there and begun is None:
            begun = at
        if not is_there and begun is not None:
            yield begun, at
            begun = None
        at = until
    if begun is not None:
        yield begun, span.end


def _is_present(
    rules: Configuration,
    manager_id: int,
    schedule: Schedule | None,
    pause: Pause | None,
    at: datetime,
) -> bool:
    is_paused = pause is not None and (pause.until is None or at < pause.until)
    is_absent = rules.absences is not None and rules.absences.is_absent(manager_id, at)
    return not is_paused and not is_absent and (schedule is None or schedule.is_open(at))


def _sure_until(
    rules: Configuration,
    manager_id: int,
    schedule: Schedule | None,
    pause: Pause | None,
    at: datetime,
) -> datetime:
    """Until when the answer of `_is_present` does not change, at least."""
    untils = [datetime.max.replace(tzinfo=at.tzinfo)]
    if schedule is not None:
        untils.append(schedule.state_at(at)[1])
    if rules.absences is not None:
        changes = rules.absences.state_at(manager_id, at)[1]
        untils += [] if changes is None else [changes]
    if pause is not None and pause.until is not None and pause.until > at:
        untils.append(pause.until)
    return min(untils)


def _open(schedule: Schedule, span: Span) -> Iterator[tuple[datetime, datetime]]:
    """Its shifts, as far as they lie in the span."""
    at = span.start
    while at < span.end:
        is_open, until = schedule.state_at(at)
        end = min(until, span.end)
        if is_open:
            yield at, end
        at = end


def _zone_of(schedule: Schedule | None, account: RegisteredAccount) -> tzinfo:
    return zone_of(account.timezone if schedule is None else schedule.zone_name)
