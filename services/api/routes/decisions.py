"""What was decided about leads, and why."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Path, Query
from pydantic import Field

from contracts.stage import Stage
from projections.decisions import Decision, DecisionFilter, Kind
from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.filters import ID_MAX, Leads, Managers, Reasons, Rules, Stages, Within
from services.api.lists import AccountListing, ItemPage, Piece
from services.api.resource import resource
from services.api.shapes import StageShape, stage_shape
from services.api.times import Instant
from services.api.told import ToldSentence, told_all, words_of
from services.application.decisions import decided, decision
from services.application.explain import Explained
from services.application.rules import names_of_rules
from services.shared.codec import encode_event
from services.web.models import Output
from services.words.catalogue import Words

router = resource("decisions")

Version = Annotated[
    int, Path(ge=1, le=ID_MAX, description="Of the account, at the decision.", examples=[4711])
]
Kinds = Annotated[
    list[Kind],
    Query(
        alias="kind",
        default_factory=list,
        max_length=20,
        description="What was decided; repeated: any of them.",
        examples=[["assigned"]],
    ),
]


class DecisionItem(Output):
    """One decision."""

    version: int = Field(description="Of the account: its place in the log.", examples=[4711])
    at: Instant
    kind: Kind = Field(examples=["assigned"])
    lead_id: int = Field(description="Kommo's id.", examples=[900016])
    request_id: str = Field(description="Which request it answers.", examples=["r-12"])
    manager_id: int | None = Field(description="Whom it is about; null: nobody.", examples=[501])
    rule_id: str | None = Field(description="By which rule.", examples=["new-leads"])
    stage: StageShape | None = Field(description="In which the lead was.")
    reason: str | None = Field(description="Why, for programs.", examples=["fair_share"])


class DecisionPage(ItemPage[DecisionItem]):
    """Decisions, the newest first."""


class RecordedEvent(Output):
    """An event as it is stored."""

    name: str = Field(description="Never renamed.", examples=["lead.assigned"])
    data: dict[str, Any] = Field(description="Its fields.", examples=[{"lead_id": 900016}])


class TellingOf(Output):
    """A part of a lead's story: an event, in words and as data."""

    version: int = Field(description="Of the account.", examples=[4711])
    at: Instant
    event: RecordedEvent
    sentences: list[ToldSentence] = Field(
        description="The first tells what happened, the others why."
    )
    is_reproduced: bool | None = Field(
        description="Whether the recorded inputs give the same decision again; null: nothing was"
        " chosen.",
        examples=[True],
    )
    confirmed_at: Instant | None = Field(
        description="Since when Kommo holds it; null: not, or nothing was decided."
    )


class DecisionDetail(DecisionItem):
    """A decision with its explanation."""

    explanation: TellingOf
    digest: str = Field(
        description="Link of the hash chain at this event, SHA-256 as hex; empty where it is"
        " older than the chain.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


@router.get(
    "/accounts/{account_id}/decisions",
    operation_id="list_decisions",
    summary="Decisions, the newest first",
)
async def list_decisions(  # noqa: PLR0913, PLR0917 - a filter each
    visit: ToRead,
    listing: AccountListing,
    within: Within,
    kinds: Kinds,
    managers: Managers,
    rules: Rules,
    stages: Stages,
    leads: Leads,
    reasons: Reasons,
) -> DecisionPage:
    """What was decided about which lead, by what it is about."""
    which = DecisionFilter(
        kinds=kinds,
        lead_ids=leads,
        manager_ids=managers,
        rule_ids=rules,
        stages=stages,
        reasons=reasons,
        since=within.since,
        until=within.until,
    )

    async def read(piece: Piece) -> Sequence[Decision]:
        before, after = piece.newest_first()
        return await decided(
            visit.installation,
            visit.account,
            visit.principal,
            which,
            limit=piece.limit,
            before=before,
            after=after,
        )

    return await listing.page(DecisionPage, read, key=_key, shape=decision_item)


@router.get(
    "/accounts/{account_id}/decisions/{version}",
    operation_id="get_decision",
    summary="Why this decision?",
)
async def get_decision(visit: ToRead, version: Version) -> DecisionDetail:
    """One decision: what happened, why, whether the same inputs give it again, its digest.

    That somebody looked goes to the access log.
    """
    found = await decision(visit.installation, visit.account, visit.principal, version)
    rules = await names_of_rules(visit.installation, visit.account)
    words = words_of(visit.account).knowing(rule=rules.get)
    return DecisionDetail(
        **dict(decision_item(found.decision)),
        explanation=telling_of(found.explained, words),
        digest=found.explained.link,
    )


def decision_item(decision: Decision) -> DecisionItem:
    """A decision as it is answered."""
    pipeline, status = decision.pipeline_id, decision.status_id
    stage = None if pipeline is None or status is None else Stage(pipeline, status)
    return DecisionItem(
        version=decision.version,
        at=decision.at,
        kind=decision.kind,
        lead_id=decision.lead_id,
        request_id=decision.request_id,
        manager_id=decision.manager_id,
        rule_id=decision.rule_id,
        stage=stage_shape(stage),
        reason=decision.reason,
    )


def telling_of(explained: Explained, words: Words) -> TellingOf:
    """A part of a story as it is answered."""
    name, state = encode_event(explained.event)
    return TellingOf(
        version=explained.version,
        at=explained.at,
        event=RecordedEvent(name=name, data=orjson.loads(state)["data"]),
        sentences=told_all(words, explained.sentences),
        is_reproduced=explained.is_reproduced,
        confirmed_at=explained.in_kommo_at,
    )


def _key(decision: Decision) -> Key:
    return (decision.version,)
