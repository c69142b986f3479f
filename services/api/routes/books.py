"""What is counted: shares, open leads, what everybody got, the proof of a day."""

from datetime import date
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from projections.fairness import KindShare
from projections.loads import Load
from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.lists import AccountListing, ItemPage
from services.api.resource import resource
from services.api.routes.managers import ShareShape, share_shape
from services.api.shapes import StageShape, shape_of
from services.api.times import Instant
from services.api.told import ToldSentence, told, words_of
from services.application.books import By, Tallied, fair, open_leads, tallied
from services.application.proof.day import Proof, prove
from services.application.span import day_from
from services.web.models import Output

router = resource("books")

Day = Annotated[
    str, Path(max_length=10, description="In the account's zone.", examples=["2026-11-02"])
]


class KindShareShape(ShareShape):
    """The same in one kind of leads (D3.9)."""

    what: str = Field(description="In what leads are told apart.", examples=["size"])
    kind: int = Field(description="Which kind of it.", examples=[2])
    name: ToldSentence


class FairnessAnswer(Output):
    """How even leads are given out."""

    promised_units: int = Field(
        description="Nobody is ever so far from the fair share; 10^9 are one lead.",
        examples=[2000000000],
    )
    widest_units: int = Field(
        description="How far whoever is furthest is now; 10^9 are one lead.", examples=[500000000]
    )
    shares: list[ShareShape] = Field(description="By ledger and manager.")
    kinds: list[KindShareShape] = Field(description="Where a ledger tells leads apart.")


class LoadItem(Output):
    """Open leads of a manager in a stage."""

    manager_id: int = Field(description="Kommo's id.", examples=[501])
    stage: StageShape
    open_leads: int = Field(ge=1, examples=[4])


class LoadPage(ItemPage[LoadItem]):
    """Open leads, by manager and stage."""


class TallyItem(Output):
    """What was given out."""

    day: date | None = Field(
        description="Of the account; null: all days together.", examples=["2026-11-02"]
    )
    manager_id: int | None = Field(description="null: all together.", examples=[501])
    rule_id: str | None = Field(description="null: all together.", examples=["new-leads"])
    given: int = Field(description="How often a lead was given to somebody.", examples=[9])
    as_owner: int = Field(description="Of these because it was theirs already.", examples=[1])
    on_duty: int = Field(description="Of these because they had duty.", examples=[0])
    withdrawn: int = Field(description="Of these taken back before Kommo held it.", examples=[0])
    lapsed: int = Field(description="Turns that ended untouched.", examples=[2])
    passed_on: int = Field(description="Of these by themselves.", examples=[0])


class TallyPage(ItemPage[TallyItem]):
    """What was given out, by day, manager and rule."""


class ComparisonShape(Output):
    """What Kommo's own list of the day says."""

    leads: int = Field(description="Made on the day, not deleted since.", examples=[120])
    in_stages: int = Field(description="Of these in a stage of the rules.", examples=[118])
    orphans: list[int] = Field(
        description="Of these, for which nobody ever asked; empty if all is well.", examples=[[]]
    )
    fresh: int = Field(description="Of these too new to be missed.", examples=[0])
    unreadable: int = Field(description="That make no sense to us.", examples=[0])


class ProofAnswer(Output):
    """Every request of a day is assigned, waiting or closed, and nothing is missing."""

    day: date = Field(examples=["2026-11-02"])
    start: Instant = Field(description="When the day began.")
    end: Instant = Field(description="When it ended.")
    made_at: Instant = Field(description="As of when.")
    is_over: bool = Field(description="Whether the day was, so that nothing more could come.")
    is_kept: bool = Field(description="Whether nothing speaks against it.")
    requests: int = Field(description="Opened on the day.", examples=[118])
    assigned: int = Field(examples=[110])
    waiting: int = Field(examples=[5])
    closed: dict[str, int] = Field(description="Reason to how many.", examples=[{"deleted": 3}])
    undecided: list[str] = Field(description="Always empty.", examples=[[]])
    sources: dict[str, int] = Field(
        description="What told of the leads, to how many requests.", examples=[{"webhook": 118}]
    )
    version: int = Field(description="Of the account's last event then.", examples=[4711])
    digest: str = Field(
        description="Link of the hash chain there, SHA-256 as hex; empty: older than the chain.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    kommo: ComparisonShape | None = Field(description="null: not compared.")
    why_not_compared: ToldSentence | None = Field(description="Then.")


@router.get("/accounts/{account_id}/fairness", operation_id="get_fairness", summary="Is it fair?")
async def get_fairness(visit: ToRead) -> FairnessAnswer:
    """What everybody got in each ledger, and what would have been fair."""
    found = await fair(visit.installation, visit.account, visit.principal)
    words = words_of(visit.account)
    return FairnessAnswer(
        promised_units=found.promised_units,
        widest_units=max((each.meter_units for each in found.shares), default=0),
        shares=[share_shape(each) for each in found.shares],
        kinds=[_kind(each.share, told(words, each.name)) for each in found.kinds],
    )


@router.get("/accounts/{account_id}/loads", operation_id="list_loads", summary="Who has how much?")
async def list_loads(visit: ToRead, listing: AccountListing) -> LoadPage:
    """Open leads of every manager in every stage."""
    found = await open_leads(visit.installation, visit.account, visit.principal)
    return await listing.all_of(LoadPage, found, key=_load_key, shape=_load)


@router.get("/accounts/{account_id}/tallies", operation_id="list_tallies", summary="Who got what?")
async def list_tallies(
    visit: ToRead,
    listing: AccountListing,
    by: Annotated[
        list[By],
        Query(
            default_factory=lambda: ["manager"],
            max_length=3,
            description="In what they are told apart; the rest is added up.",
            examples=[["manager", "day"]],
        ),
    ],
    since: Annotated[
        str,
        Query(
            alias="from",
            max_length=10,
            description="A day of the account, or how long ago, `-7d`; without it the present one.",
            examples=["2026-11-01"],
        ),
    ] = "",
    to: Annotated[
        str,
        Query(
            max_length=10,
            description="The same, which counts as a whole; without it the present one.",
            examples=["2026-11-02"],
        ),
    ] = "",
) -> TallyPage:
    """What was given out from a day to another one; kept counts, whatever the range."""
    zone, now = visit.account.timezone, listing.at
    last, _ = day_from(to, now=now, timezone=zone, end="to")
    first, _ = day_from(since, now=now, timezone=zone, end="from")
    found = await tallied(
        visit.installation, visit.account, visit.principal, first=first, last=last, by=by
    )
    return await listing.all_of(TallyPage, found, key=lambda each: each.key, shape=_tally)


@router.get(
    "/accounts/{account_id}/proof/{day}",
    operation_id="get_proof",
    summary="Was no lead lost that day?",
)
async def get_proof(visit: ToRead, day: Day) -> ProofAnswer:
    """Every request of the day in exactly one of assigned, waiting, closed.

    That somebody looked goes to the access log. Kommo's own list is compared by
    `fairlead proof` alone: whoever serves people has no access to Kommo.
    """
    now = visit.premises.now()
    on, span = day_from(day, now=now, timezone=visit.account.timezone)
    found = await prove(
        visit.installation,
        visit.account,
        visit.principal,
        day=on,
        span=span,
        now=now,
        asks_kommo=False,
    )
    return _proof(found, visit)


def _proof(found: Proof, visit: ToRead) -> ProofAnswer:
    kommo, why_not = found.kommo, found.why_not_compared
    return ProofAnswer(
        day=found.day,
        start=found.span.start,
        end=found.span.end,
        made_at=found.made_at,
        is_over=found.is_over,
        is_kept=found.is_kept,
        requests=found.requests,
        assigned=found.assigned,
        waiting=found.waiting,
        closed=found.closed,
        undecided=list(found.undecided),
        sources=found.sources,
        version=found.version,
        digest=found.link,
        kommo=None
        if kommo is None
        else ComparisonShape(
            leads=kommo.leads,
            in_stages=kommo.in_stages,
            orphans=list(kommo.orphans),
            fresh=kommo.fresh,
            unreadable=kommo.unreadable,
        ),
        why_not_compared=None if why_not is None else told(words_of(visit.account), why_not),
    )


def _kind(share: KindShare, name: ToldSentence) -> KindShareShape:
    return KindShareShape(
        ledger=share.ledger,
        manager_id=share.manager_id,
        given=share.assigned,
        share_units=share.share_units,
        credit_units=share.credit_units,
        deviation_units=share.deviation_units,
        what=share.what,
        kind=share.kind,
        name=name,
    )


def _load(load: Load) -> LoadItem:
    return LoadItem(
        manager_id=load.manager_id, stage=shape_of(load.stage), open_leads=load.open_leads
    )


def _load_key(load: Load) -> Key:
    return (load.manager_id, *load.stage)


def _tally(found: Tallied) -> TallyItem:
    return TallyItem(
        day=found.day,
        manager_id=found.manager_id,
        rule_id=found.rule_id,
        given=found.given,
        as_owner=found.as_owner,
        on_duty=found.on_duty,
        withdrawn=found.withdrawn,
        lapsed=found.lapsed,
        passed_on=found.passed_on,
    )
