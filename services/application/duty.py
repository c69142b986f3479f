"""Who has duty, now and in the days to come, by the rules in force (D7.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.application.cover import Cover, covered, is_present, on_clock, paused_people
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.span import Span, check_length, zone_of
from services.application.team import configuration_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyAhead:
    """Who will have duty for a rule.

    Attributes:
        covers: Without a gap; managers in the order in which they are asked.
        fallback_id: Who takes the lead whenever nobody of the rota has duty.
    """

    rule_id: str
    covers: tuple[Cover, ...]
    fallback_id: int | None


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
        paused = await paused_people(connection, account)
    return [
        DutyNow(
            rule_id=rule.rule_id,
            manager_ids=tuple(
                each.manager_id
                for each in rule.rota.managers
                if is_present(
                    rules, each.manager_id, each.schedule, paused.get(each.manager_id), now
                )
            ),
            fallback_id=rule.rota.fallback_id,
        )
        for rule in rules.rules
        if rule.rota is not None
    ]


async def duty_ahead(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    span: Span,
) -> Sequence[DutyAhead]:
    """Who will have duty when, for each rule that names somebody, as far as is known now.

    Raises:
        Refused: They may not look, or the span is too long.
    """
    principal.require("read")
    check_length(span)
    async with borrow_to_read(installation.pool) as connection:
        rules = await configuration_of(connection, account)
        paused = await paused_people(connection, account)
    zone = zone_of(account.timezone)
    found: list[DutyAhead] = []
    for rule in rules.rules:
        if rule.rota is None:
            continue
        people = [(each.manager_id, each.schedule) for each in rule.rota.managers]
        covers = on_clock(covered(rules, people, paused, span), zone)
        found.append(
            DutyAhead(rule_id=rule.rule_id, covers=tuple(covers), fallback_id=rule.rota.fallback_id)
        )
    return found
