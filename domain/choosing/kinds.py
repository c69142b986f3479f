"""Fair in number and in kind: the credits in a lead's kinds, and credit spread over them (D3.9).

Whatever moves in a ledger moves as much in each of its dimensions. So a manager's credits in the
kinds of one dimension add up to their credit in all, but for what they had before there were
kinds, and making up for the one makes up for the others.
"""

from collections.abc import Callable

from contracts.events import KindCredits, KindMovements, LeadKind, Standing
from domain.choosing.fair_share import shares
from domain.configuration import Rule
from domain.kinds import OTHER
from domain.state import Account, Request

Movements = tuple[tuple[int, int], ...]


def kinds_of(rule: Rule, request: Request) -> tuple[LeadKind, ...]:
    """Of which kind the lead is in each dimension of the rule's ledger.

    What was not read, or read for a kind that is named no more, is "other".
    """
    if not rule.kinds:
        return ()
    found = dict(request.kinds) | {"stage": request.stage.status_id}
    return tuple(
        LeadKind(each.what, kind if each.keeps(kind := found.get(each.what, OTHER)) else OTHER)
        for each in rule.kinds
    )


def kind_credits(
    account: Account, rule: Rule, request: Request, standings: tuple[Standing, ...]
) -> tuple[KindCredits, ...]:
    """The lead's kinds, with the credit of each participant in them."""
    if not rule.kinds:
        return ()
    managers = [standing.manager_id for standing in standings]
    found = []
    for kind in kinds_of(rule, request):
        credit_of = account.kind_credits(rule.ledger, kind).get
        found.append(KindCredits(*kind, tuple([credit_of(each, 0) for each in managers])))
    return tuple(found)


def spread(
    account: Account, ledger: str, units: int, moved: Callable[[int], Movements]
) -> tuple[KindMovements, ...]:
    """Credit that moves without a lead, over the kinds of its ledger.

    It is spread in the proportion of the leads that were given out in each kind, so that it can be
    made up for as fast in all of them; while there were none, all of it is "other".

    Args:
        account: Knows the kinds and their leads.
        ledger: In which it moves.
        units: What the manager gets, or gives.
        moved: The movements, adding up to 0, if they get or give so much.
    """
    found = []
    sign, books = 1 if units >= 0 else -1, account.kinds.get(ledger, {})
    for dimension in account.configuration.kinds.get(ledger, ()):
        what = dimension.what
        leads = tuple((k.kind, b.leads) for k, b in books.items() if k.what == what and b.leads)
        for kind, part in shares(leads or ((OTHER, 1),), abs(units)):
            if part:
                found.append(KindMovements(what, kind, moved(sign * part)))
    return tuple(found)
