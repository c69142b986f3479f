"""The managers of an account: who they are, whether they take leads, and what they have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.configuration import NO_RULES, Configuration
from projections import fairness, loads, pauses, readings
from projections.fairness import Share
from projections.pauses import Pause
from services.application.compiled import compiled
from services.application.cover import is_present
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.private import in_clear
from services.application.refused import Refused
from services.application.rules import left_users_of, users_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import Connection, borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMember:
    """A manager.

    Attributes:
        name: In Kommo; None for one whom it does not list any more.
        is_active: Whether Kommo lets them in, as far as we know.
        rule_ids: Of the rules in force that they take part in.
        open_leads: That they have, in all stages.
        pause: In force.
        absent_until: When they return from an absence that is now; None without one.
        is_at_work: Whether they take leads of any rule now, as far as hours, absences and pauses
            go.
        shares: What they got in each ledger.
    """

    manager_id: int
    name: str | None
    is_active: bool
    rule_ids: tuple[str, ...]
    open_leads: int
    pause: Pause | None
    absent_until: datetime | None
    is_at_work: bool
    shares: tuple[Share, ...]


async def team(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> Sequence[TeamMember]:
    """Everybody whom Kommo lists, who is in a rule, or who ever got a lead, by id.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    return await _members(installation, account, now)


async def member(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    now: datetime,
) -> TeamMember:
    """One of them; oneself with `self`.

    Raises:
        Refused: They may not look, or nobody has that id.
    """
    principal.require_own("read", manager_id)
    for each in await _members(installation, account, now):
        if each.manager_id == manager_id:
            return each
    raise Refused("manager_unknown", manager=manager_id)


async def configuration_of(connection: Connection, account: RegisteredAccount) -> Configuration:
    """The rules in force, compiled; those without anything if there are none."""
    known = await readings.rules_of(connection, account.account_id)
    if known is None:
        return NO_RULES
    revision, rules = known
    return compiled(
        rules,
        revision=revision,
        timezone=account.timezone,
        active_user_ids=sorted({*(users_of(account) or {})} - left_users_of(account)),
    )


async def _members(
    installation: Installation, account: RegisteredAccount, now: datetime
) -> list[TeamMember]:
    account_id = account.account_id
    async with borrow_to_read(installation.pool) as connection:
        rules = await configuration_of(connection, account)
        shares = await fairness.of_account(connection, account_id)
        open_leads = await loads.of_account(connection, account_id)
        paused = {each.manager_id: each for each in await pauses.of_account(connection, account_id)}
    told = await in_clear(installation, account_id, [each.reason for each in paused.values()])
    paused = {
        each.manager_id: replace(each, reason=reason)
        for each, reason in zip(paused.values(), told, strict=True)
    }
    names, left = users_of(account) or {}, left_users_of(account)
    counts: dict[int, int] = {}
    own: dict[int, list[Share]] = {}
    for share in shares:
        own.setdefault(share.manager_id, []).append(share)
    for load in open_leads:
        counts[load.manager_id] = counts.get(load.manager_id, 0) + load.open_leads
    everybody = {*names, *counts, *rules.participant_ids(), *own}
    return [
        _member(
            manager_id,
            rules,
            names=names,
            is_active=not names or manager_id in names.keys() - left,
            open_leads=counts.get(manager_id, 0),
            pause=_in_force(paused.get(manager_id), now),
            shares=tuple(own.get(manager_id, ())),
            now=now,
        )
        for manager_id in sorted(everybody)
    ]


def _member(
    manager_id: int,
    rules: Configuration,
    *,
    names: Mapping[int, str],
    is_active: bool,
    open_leads: int,
    pause: Pause | None,
    shares: tuple[Share, ...],
    now: datetime,
) -> TeamMember:
    own = [
        (rule, part)
        for rule in rules.rules
        for part in rule.participants
        if part.manager_id == manager_id
    ]
    absences = rules.absences
    absent_until = None if absences is None else absences.absent_until(manager_id, now)
    is_there = any(
        part.weight and is_present(rules, manager_id, part.schedule, pause, now) for _, part in own
    )
    return TeamMember(
        manager_id=manager_id,
        name=names.get(manager_id),
        is_active=is_active,
        rule_ids=tuple(rule.rule_id for rule, _ in own),
        open_leads=open_leads,
        pause=pause,
        absent_until=absent_until,
        is_at_work=is_there and is_active,
        shares=shares,
    )


def _in_force(pause: Pause | None, now: datetime) -> Pause | None:
    """The clock may not have spoken up yet."""
    ended = pause is not None and pause.until is not None and pause.until <= now
    return None if ended else pause
