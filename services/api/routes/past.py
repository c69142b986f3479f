"""What was: the account at a moment, and who looked at what."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from services.api.asking import OfInstallation, ToRead
from services.api.cursors import Key
from services.api.filters import ID_MAX, INSTANT_MAX, TEXT_MAX, WithinUnversioned
from services.api.lists import InstallationListing, ItemPage, Piece, UnversionedListing
from services.api.resource import resource
from services.api.times import Instant
from services.application.access import accesses, accesses_at_large
from services.application.span import EARLIEST, LATEST, Span
from services.application.state import state
from services.storage.access_log import AccessLine, Sight
from services.web.models import Output
from services.web.problems import FieldError, HttpProblem

router = resource("past")


class StateAnswer(Output):
    """An account at a moment: everything that a decision then depended on."""

    version: int = Field(description="Of the last event that is in it; 0: none.", examples=[4711])
    digest: str = Field(
        description="SHA-256 of the state, as hex: the same history gives the same one.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    state: dict[str, Any] = Field(
        description="By name, what has an id under its id; names are the domain's, and more may"
        " come.",
        examples=[{"leads": {}}],
    )


By = Annotated[
    str,
    Query(
        max_length=TEXT_MAX,
        description="The looks of one principal only.",
        examples=["person:7"],
    ),
]


class AccessItem(Output):
    """Somebody looked at something."""

    id: int = Field(examples=[12])
    at: Instant
    principal: str = Field(description="Who.", examples=["person:7"])
    whence: str = Field(
        description="The address they came from; `terminal`: the command line.",
        examples=["192.0.2.7"],
    )
    what: Sight = Field(examples=["explanation"])
    ids: list[int] = Field(
        description="What they looked at: leads, managers, letters, by `what`.",
        examples=[[900016]],
    )
    request_id: str = Field(
        description="Finds the request in the logs; empty: at a terminal.",
        examples=["req-5f0c7a3e9b1d4c26"],
    )


class AccessPage(ItemPage[AccessItem]):
    """Looks, the newest first."""


@router.get(
    "/accounts/{account_id}/state",
    operation_id="get_state",
    summary="The account as it was",
)
async def get_state(
    visit: ToRead,
    at: Annotated[
        str | None,
        Query(
            max_length=INSTANT_MAX,
            description="A date (its end), or a date and time.",
            examples=["2026-11-02T12:00:00Z"],
        ),
    ] = None,
    version: Annotated[
        int | None,
        Query(ge=0, le=ID_MAX, description="Of the account, instead.", examples=[4711]),
    ] = None,
) -> StateAnswer:
    """Everything that a decision then depended on, with its digest; now, if nothing is said.

    That somebody looked goes to the access log.
    """
    if at is not None and version is not None:
        detail = "Give `at` or `version`, not both."
        raise HttpProblem(
            "unprocessable",
            detail,
            errors=[FieldError(pointer="query.version", code="repeated", detail=detail)],
        )
    moment = at
    if moment is None:
        wanted = visit.version if version is None else version
        moment = str(wanted)
    found = await state(visit.installation, visit.account, visit.principal, moment)
    return StateAnswer(version=found["version"], digest=found.pop("digest"), state=found)


@router.get(
    "/accounts/{account_id}/access-log",
    operation_id="list_access",
    summary="Who looked at what?",
)
async def list_access(
    visit: ToRead,
    listing: UnversionedListing,
    within: WithinUnversioned,
    by: By = "",
) -> AccessPage:
    """Who looked at others' explanations, statements, states, exports; kept for 400 days."""

    async def read(piece: Piece) -> Sequence[AccessLine]:
        before, after = piece.newest_first()
        return await accesses(
            visit.installation,
            visit.account,
            visit.principal,
            Span(start=within.since or EARLIEST, end=within.until or LATEST),
            by=by,
            limit=piece.limit,
            before=before,
            after=after,
        )

    return await listing.page(AccessPage, read, key=_key, shape=access_item)


@router.get(
    "/installation/access-log",
    operation_id="list_installation_access",
    summary="Who looked at what belongs to no account?",
)
async def list_installation_access(
    visit: OfInstallation, listing: InstallationListing, by: By = ""
) -> AccessPage:
    """Such as letters of nobody's account, and this list; kept for 400 days."""

    async def read(piece: Piece) -> Sequence[AccessLine]:
        before, after = piece.newest_first()
        return await accesses_at_large(
            visit.installation,
            visit.principal,
            Span(start=EARLIEST, end=LATEST),
            by=by,
            limit=piece.limit,
            before=before,
            after=after,
        )

    return await listing.page(AccessPage, read, key=_key, shape=access_item)


def access_item(line: AccessLine) -> AccessItem:
    """A look as it is answered."""
    return AccessItem(
        id=line.id,
        at=line.at,
        principal=line.principal,
        whence=line.whence,
        what=line.what,
        ids=list(line.ids),
        request_id=line.request_id,
    )


def _key(line: AccessLine) -> Key:
    return (line.id,)
