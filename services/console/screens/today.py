"""Today: is all well? (W4.1)."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from services.application.attendance import everybody
from services.application.next_able import next_able
from services.application.operations import reach
from services.application.setting_up import setting_up
from services.application.span import DAY, Span
from services.application.speed import speed
from services.application.today import today
from services.console.gathering import Gathering
from services.console.moments import not_yet
from services.console.names import knowing_rules, rule_of
from services.console.pages import Parts, account_page
from services.console.portions import First, portion
from services.console.seeing import InAccount
from services.console.shapes import decision_line, mate_line, waiting_line
from services.console.speeds import speed_line
from services.console.todays import next_line, problem_line

router = APIRouter()


@router.get("/a/{account_id}")
async def get_today(who: InAccount, only: Parts, first: First = 0) -> Response:
    """How the account does now; whoever may see only themselves goes to their own page."""
    if not who.principal.may("read") and who.principal.manager_id is not None:
        return RedirectResponse(f"{who.base}/me", status_code=303)
    place = (who.installation, who.account, who.principal)
    version, head = await reach(who.installation, who.account.account_id)
    found = await today(*place, shown=version, head=head, now=who.now)
    who = knowing_rules(who, found.condition.rule_names)
    is_first = found.condition.vitals.decided_at is None and not found.last
    gathering = Gathering(who)
    team = await gathering.part(
        "team",
        everybody(
            who.installation,
            who.premises.present,
            who.account,
            who.principal,
            now=who.now,
            shares=found.condition.shares,
        ),
    )
    nexts = await gathering.part(
        "next", next_able(who.premises.present, who.account, who.principal, now=who.now)
    )
    legs = await gathering.part(
        "speed",
        speed(*place, span=Span(start=who.now - DAY, end=who.now), by="rule", now=who.now),
    )
    mates, part = portion(team.mates if team else (), first, address="?first={}#team-title".format)
    return account_page(
        "today.html",
        who,
        here="today",
        only=only,
        shown=str(version),
        seen=found.condition,
        not_yet=None if found.unshown_at is None else not_yet(who, found.unshown_at),
        failed=gathering.failed,
        got_today=None if team is None else team.got_today,
        problems=[problem_line(who, each) for each in found.problems],
        begun=await setting_up(*place) if is_first else None,
        team=[mate_line(who, each, team.day) for each in mates] if team else [],
        team_part=part,
        next=[next_line(who, each) for each in nexts or ()],
        waiting=[waiting_line(who, each) for each in found.waiting],
        speed=[speed_line(who, each, rule_of(who, str(each.of))) for each in legs or ()],
        last=[decision_line(who, each) for each in found.last],
    )
