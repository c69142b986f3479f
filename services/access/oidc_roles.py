"""What groups of an identity provider mean here, as a setting says it."""

from collections.abc import Iterable
from typing import get_args

from services.access.grants import Grant
from services.access.roles import Role

EXPECTED = "expected GROUP=ROLE@ACCOUNT, or GROUP=ROLE for every account, with commas"
ID_MAX = 2**63 - 1


def parse_roles(text: str) -> tuple[tuple[str, Grant], ...]:
    """Groups and what they give: `sales-heads=supervisor@32000001, it=operator`.

    `manager` cannot be given so: nobody would know who they are in Kommo.

    Raises:
        ValueError: It is not written so.
    """
    return tuple(_parsed(part.strip()) for part in text.split(",") if part.strip())


def grants_of_groups(
    roles: Iterable[tuple[str, Grant]], groups: Iterable[str]
) -> tuple[Grant, ...]:
    """What somebody in these groups holds."""
    member = frozenset(groups)
    return tuple(dict.fromkeys(grant for group, grant in roles if group in member))


def _parsed(part: str) -> tuple[str, Grant]:
    # A group's name may have an equals sign of its own: `cn=it`.
    group, _, given = part.rpartition("=")
    name, at, account = given.partition("@")
    role = next((each for each in get_args(Role) if each == name.strip()), None)
    is_account = account.strip().isascii() and account.strip().isdecimal()
    if not group.strip() or role in (None, "manager") or (at and not is_account):
        raise ValueError(EXPECTED)
    account_id = int(account) if at else None
    if account_id is not None and (not 0 < account_id <= ID_MAX or role == "operator"):
        raise ValueError(EXPECTED)
    assert role is not None, "refused above"  # noqa: S101
    return group.strip(), Grant(account_id=account_id, role=role)
