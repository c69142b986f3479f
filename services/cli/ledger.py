"""A manager's account of leads: his statement, and an administrator's corrections (D3.8)."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from contracts.events import LEAD, CreditMoved
from contracts.inbound import PostCorrection
from domain.commands import CORRECTION_MAX_UNITS
from domain.explain import leads_of
from projections import fairness
from services.cli.administrator import administrator
from services.cli.explain import namer
from services.cli.installation import Installation, Wrong
from services.cli.order import order
from services.cli.people import KEPT, check_reason
from services.storage.accounts import Account
from services.storage.database import borrow

LINES_MAX = 1_000
MOVED = {
    "corrected": "corrected by {by}",
    "caught_up": "caught up after an absence, by {by}",
    "imported": "imported by {by}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a statement, as it is printed; leads with three decimals."""

    at: str
    event: str
    what: str
    leads: str
    balance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A manager's account in one ledger.

    Attributes:
        head: Who he is, what he got and what would have been fair.
        lines: The newest, oldest of them first.
        left_out: How many older lines there may be: whether the first shown is not the first.
    """

    head: str
    lines: list[Line]
    left_out: bool


async def statement(
    installation: Installation, account: Account, manager_id: int, *, ledger: str, limit: int
) -> Statement:
    """A manager's newest movements and his balance.

    Raises:
        Wrong: Nothing was ever moved for him in that ledger.
    """
    async with borrow(installation.pool) as connection:
        shares = await fairness.of_account(connection, account.account_id)
        newest = await fairness.statement(
            connection,
            account_id=account.account_id,
            ledger=ledger,
            manager_id=manager_id,
            limit=limit + 1,
        )
    share = next((s for s in shares if (s.ledger, s.manager_id) == (ledger, manager_id)), None)
    name = namer(account)(manager_id)
    if share is None:
        own = ", ".join(s.ledger for s in shares if s.manager_id == manager_id) or "none"
        raise Wrong(f"{name} has no movement in ledger {ledger!r}; his ledgers: {own}")
    zone = ZoneInfo(account.timezone)
    lines = [
        Line(
            at=f"{movement.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            event=str(movement.version),
            what=await _what(installation, account, movement),
            leads=leads_of(movement.units),
            balance=leads_of(movement.balance_units),
        )
        for movement in reversed(newest[:limit])
    ]
    return Statement(head=_head(name, share), lines=lines, left_out=len(newest) > limit)


def _head(name: str, share: fairness.Share) -> str:
    owed = share.credit_units
    if owed > 0:
        balance = f"he is owed {leads_of(owed).lstrip('+')} leads"
    elif owed < 0:
        balance = f"he is {leads_of(-owed).lstrip('+')} leads ahead"
    else:
        balance = "nobody owes anything"
    fair = leads_of(share.share_units).lstrip("+")
    return (
        f"{name}, ledger {share.ledger!r}: {share.assigned} leads of a fair share of {fair};"
        f" {balance}."
    )


async def _what(installation: Installation, account: Account, movement: fairness.Movement) -> str:
    """What moved the credit, in words; who posted it and why stands in the event only."""
    if movement.lead_id is not None:
        if movement.reason == "lapsed":
            return f"lead {movement.lead_id} passed on untouched: it stays charged"
        is_his = movement.units <= 0
        if movement.reason == "refunded":
            return f"lead {movement.lead_id} taken back from {'another' if is_his else 'him'}"
        return f"lead {movement.lead_id} given to {'him' if is_his else 'another: his share'}"
    (recorded,) = await installation.events.stream(
        account.account_id, movement.version - 1, limit=1
    )
    event = recorded.event
    assert isinstance(event, CreditMoved)  # noqa: S101 - what the projection booked it from
    words = MOVED[movement.reason].format(by=event.by)
    return f"{words}: {event.note}" if event.note else words


async def correct(
    installation: Installation,
    account: Account,
    manager_id: int,
    leads: str,
    *,
    ledger: str,
    reason: str,
) -> str:
    """Post a correction; what to tell the person.

    Raises:
        Wrong: `leads` is no number of leads, the reason cannot be kept, or the account refused.
    """
    check_reason(reason)
    if not reason.strip():
        raise Wrong("--reason: expected why, for the statements of all who bear it")
    units = parse_leads(leads)
    body = PostCorrection(
        manager_id=manager_id,
        credit_units=units,
        by=administrator(),
        reason=reason,
        ledger=ledger,
    )
    answer = await order(installation, account.account_id, body)
    if answer is None:
        return KEPT
    name, moved = namer(account), next(e for e in answer if isinstance(e, CreditMoved))
    bearers = ", ".join(
        f"{name(other)} {leads_of(part)}" for other, part in moved.movements if other != manager_id
    )
    return f"{name(manager_id)} {leads_of(units)} leads; {bearers}."


def parse_leads(text: str) -> int:
    """Credit units from a number of leads like `2`, `-1.5`.

    Raises:
        Wrong: It is no number, 0, too large, or finer than a unit.
    """
    expected = f"LEADS: expected a number from -1000 to 1000 but not 0, like 1.5, got {text!r}"
    try:
        leads = Decimal(text)
    except InvalidOperation as error:
        raise Wrong(expected) from error
    if not leads.is_finite() or not 0 < abs(leads) <= CORRECTION_MAX_UNITS // LEAD:
        raise Wrong(expected)
    units = leads * LEAD
    if units != int(units):
        raise Wrong(f"LEADS: expected at most 9 decimals, got {text!r}")
    return int(units)
