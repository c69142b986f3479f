"""What several answers of the widget's server have in common."""

from datetime import datetime

from services.application.team import TeamMember
from services.application.widget.standing import MemberState, Myself, state_of
from services.web.models import Output


class OwnPauseShape(Output):
    """That whoever asks takes no leads now; `by_self`: they may end it themselves."""

    until: datetime | None
    reason: str
    by_self: bool


class MeShape(Output):
    """Whoever asks, and what they may."""

    user_id: int
    role: str
    may_edit_rules: bool
    may_pause: bool
    pause: OwnPauseShape | None


class ActivityShape(Output):
    """Whether people may be paused (D9.1)."""

    enabled: bool
    managers_may_change: bool


class ManagerShape(Output):
    """A colleague."""

    id: int
    name: str
    state: MemberState
    paused_until: datetime | None


def me_shape(me: Myself) -> MeShape:
    """Whoever asks."""
    pause = me.pause
    return MeShape(
        user_id=me.user_id,
        role=me.role,
        may_edit_rules=me.may_edit_rules,
        may_pause=me.may_pause,
        pause=None
        if pause is None
        else OwnPauseShape(until=pause.until, reason=pause.reason, by_self=pause.by_self),
    )


def manager_shape(member: TeamMember) -> ManagerShape:
    """A colleague; one whose name nobody knows is told by number."""
    return ManagerShape(
        id=member.manager_id,
        name=member.name or str(member.manager_id),
        state=state_of(member),
        paused_until=None if member.pause is None else member.pause.until,
    )
