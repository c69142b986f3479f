"""Today: is all well? (W4.1)."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from services.application.operations import shown
from services.application.setting_up import setting_up
from services.application.today import today
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
    version = await shown(who.installation, who.account.account_id)
    found = await today(
        who.installation,
        who.premises.present,
        who.account,
        who.principal,
        shown=version,
        now=who.now,
    )
    who = knowing_rules(who, found.condition.rule_names)
    is_first = found.condition.vitals.decided_at is None and not found.last
    mates, part = portion(found.team.mates, first, address="?first={}#team-title".format)
    return account_page(
        "today.html",
        who,
        here="today",
        only=only,
        shown=str(version),
        seen=found.condition,
        not_yet=None if found.unshown_at is None else not_yet(who, found.unshown_at),
        got_today=found.team.got_today,
        problems=[problem_line(who, each) for each in found.problems],
        begun=await setting_up(*place) if is_first else None,
        team=[mate_line(who, each, found.team.day) for each in mates],
        team_part=part,
        next=[next_line(who, each) for each in found.next_able],
        waiting=[waiting_line(who, each) for each in found.waiting],
        speed=[speed_line(who, each, rule_of(who, str(each.of))) for each in found.speed],
        last=[decision_line(who, each) for each in found.last],
    )
