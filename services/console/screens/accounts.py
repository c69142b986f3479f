"""Accounts: which is sick? (W4.12) Whoever has one alone lands there at once."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.overview import AccountOverview, overview_among
from services.console.moments import Moment, moment
from services.console.pages import installation_page
from services.console.seeing import Seeing, Signed
from services.console.todays import PLACES
from services.storage.accounts import RegisteredAccount

router = APIRouter()

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """An account in the list; one that somebody may not read shows its name alone.

    Attributes:
        mended_at: The screen below the account that tells more of the worst trouble.
        heard_at: When a webhook last told something new; None for never.
        token: How many days its token is good, in words; empty for one that is renewed.
    """

    account_id: int
    name: str
    troubles: tuple[str, ...]
    mended_at: str
    found: AccountOverview | None
    deviation: str
    heard_at: Moment | None
    token: str


@router.get("/")
async def get_start(who: Signed, all: Annotated[str, Query(max_length=1)] = "") -> Response:  # noqa: A002 - in the address
    """All that somebody may know of, the worst first; a reload puts them in order again."""
    connected = await who.installation.accounts.all()
    known = [each for each in connected if who.caller.in_account(each.account_id) is not None]
    may_operate = who.caller.at_large().may("operate")
    if connected and not known and may_operate and not all:
        return RedirectResponse("/operations", status_code=303)
    if len(known) == 1 and not all:
        return RedirectResponse(f"/a/{known[0].account_id}", status_code=303)
    found = await overview_among(who.installation, lambda each: _may_read(who, each), now=who.now)
    by_id = {each.account_id: each for each in known}
    readable = [each.account_id for each in found]
    others = [each for each in by_id if each not in readable]
    overviews = {each.account_id: each for each in found}
    return installation_page(
        "accounts.html",
        who,
        here="accounts",
        accounts=[_line(who, by_id[each], overviews.get(each)) for each in (*readable, *others)],
        may_operate=may_operate,
        of_others=len(connected) - len(known) if may_operate else 0,
    )


def _may_read(who: Seeing, account_id: int) -> bool:
    principal = who.caller.in_account(account_id)
    return principal is not None and principal.may("read")


def _line(who: Seeing, account: RegisteredAccount, found: AccountOverview | None) -> AccountLine:
    say = who.words.say
    ends_at = account.token_expires_at
    token = ""
    if account.client_id is None and ends_at is not None:
        days = int((ends_at - who.now).total_seconds() // DAY_S)
        token = say(sentence("console.accounts.token_days", count=days))
    return AccountLine(
        account_id=account.account_id,
        name=account.subdomain,
        troubles=()
        if found is None
        else tuple(say(sentence(f"accounts.trouble.{each}")) for each in found.troubles),
        mended_at=PLACES.get(found.troubles[0], "") if found and found.troubles else "",
        found=found,
        deviation="" if found is None else say(sentence("cell.leads", units=found.deviation_units)),
        heard_at=moment(who, found.heard_at) if found and found.heard_at else None,
        token=token,
    )
