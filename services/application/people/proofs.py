"""A password as somebody may have it, and codes that are taken wherever one is asked for."""

from datetime import datetime

from services.access.grants import Grant
from services.access.password_rules import LENGTH_MAX, LENGTH_MIN, password_problem
from services.access.roles import Role
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.refused import Refused

# Whoever may change who may, or the installation, shows two things.
NEED_CODES: frozenset[Role] = frozenset({"administrator", "operator"})


def need_codes(grants: tuple[Grant, ...]) -> bool:
    """Whether a password alone is not enough for whoever holds these."""
    return any(each.role in NEED_CODES for each in grants)


def require_usable(password: str, *, name: str, login: str) -> None:
    """See that a password may be somebody's.

    Raises:
        Refused: It is short, common, or about them.
    """
    match password_problem(password, (name, login)):
        case "password_too_short":
            raise Refused("password_too_short", least=LENGTH_MIN)
        case "password_too_long":
            raise Refused("password_too_long", most=LENGTH_MAX)
        case "password_common":
            raise Refused("password_common")
        case "password_about_you":
            raise Refused("password_about_you")
        case None:
            pass


async def take_code(
    access: Access, person_id: int, code: str, caller: Caller, *, at: datetime
) -> str | None:
    """Take a code of somebody's app, or one of their recovery codes; how it was shown.

    None if it is neither, or was taken before.
    """
    if await access.codes.take(person_id, code, at=at):
        return "code"
    if await access.recovery.take(person_id, code):
        left = await access.recovery.left(person_id)
        await access.log.note(
            "recovery_code_used", caller, person_id=person_id, about=f"{left} left"
        )
        return "recovery code"
    return None
