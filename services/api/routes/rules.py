"""The rules: those in force, every revision, what differs between two."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import Field

from contracts.events import RulesApplied
from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.lists import AccountListing, ItemPage, Piece
from services.api.media import JSON, YAML, chosen
from services.api.resource import resource
from services.api.times import Instant
from services.application.differing import DataChange
from services.application.rule_history import (
    REVISION_MAX,
    Revision,
    compared,
    revision,
    revisions,
)
from services.application.rules import in_force
from services.rules_file.file import dump
from services.web.models import Output

router = resource("rules")

AS_YAML: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rules; as YAML it is the file that can be put again.",
        "content": {YAML: {"schema": {"type": "string"}, "example": "rules: []\n"}},
    }
}


class RulesAnswer(Output):
    """The rules of a revision, as the rules file has them."""

    revision: int = Field(description="Counted from 1; `If-Match` of a change.", examples=[3])
    applied_at: Instant
    applied_by: str = Field(description="Who applied it.", examples=["person:7"])
    rules: dict[str, Any] = Field(
        description="By the schema of the rules file.", examples=[{"rules": []}]
    )


class RevisionItem(Output):
    """A revision of the rules."""

    revision: int = Field(description="Counted from 1.", examples=[3])
    version: int = Field(description="Of the account, at which it was applied.", examples=[812])
    applied_at: Instant
    applied_by: str = Field(examples=["person:7"])
    rule_ids: list[str] = Field(description="That it has.", examples=[["new-leads"]])
    note: str = Field(
        description="Why it was applied, in the words of whoever did; empty if they did not say.",
        examples=["Carla helps with partners in December"],
    )


class RevisionPage(ItemPage[RevisionItem]):
    """Revisions, the newest first."""


class DifferenceShape(Output):
    """What is another one."""

    path: str = Field(description="Where.", examples=["rules.0.participants"])
    before: Any = Field(description="null: nothing was there.", examples=[None])
    after: Any = Field(description="null: nothing is there any more.", examples=[[501]])


class RulesDifference(Output):
    """What one revision has otherwise than another one."""

    revision: int = Field(examples=[2])
    to: int = Field(examples=[3])
    changes: list[DifferenceShape] = Field(description="By their place; empty: the same.")


@router.get(
    "/accounts/{account_id}/rules",
    operation_id="get_rules",
    summary="The rules in force",
    response_model=RulesAnswer,
    responses=AS_YAML,
)
async def get_rules(request: Request, response: Response, visit: ToRead) -> Any:  # noqa: ANN401 - either form
    """As JSON, or as `application/yaml`: the file. The tag is the revision, for `If-Match`."""
    found = await in_force(visit.installation, visit.account, visit.principal)
    return _rules(request, response, found)


@router.get(
    "/accounts/{account_id}/rules/revisions",
    operation_id="list_rules_revisions",
    summary="Revisions of the rules, the newest first",
)
async def list_rules_revisions(visit: ToRead, listing: AccountListing) -> RevisionPage:
    """Who put which rules in force when."""

    async def read(piece: Piece) -> Sequence[Revision]:
        before, after = piece.newest_first()
        return await revisions(
            visit.installation,
            visit.account,
            visit.principal,
            limit=piece.limit,
            before=before,
            after=after,
        )

    return await listing.page(RevisionPage, read, key=_key, shape=_item)


@router.get(
    "/accounts/{account_id}/rules/revisions/{revision}",
    operation_id="get_rules_revision",
    summary="One revision of the rules",
    response_model=RulesAnswer,
    responses=AS_YAML,
)
async def get_rules_revision(
    request: Request,
    response: Response,
    visit: ToRead,
    number: Annotated[
        int,
        Path(alias="revision", ge=1, le=REVISION_MAX, description="Counted from 1.", examples=[3]),
    ],
) -> Any:  # noqa: ANN401 - either form
    """As JSON, or as `application/yaml`: the file."""
    found = await revision(visit.installation, visit.account, visit.principal, number)
    return _rules(request, response, found.applied)


@router.get(
    "/accounts/{account_id}/rules/revisions/{revision}/diff",
    operation_id="compare_rules_revisions",
    summary="What differs between two revisions?",
)
async def compare_rules_revisions(
    visit: ToRead,
    number: Annotated[
        int,
        Path(alias="revision", ge=1, le=REVISION_MAX, description="Counted from 1.", examples=[2]),
    ],
    to: Annotated[int, Query(ge=1, le=REVISION_MAX, description="The other one.", examples=[3])],
) -> RulesDifference:
    """Everything that another revision has otherwise."""
    found = await compared(visit.installation, visit.account, visit.principal, number, to=to)
    return RulesDifference(revision=number, to=to, changes=[_difference(each) for each in found])


def _rules(request: Request, response: Response, applied: RulesApplied) -> RulesAnswer | Response:
    form = chosen(request.headers.get("accept"), (JSON, YAML))
    tag = f'"{applied.revision}"'
    response.headers["etag"] = tag
    response.headers["vary"] = "Accept"
    if form == YAML:
        kept = {"etag": tag, "vary": "Accept"}
        if "fairlead-version" in response.headers:
            kept["fairlead-version"] = response.headers["fairlead-version"]
        return Response(dump(applied.rules), media_type=YAML, headers=kept)
    return RulesAnswer(
        revision=applied.revision,
        applied_at=applied.at,
        applied_by=applied.by,
        rules=applied.rules,
    )


def _item(found: Revision) -> RevisionItem:
    return RevisionItem(
        revision=found.applied.revision,
        version=found.version,
        applied_at=found.applied.at,
        applied_by=found.applied.by,
        rule_ids=[str(each.get("id", "")) for each in found.applied.rules.get("rules", [])],
        note=found.applied.note,
    )


def _key(found: Revision) -> Key:
    return (found.version,)


def _difference(found: DataChange) -> DifferenceShape:
    return DifferenceShape(path=found.path, before=found.before, after=found.after)
