"""How even an account's leads are given out, ledger by ledger, and how it came to that (D3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.configuration import ACCOUNT_LEDGER
from projections import fairness
from projections.fairness import DEVIATION_MAX_UNITS, Furthest, Share
from projections.fairness.books import DEVIATION_WITH_KINDS_MAX_UNITS
from services.application.books import KindFairness, fair
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

# Of each ledger, for its line.
MOVEMENTS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFairness:
    """One ledger.

    Attributes:
        shares: Everybody in it.
        kinds: The same in each kind that it tells apart (D3.9).
        promised_units: That nobody is so far from the fair share.
        history: How far whoever was furthest was, after each of the newest movements.
    """

    ledger: str
    shares: Sequence[Share]
    kinds: Sequence[KindFairness]
    promised_units: int
    history: Sequence[Furthest]

    @property
    def assigned(self) -> int:
        """How many leads were given out by it."""
        return sum(each.assigned for each in self.shares)

    @property
    def widest_units(self) -> int:
        """How far whoever is furthest is from the fair share now."""
        return max((each.meter_units for each in self.shares), default=0)

    @property
    def is_kept(self) -> bool:
        """Whether that is as promised."""
        return self.widest_units < self.promised_units


async def fair_by_ledger(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> list[LedgerFairness]:
    """Every ledger of an account, the one of the account first.

    Raises:
        Refused: They may not look.
    """
    found = await fair(installation, account, principal)
    names = sorted({each.ledger for each in found.shares}, key=lambda n: (n != ACCOUNT_LEDGER, n))
    ledgers: list[LedgerFairness] = []
    async with borrow_to_read(installation.pool) as connection:
        for name in names:
            shares = [each for each in found.shares if each.ledger == name]
            kinds = [each for each in found.kinds if each.share.ledger == name]
            promised = DEVIATION_WITH_KINDS_MAX_UNITS if kinds else DEVIATION_MAX_UNITS
            ledgers.append(
                LedgerFairness(
                    ledger=name,
                    shares=shares,
                    kinds=kinds,
                    promised_units=promised,
                    history=await fairness.history(
                        connection, account.account_id, shares, limit=MOVEMENTS_MAX
                    ),
                )
            )
    return ledgers
