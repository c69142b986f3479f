"""What a user of Kommo may here: what was granted to them, and what Kommo says of them (S7).

A token says nothing of it: whoever owns an integration can write any.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple, get_args

import structlog

from contracts.kommo.pages import Odd
from services.access.roles import ROLES, Scope
from services.access.widget_sessions import WidgetRole, WidgetSessions
from services.application.installation import Installation
from services.application.kommo import kommo_of, refusals_of_kommo
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.rules import left_users_of, users_of
from services.kommo.limiter import Priority
from services.shared.errors import Unavailable
from services.storage.accounts import RegisteredAccount

log = structlog.get_logger(__name__)

KNOWN_S = 600.0
# Kommo did not tell: asked again soon, and not by everybody at once.
UNKNOWN_S = 30.0
ASKED_WITHIN_S = 4.0
KEPT_MAX = 10_000
RANK: tuple[WidgetRole, ...] = get_args(WidgetRole)
SCOPES: Mapping[WidgetRole, frozenset[Scope]] = {
    "none": frozenset(),
    "manager": ROLES["manager"],
    "supervisor": ROLES["manager"] | ROLES["supervisor"],
    "administrator": ROLES["manager"] | ROLES["administrator"],
}


class UserRights(NamedTuple):
    """What Kommo says of a user."""

    is_active: bool
    is_administrator: bool


@dataclass(slots=True)
class RightsInKommo:
    """What Kommo said of users in the last ten minutes."""

    kept: OrderedDict[tuple[int, int], tuple[float, UserRights | None]] = field(
        default_factory=OrderedDict
    )

    async def of(
        self, installation: Installation, account: RegisteredAccount, user_id: int
    ) -> UserRights | None:
        """What it says, by the account's token; None if it does not tell now."""
        key = (account.account_id, user_id)
        known_until, found = self.kept.get(key, (0.0, None))
        if monotonic() < known_until:
            return found
        found = await _asked(installation, account, user_id)
        self.kept[key] = (monotonic() + (UNKNOWN_S if found is None else KNOWN_S), found)
        self.kept.move_to_end(key)
        while len(self.kept) > KEPT_MAX:
            self.kept.popitem(last=False)
        return found


async def role_of(
    installation: Installation,
    account: RegisteredAccount,
    user_id: int,
    *,
    sessions: WidgetSessions,
    rights: RightsInKommo,
) -> WidgetRole:
    """What a user is to the widget.

    Where Kommo does not tell, nobody is more than was granted to them here, or than a manager whom
    its last list has.
    """
    told = await rights.of(installation, account, user_id)
    if told is None:
        names, left = users_of(account) or {}, left_users_of(account)
        told = UserRights(user_id in names.keys() - left, is_administrator=False)
    if not told.is_active:
        return "none"
    granted = await sessions.granted(account.account_id, user_id)
    held: list[WidgetRole] = [each for each in RANK if each in granted]
    return max((*held, "administrator" if told.is_administrator else "manager"), key=RANK.index)


def principal_of(
    user_id: int, role: WidgetRole, *, whence: str = "", request_id: str = ""
) -> Principal:
    """The user as everything else knows whoever asks."""
    return Principal(
        id=f"kommo:{user_id}",
        scopes=SCOPES[role],
        manager_id=user_id,
        whence=whence,
        request_id=request_id,
    )


async def _asked(
    installation: Installation, account: RegisteredAccount, user_id: int
) -> UserRights | None:
    if not await installation.accounts.may_read_tokens():
        return None  # whoever serves people has none (S18)
    try:
        async with asyncio.timeout(ASKED_WITHIN_S), kommo_of(installation, account) as client:
            with refusals_of_kommo(account.base_url):
                user = await client.user(user_id, priority=Priority.LOOKUP)
    except Refused as refused:
        if refused.code == "no_such_account":  # 404: the account has no such user
            return UserRights(is_active=False, is_administrator=False)
        log.warning("rights_unread", account_id=account.account_id, because=refused.code)
        return None
    except (TimeoutError, Unavailable) as error:
        log.warning("rights_unread", account_id=account.account_id, because=type(error).__name__)
        return None
    if isinstance(user, Odd):
        return None
    return UserRights(is_active=user.is_active and not user.is_free, is_administrator=user.is_admin)
