"""What everybody got in a period: counted, and taken back (D3.10)."""

from contracts.events import Even, LeadAssigned, Standing
from domain.state import Account, RegistryBook, Wanted

# Verdicts of this lead alone: whoever has them is there all the same.
THERE = ("refused", "already_tried")


def count(account: Account, event: LeadAssigned, even: Even) -> None:
    """The lead raises its manager's level; whoever was asked is there, whoever was away is not."""
    book = account.registries.get(even.registry)
    if book is None or book.began_at != even.began_at:
        book = account.registries[even.registry] = RegistryBook(even.began_at)
    there = dict.fromkeys(book.there)
    for standing, level in zip(event.standings, even.levels, strict=True):
        if _is_asked(standing, event.tier):
            there[standing.manager_id] = None
            book.levels[standing.manager_id] = level
        elif standing.verdict not in THERE:
            there.pop(standing.manager_id, None)
    book.there = tuple(sorted(there))
    book.levels[event.manager_id] += even.added


def take_back(account: Account, wanted: Wanted) -> None:
    """The decision is taken back, and the period in which it counts may be over."""
    book = account.registries.get(wanted.registry)
    if book is not None and book.began_at == wanted.counted_at:
        book.levels[wanted.manager_id] -= wanted.counted


def keep_registries(account: Account) -> None:
    """Forget the registries that no rule names any more."""
    named = {r.registry.name for r in account.configuration.rules if r.registry is not None}
    account.registries = {n: book for n, book in account.registries.items() if n in named}


def _is_asked(standing: Standing, tier: int) -> bool:
    return standing.verdict == "eligible" and standing.tier == tier
