"""Each component in every state (W6), of nobody's data: for whoever makes a screen."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.attendance import Attendance
from services.console.hours import HoursBar
from services.console.moments import moment_in
from services.console.pages import installation_page
from services.console.receipts import EFFECTS, Told, Version, receipt
from services.console.seeing import Seeing, Signed
from services.console.shapes import MateLine
from services.web.problems import HttpProblem

router = APIRouter()
ZONE = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 10, 25, 8, 0, tzinfo=UTC)
# Today, another day, and the hour that there is twice.
INSTANTS = (
    datetime(2026, 10, 25, 7, 41, tzinfo=UTC),
    datetime(2026, 10, 24, 7, 41, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
)
STATES: tuple[Attendance, ...] = (
    "at_work",
    "full",
    "off_shift",
    "absent",
    "paused",
    "inactive",
)
MATE = MateLine(
    manager_id=1,
    name="Ana",
    href="#g-table",
    attendance="at_work",
    state="",
    until="",
    reason="",
    got_today=12,
    places="3 / 10",
    deviation="+0.750",
    bar=(60, 22.5),
    is_above=True,
    hours=HoursBar(
        pieces=((90, 40), (140, 40)), now_x=120, text="09:00\N{EN DASH}13:00, 14:00\N{EN DASH}18:00"
    ),
    is_paused=False,
    has_duty_only=False,
    may_pause=False,
    may_resume=False,
)
BELOW = replace(MATE, name="Bruno", deviation="-2.000", bar=(0, 60), is_above=False)
UNKNOWN = replace(MATE, name="Maximiliana-Aleksandrovna " * 3, deviation="", bar=None)


@router.get("/_gallery")
async def get_gallery(who: Signed, told: Told = "", version: Version = "") -> Response:
    """All of them."""
    _require(who)
    mates = [
        replace(
            line, attendance=state, state=who.words.say(sentence(f"console.attendance.{state}"))
        )
        for state, line in zip(STATES, (MATE, BELOW, UNKNOWN) * 2, strict=True)
    ]
    receipts = [receipt(who, effect, "412") for effect in EFFECTS]
    return installation_page(
        "gallery.html",
        who,
        here="gallery",
        mates=mates,
        moments=[moment_in(ZONE, at, now=NOW) for at in INSTANTS],
        receipts=[*receipts, receipt(who, told, version)],
    )


@router.post("/_gallery")
async def post_gallery(who: Signed) -> Response:
    """A deed that does nothing, so that its receipt is seen."""
    _require(who)
    return RedirectResponse("/_gallery?told=unchanged", status_code=303)


def _require(who: Seeing) -> None:
    is_allowed = who.premises.settings.gallery or who.caller.at_large().may("operate")
    if not is_allowed:
        raise HttpProblem("not-found")
