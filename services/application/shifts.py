"""When who works, by the rules in force: shifts, and who is there for a rule (D4)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from contracts.rules import RulesFile
from domain.configuration import Rule
from domain.schedule import Schedule, compile_schedule
from projections import readings
from services.application.compiled import compiled
from services.application.cover import Cover, covered, on_clock, paused_people, present
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.rules import users_of
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
            there = present(rules, manager_id, part.schedule, None, span)
            found += [
                Shift(start=a.astimezone(zone), end=b.astimezone(zone), rule_id=rule.rule_id)
                for a, b in there
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
        paused = await paused_people(connection, account)
    rule = rules.by_id.get(rule_id)
    if rule is None:
        raise Refused("rule_unknown", rule=rule_id)
    return on_clock(covered(rules, _takers(rule), paused, span), zone_of(account.timezone))


async def coverage_by(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    file: RulesFile,
    rule_ids: Collection[str],
    *,
    span: Span,
) -> dict[str, Sequence[Cover]]:
    """The same of some rules of a file that has no problems, whether or not it is in force.

    Raises:
        Refused: They may not look, or the span is too long.
    """
    principal.require("read")
    check_length(span)
    rules = compiled(
        file.model_dump(mode="json", by_alias=True, exclude_unset=True),
        revision=0,
        timezone=account.timezone,
        active_user_ids=sorted(users_of(account) or {}),
    )
    async with borrow_to_read(installation.pool) as connection:
        paused = await paused_people(connection, account)
    zone = zone_of(account.timezone)
    return {
        rule.rule_id: on_clock(covered(rules, _takers(rule), paused, span), zone)
        for rule in rules.rules
        if rule.rule_id in rule_ids
    }


def _takers(rule: Rule) -> list[tuple[int, Schedule | None]]:
    """Who takes leads of a rule on which schedule, by id."""
    found = [(part.manager_id, part.schedule) for part in rule.participants if part.weight]
    return sorted(found, key=lambda each: each[0])


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
