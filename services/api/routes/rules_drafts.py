"""Rules that somebody works on: kept, changed by whoever saw the last edition, put in force."""

from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import Field

from services.api.asking import OfAccount, ToRead
from services.api.commanded import command_answers
from services.api.cursors import microseconds
from services.api.lists import ItemPage, UnversionedListing
from services.api.ordering import ConfirmLeads, Posted, RulesNote
from services.api.preconditions import IfMatch, number_in, tag_of
from services.api.resource import problem, resource
from services.api.routes.rule_changes import PRECONDITIONS, RulesOutcome, moved, outcome
from services.api.rules_text import unusable
from services.api.times import Instant
from services.application import rules_drafts
from services.application.refused import Refused
from services.application.rules import RulesRefused
from services.application.rules_drafts import NAME_MAX
from services.application.rules_texts import BYTES_MAX
from services.storage.rules_drafts import RulesDraft
from services.web.models import Input, Output

router = resource("rules")

REVISION_MAX = 10**9
PLACE = "/accounts/{account_id}/rules/drafts"
CHANGED: dict[int | str, dict[str, Any]] = {
    412: problem("Somebody else changed it: which edition there is, and by whom."),
    428: problem("`If-Match` is missing."),
    413: problem("The body is too large."),
}

DraftId = Annotated[
    str,
    Path(pattern="^draft-[0-9a-f]{16}$", description="Ours.", examples=["draft-5f0c7a3e9b1d4c26"]),
]


class DraftText(Input):
    """What a draft is to be.

    Attributes:
        name: By which people know it.
        text: The rules file, in YAML or JSON; it may have problems yet.
        base_revision: The revision in force that it was made from, or brought up to; 0 for none,
            null for the newest in a new draft and for as before in another one.
    """

    name: str = Field(min_length=1, max_length=NAME_MAX, examples=["Summer"])
    text: str = Field(max_length=BYTES_MAX, examples=["version: 1\nrules: []\n"])
    base_revision: int | None = Field(default=None, ge=0, le=REVISION_MAX, examples=[7])


class DraftSummary(Output):
    """A draft without its text.

    Attributes:
        edition: Goes up with each change; `If-Match` names it.
        base_revision: Of the rules in force that it was made from; 0 for none.
    """

    draft_id: str = Field(examples=["draft-5f0c7a3e9b1d4c26"])
    name: str = Field(examples=["Summer"])
    edition: int = Field(ge=1, examples=[3])
    base_revision: int = Field(ge=0, examples=[7])
    made_by: str = Field(examples=["person:7"])
    made_at: Instant
    changed_by: str = Field(examples=["person:7"])
    changed_at: Instant


class DraftBody(DraftSummary):
    """A draft."""

    text: str = Field(examples=["version: 1\nrules: []\n"])


class DraftPage(ItemPage[DraftSummary]):
    """Drafts of the account, the oldest first."""


@router.get(PLACE, operation_id="list_rules_drafts", summary="The drafts of rules")
async def list_rules_drafts(visit: ToRead, listing: UnversionedListing) -> DraftPage:
    """Without their texts."""
    found = await rules_drafts.drafts(visit.installation, visit.account, visit.principal)
    return await listing.all_of(
        DraftPage,
        found,
        key=lambda each: (microseconds(each.made_at), each.draft_id),
        shape=lambda each: DraftSummary(**_values(each)),
    )


@router.post(
    PLACE,
    status_code=201,
    operation_id="make_rules_draft",
    summary="Begin a draft",
    responses={409: problem("There are as many as there may be."), 413: CHANGED[413]},
)
async def make_rules_draft(
    response: Response, visit: OfAccount, body: DraftText, once: Posted
) -> DraftBody:
    """It is kept, not in force."""
    made, is_new = await rules_drafts.make(
        visit.installation,
        visit.account,
        visit.principal,
        name=body.name,
        text=body.text,
        base_revision=body.base_revision,
        once=once,
    )
    if not is_new:
        response.headers["Idempotency-Replayed"] = "true"
    account_id = visit.account.account_id
    place = PLACE.format(account_id=account_id)
    response.headers["Location"] = f"{router.prefix}{place}/{made.draft_id}"
    return _told(response, made)


@router.get(PLACE + "/{draft_id}", operation_id="get_rules_draft", summary="One draft")
async def get_rules_draft(response: Response, visit: OfAccount, draft_id: DraftId) -> DraftBody:
    """With its text, as it was written."""
    found = await rules_drafts.draft(visit.installation, visit.account, visit.principal, draft_id)
    return _told(response, found)


@router.put(
    PLACE + "/{draft_id}",
    operation_id="change_rules_draft",
    summary="Change a draft",
    responses=CHANGED,
)
async def change_rules_draft(
    response: Response,
    visit: OfAccount,
    draft_id: DraftId,
    body: DraftText,
    if_match: IfMatch = None,
) -> DraftBody:
    """If nobody else has changed it since."""
    changed = await rules_drafts.change(
        visit.installation,
        visit.account,
        visit.principal,
        draft_id,
        edition=number_in(if_match),
        name=body.name,
        text=body.text,
        base_revision=body.base_revision,
    )
    return _told(response, changed)


@router.delete(
    PLACE + "/{draft_id}",
    status_code=204,
    operation_id="drop_rules_draft",
    summary="Forget a draft",
    responses=CHANGED,
)
async def drop_rules_draft(visit: OfAccount, draft_id: DraftId, if_match: IfMatch = None) -> None:
    """If nobody else has changed it since."""
    await rules_drafts.drop(
        visit.installation,
        visit.account,
        visit.principal,
        draft_id,
        edition=number_in(if_match),
    )


@router.post(
    PLACE + "/{draft_id}/apply",
    operation_id="apply_rules_draft",
    summary="Put a draft in force",
    responses=command_answers(RulesOutcome) | PRECONDITIONS,
)
async def apply_rules_draft(
    response: Response,
    visit: OfAccount,
    draft_id: DraftId,
    once: Posted,
    if_match: IfMatch = None,
    confirm_leads: ConfirmLeads = None,
    note: RulesNote = "",
) -> RulesOutcome:
    """If neither it nor what is in force has changed since; it is gone then."""
    try:
        applied = await rules_drafts.put_in_force(
            visit.installation,
            visit.account,
            visit.principal,
            draft_id,
            edition=number_in(if_match),
            once=once,
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


def _told(response: Response, found: RulesDraft) -> DraftBody:
    response.headers["ETag"] = tag_of(found.edition)
    return DraftBody(**_values(found), text=found.content)


def _values(found: RulesDraft) -> dict[str, Any]:
    return {name: getattr(found, name) for name in DraftSummary.model_fields}
