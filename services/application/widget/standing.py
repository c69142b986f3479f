"""How somebody and their colleagues stand, as the widget's screens show it (D9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.state import Account
from services.access.widget_sessions import WidgetRole
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.team import TeamMember, member, team
from services.storage.accounts import RegisteredAccount

MemberState = Literal["at_work", "off_shift", "absent", "paused", "inactive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPause:
    """That somebody takes no leads now.

    Attributes:
        by_self: They may end it themselves (D9.2).
    """

    until: datetime | None
    reason: str
    by_self: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Myself:
    """Whoever works in the widget, and what they may there.

    Attributes:
        may_pause: Themselves; others too, if they have `activity`.
    """

    user_id: int
    role: WidgetRole
    may_edit_rules: bool
    may_pause: bool
    pause: OwnPause | None


def state_of(member_: TeamMember) -> MemberState:
    """What somebody is now, the first that applies."""
    if not member_.is_active:
        return "inactive"
    if member_.pause is not None:
        return "paused"
    if member_.absent_until is not None:
        return "absent"
    return "at_work" if member_.is_at_work else "off_shift"


async def colleagues(
    installation: Installation, account: RegisteredAccount, principal: Principal, *, now: datetime
) -> Sequence[TeamMember]:
    """Whom somebody may know of: everybody, or themselves alone."""
    if principal.may("read"):
        return await team(installation, account, principal, now=now)
    own = await _own(installation, account, principal, now)
    return () if own is None else (own,)


async def myself(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    state: Account,
    *,
    role: WidgetRole,
    now: datetime,
) -> Myself:
    """Whoever asks; what they may not do, nobody offers them (W3.2)."""
    activity = state.configuration.activity
    own = await _own(installation, account, principal, now)
    pause = None if own is None else own.pause
    is_own = principal.may("self") and activity.managers_may_change
    assert principal.manager_id is not None, "who works in the widget is somebody in Kommo"  # noqa: S101
    return Myself(
        user_id=principal.manager_id,
        role=role,
        may_edit_rules=principal.may("rules"),
        may_pause=activity.enabled and (principal.may("activity") or is_own),
        pause=None
        if pause is None
        else OwnPause(until=pause.until, reason=pause.reason, by_self=not pause.by_administrator),
    )


async def _own(
    installation: Installation, account: RegisteredAccount, principal: Principal, now: datetime
) -> TeamMember | None:
    if principal.manager_id is None or not principal.may("self"):
        return None
    try:
        return await member(installation, account, principal, principal.manager_id, now=now)
    except Refused:
        return None  # an administrator who takes no leads, whom no list has yet
