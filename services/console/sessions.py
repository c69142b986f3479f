"""The cookie of a session, as a browser gets and loses it (W7)."""

from starlette.responses import Response

from services.access.sessions import COOKIE
from services.web.premises import Premises

DAY_S = 86_400


def give_session(answer: Response, premises: Premises, cookie: str) -> None:
    """Have the browser keep it; to scripts it is not there."""
    keep_session(answer, cookie, days=premises.access.settings.session_days)


def keep_session(answer: Response, cookie: str, *, days: int) -> None:
    """The same for so many days."""
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=days * DAY_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def take_session(answer: Response) -> None:
    """Have the browser forget it."""
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
