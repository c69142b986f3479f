"""What lists can be narrowed to; a filter that comes several times means any of them (A2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from contracts.stage import Stage
from services.api.asking import ToRead
from services.api.lists import AccountListing, UnversionedListing
from services.application.orders import stage_from
from services.application.span import Span, bounds_from, check_length, span_from

ID_MAX = 2**63 - 1
VALUES_MAX = 100
TEXT_MAX = 200
INSTANT_MAX = 40

KommoId = Annotated[int, Field(ge=1, le=ID_MAX)]
FilterText = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
Managers = Annotated[
    list[KommoId],
    Query(
        alias="manager",
        default_factory=list,
        max_length=VALUES_MAX,
        description="Kommo's id of a manager; repeated: any of them.",
        examples=[[501]],
    ),
]
Leads = Annotated[
    list[KommoId],
    Query(
        alias="lead",
        default_factory=list,
        max_length=VALUES_MAX,
        description="Kommo's id of a lead; repeated: any of them.",
        examples=[[900016]],
    ),
]
Rules = Annotated[
    list[FilterText],
    Query(
        alias="rule",
        default_factory=list,
        max_length=VALUES_MAX,
        description="Id of a rule; repeated: any of them.",
        examples=[["new-leads"]],
    ),
]
Reasons = Annotated[
    list[FilterText],
    Query(
        alias="reason",
        default_factory=list,
        max_length=VALUES_MAX,
        description="Why, as items have it; repeated: any of them.",
        examples=[["fair_share"]],
    ),
]
StageTexts = Annotated[
    list[FilterText],
    Query(
        alias="stage",
        default_factory=list,
        max_length=VALUES_MAX,
        description="PIPELINE/STAGE by Kommo's ids; repeated: any of them.",
        examples=[["7000001/61000002"]],
    ),
]
From = Annotated[
    str,
    Query(
        alias="from",
        max_length=INSTANT_MAX,
        description="A day, a date and time (without offset: of the account's zone), or how long"
        " ago, as `-7d` (m, h, d, w).",
        examples=["-7d"],
    ),
]
To = Annotated[
    str,
    Query(
        max_length=INSTANT_MAX,
        description="The same; a day counts to its end. 400 days at most lie between them.",
        examples=["2026-11-02"],
    ),
]


def stages_from(texts: StageTexts) -> list[Stage]:
    """The stages of a filter.

    Raises:
        services.application.refused.Refused: One is not written as stages are.
    """
    return [stage_from(text) for text in texts]


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """From when until when; None is open."""

    since: datetime | None
    until: datetime | None


def bounds(listing: AccountListing, visit: ToRead, since: From = "", to: To = "") -> OpenSpan:
    """Of a list.

    Raises:
        services.application.refused.Refused: One is no time, or too much lies between them.
    """
    zone = visit.account.timezone
    return OpenSpan(*bounds_from(since, to, now=listing.at, timezone=zone))


def bounds_unversioned(
    listing: UnversionedListing, visit: ToRead, since: From = "", to: To = ""
) -> OpenSpan:
    """The same of a list that no version tags."""
    return bounds(listing, visit, since, to)


def week(visit: ToRead, since: From = "", to: To = "") -> Span:
    """A whole range: the last seven days, if nothing is said.

    Raises:
        services.application.refused.Refused: One is no time, or too much lies between them.
    """
    return _span(visit, since, to, days=7)


def _span(visit: ToRead, since: str, to: str, *, days: int) -> Span:
    found = span_from(
        since, to, now=visit.premises.now(), timezone=visit.account.timezone, days=days
    )
    check_length(found)
    return found


Stages = Annotated[list[Stage], Depends(stages_from)]
Within = Annotated[OpenSpan, Depends(bounds)]
WithinUnversioned = Annotated[OpenSpan, Depends(bounds_unversioned)]
InWeek = Annotated[Span, Depends(week)]
