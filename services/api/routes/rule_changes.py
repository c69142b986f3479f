"""The rules: put in force by whoever saw the ones before, and looked over (A4)."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import Field

from services.api.asking import AccountVisit, OfAccount
from services.api.commanded import CommandOutcome, command_answers, tell
from services.api.ordering import ConfirmLeads, PreferHeader, RulesNote, wait_of
from services.api.preconditions import HEADER, IfMatch, number_in, tag_of
from services.api.resource import problem, resource
from services.api.rules_text import BODY, RemarkItem, remark_item, rules_in, unusable
from services.api.times import Instant, told
from services.application import rules
from services.application.commands import Once
from services.application.refused import Refused
from services.application.rules import AppliedRules, RulesRefused
from services.web.faults import say
from services.web.models import Output
from services.web.problems import FieldError, HttpProblem

router = resource("rules")

PRECONDITIONS: dict[int | str, dict[str, Any]] = {
    412: problem("Other rules are in force than you saw: which, and by whom."),
    428: problem("`If-Match` is missing."),
}


class RulesOutcome(Output):
    """What putting rules in force came to.

    Attributes:
        revision: The new one; null if these were in force already, or while it is not decided.
    """

    command: CommandOutcome
    revision: int | None = Field(ge=1, examples=[8])


class CheckedRulesBody(Output):
    """What there is to look at, in line order.

    Attributes:
        is_usable: Whether they can be put in force.
        counted_since: Where the last week was not counted since the account is younger: since
            when it is connected.
        moves: How many leads they would give out at once, or as soon as Kommo was read; null if
            they are not usable.
        is_more: Whether more would be: counting ends after some thousands.
        waits: How many would go on waiting, for these rules to decide them later.
        untouched: How many nobody has worked on yet, which these rules may pass on.
    """

    is_usable: bool
    remarks: list[RemarkItem]
    counted_since: Instant | None
    moves: int | None = Field(ge=0, description="Leads, at once.", examples=[12])
    is_more: bool | None = Field(description="Whether `moves` was not counted to its end.")
    waits: int | None = Field(ge=0, description="Leads that wait.", examples=[3])
    untouched: int | None = Field(ge=0, description="Leads whose clock runs.", examples=[5])


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesGiven:
    """Rules, the revision that they were made from, and the key that follows from both.

    So whoever lost the answer repeats, and gets it. No later state can be meant by the same: a
    revision never comes again.
    """

    text: bytes
    base_revision: int
    once: Once


async def given(
    request: Request, if_match: IfMatch = None, prefer: PreferHeader = None
) -> RulesGiven:
    """What a `PUT` gives.

    Raises:
        HttpProblem: It does not say what it was made from, or has no rules.
    """
    base_revision = number_in(if_match)
    text = await rules_in(request)
    key = f"rules-{base_revision}-{hashlib.sha256(text).hexdigest()}"
    once = Once(key=key, wait_s=wait_of(prefer))
    return RulesGiven(text=text, base_revision=base_revision, once=once)


@router.put(
    "/accounts/{account_id}/rules",
    operation_id="put_rules",
    summary="Put rules in force",
    responses=command_answers(RulesOutcome) | PRECONDITIONS,
    openapi_extra=BODY,
)
async def put_rules(
    response: Response,
    visit: OfAccount,
    body: Annotated[RulesGiven, Depends(given)],
    confirm_leads: ConfirmLeads = None,
    note: RulesNote = "",
) -> RulesOutcome:
    """All of them, as a whole, if the revision of `If-Match` is in force; 0 if there are none."""
    try:
        applied = await rules.apply(
            visit.installation,
            visit.account,
            visit.principal,
            body.text,
            base_revision=body.base_revision,
            once=body.once,
            assent=visit.assent(confirm_leads),
            note=note,
        )
    except RulesRefused as refused:
        raise unusable(refused) from refused
    except Refused as refused:
        if refused.code == "revision_moved":
            raise await moved(visit, refused) from refused
        raise
    return outcome(response, visit, applied)


@router.post(
    "/accounts/{account_id}/rules/check",
    operation_id="check_rules",
    summary="Look rules over",
    responses={413: problem("The body is too large.")},
    openapi_extra=BODY,
)
async def check_rules(request: Request, visit: OfAccount) -> CheckedRulesBody:
    """With the account's people and stages, and the leads of its last week; changes nothing."""
    checked = await rules.check(
        visit.installation, visit.account, visit.principal, await rules_in(request)
    )
    preview = checked.preview
    return CheckedRulesBody(
        is_usable=all(each.severity != "problem" for each in checked.remarks),
        remarks=[remark_item(each) for each in checked.remarks],
        counted_since=checked.counted_since,
        moves=None if preview is None else preview.moves,
        is_more=None if preview is None else preview.is_more,
        waits=None if preview is None else preview.waits,
        untouched=None if preview is None else preview.untouched,
    )


def outcome(response: Response, visit: AccountVisit, applied: AppliedRules) -> RulesOutcome:
    """What it came to, with the ETag of the rules that it put in force."""
    command = tell(response, visit, applied.answer)
    if applied.revision is not None:
        response.headers["ETag"] = tag_of(applied.revision)
    return RulesOutcome(command=command, revision=applied.revision)


async def moved(visit: AccountVisit, refused: Refused) -> HttpProblem:
    """Which rules are in force instead, and who put them there."""
    present = await rules.newest(visit.installation, visit.account, visit.principal)
    if present is None:
        return HttpProblem("revision-moved", say(refused.sentence), status=412)
    revision = present.revision
    detail = f"Revision {revision} is in force, by {present.by} at {told(present.at)}."
    return HttpProblem(
        "revision-moved",
        f"{say(refused.sentence)} {detail}",
        status=412,
        errors=[FieldError(pointer=HEADER, code="revision-moved", detail=detail)],
        headers={"ETag": tag_of(revision)},
    )
