"""A manager's account of leads, like a bank account (D3.8)."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query
from pydantic import Field

from projections.fairness import Reason
from services.api.asking import ToRead
from services.api.cursors import Key
from services.api.filters import TEXT_MAX, Within
from services.api.lists import AccountListing, ItemPage, Piece
from services.api.places import ManagerId
from services.api.resource import resource
from services.api.times import Instant
from services.api.told import ToldSentence, told_all, words_of
from services.application.statement import StatementLine, lines
from services.storage.accounts import RegisteredAccount
from services.web.models import Output

router = resource("managers")


class StatementItem(Output):
    """A movement."""

    version: int = Field(description="Of the account, at which it was booked.", examples=[4711])
    at: Instant
    reason: Reason = Field(description="What moved it.", examples=["assigned"])
    lead_id: int | None = Field(
        description="Kommo's id; null: credit moved without a lead.", examples=[900016]
    )
    units: int = Field(description="Of credit; 10^9 are one lead.", examples=[-500000000])
    balance_units: int = Field(description="After it; 10^9 are one lead.", examples=[500000000])
    by: str = Field(description="Who posted it; empty: a lead moved it.", examples=["person:7"])
    note: str = Field(description="Why, in their words; may be empty.", examples=["Training"])
    kinds: list[ToldSentence] = Field(
        description="Of the lead, where the ledger tells leads apart (D3.9)."
    )


class StatementPage(ItemPage[StatementItem]):
    """Movements, the newest first; each has the balance after it."""


@router.get(
    "/accounts/{account_id}/managers/{manager_id}/statement",
    operation_id="list_statement",
    summary="What is this manager owed, and why?",
)
async def list_statement(
    visit: ToRead,
    listing: AccountListing,
    manager_id: ManagerId,
    within: Within,
    ledger: Annotated[
        str,
        Query(
            min_length=1,
            max_length=TEXT_MAX,
            description="Which ledger; rules name their own.",
            examples=["account"],
        ),
    ] = "account",
) -> StatementPage:
    """Every movement of their credit, the newest first; for themselves `self` is enough.

    That somebody looked at another one's goes to the access log.
    """

    async def read(piece: Piece) -> Sequence[StatementLine]:
        before, after = piece.newest_first()
        return await lines(
            visit.installation,
            visit.account,
            visit.principal,
            manager_id,
            ledger=ledger,
            since=within.since,
            until=within.until,
            limit=piece.limit,
            before=before,
            after=after,
        )

    def shape(line: StatementLine) -> StatementItem:
        return statement_item(visit.account, line)

    return await listing.page(StatementPage, read, key=_key, shape=shape)


def statement_item(account: RegisteredAccount, line: StatementLine) -> StatementItem:
    """A movement as it is answered."""
    moved = line.movement
    return StatementItem(
        version=moved.version,
        at=moved.at,
        reason=moved.reason,
        lead_id=moved.lead_id,
        units=moved.units,
        balance_units=moved.balance_units,
        by=line.by,
        note=line.note,
        kinds=told_all(words_of(account), line.kinds),
    )


def _key(line: StatementLine) -> Key:
    return (line.movement.version,)
