"""Credit, and what managers who were away may catch up with; nobody at 0 is kept."""

from msgspec.structs import replace

from contracts.events import CreditMoved, LeadKind
from domain.state import Account, KindAccount

Movements = tuple[tuple[int, int], ...]


def moved(account: Account, event: CreditMoved) -> None:
    """Credit moved without a lead."""
    move(account, event.ledger, event.movements)
    for what, kind, movements in event.kinds:
        move_kind(account, event.ledger, LeadKind(what, kind), movements)
    if event.reason == "caught_up":
        known = account.missed.get(event.ledger, {})
        for manager_id, units in event.movements:
            if units > 0:
                known.pop(manager_id, None)
        if not known:
            account.missed.pop(event.ledger, None)


def move(account: Account, ledger: str, movements: Movements) -> None:
    """Move credit in a ledger."""
    credit = account.credits.setdefault(ledger, {})
    for manager_id, units in movements:
        credit[manager_id] = credit.get(manager_id, 0) + units
        if not credit[manager_id]:
            del credit[manager_id]  # so that equal states are equal


def move_kind(
    account: Account, ledger: str, kind: LeadKind, movements: Movements, *, leads: int = 0
) -> None:
    """Move credit in one kind of a ledger, and count the leads that were given out in it."""
    kinds = account.kinds.setdefault(ledger, {})
    book = kinds.setdefault(kind, KindAccount())
    book.leads += leads
    credit = book.credits
    for manager_id, units in movements:
        credit[manager_id] = credit.get(manager_id, 0) + units
        if not credit[manager_id]:
            del credit[manager_id]
    if not book.leads and not credit:
        del kinds[kind]
    if not kinds:
        del account.kinds[ledger]


def keep_kinds(account: Account) -> None:
    """Forget the kinds that the rules in force do not name any more.

    Decisions on their way forget them, too: should a kind come back, it knows nothing of them.
    """
    configuration, kept = account.configuration, {}
    for ledger, kinds in account.kinds.items():
        books = {kind: b for kind, b in kinds.items() if configuration.has_kind(ledger, kind)}
        if books:
            kept[ledger] = books
    account.kinds = kept
    for lead_id, lead in account.leads.items():
        if (wanted := lead.wanted) is not None and wanted.kinds:
            known = tuple(k for k in wanted.kinds if configuration.has_kind(wanted.ledger, k))
            if known != wanted.kinds:
                account.leads[lead_id] = replace(lead, wanted=replace(wanted, kinds=known))


def miss(account: Account, ledger: str, missed: Movements) -> None:
    """Remember what managers missed."""
    for manager_id, units in missed:
        known = account.missed.setdefault(ledger, {})
        # What was caught up with meanwhile is not taken back: the ledger has moved on.
        known[manager_id] = max(0, known.get(manager_id, 0) + units)
        if not known[manager_id]:
            del known[manager_id]
        if not known:
            del account.missed[ledger]


def unmiss(account: Account, ledger: str, missed: Movements) -> None:
    """The decision by which they missed it is taken back."""
    miss(account, ledger, tuple((manager_id, -units) for manager_id, units in missed))
