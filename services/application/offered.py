"""Which leads are offered to somebody now: until when they may take them or pass them on (D7.6)."""

from dataclasses import dataclass
from datetime import datetime

from services.application.present import Present
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedLead:
    """A lead whose clock runs.

    Attributes:
        ends_at: When it goes to the next one, unless something is done to it.
    """

    lead_id: int
    manager_id: int
    rule_id: str
    ends_at: datetime


async def offered(
    present: Present,
    account: RegisteredAccount,
    principal: Principal,
    *,
    manager_id: int | None = None,
) -> list[OfferedLead]:
    """Those of a manager, or all, the one that ends first before the others.

    Raises:
        Refused: They may not look.
    """
    if manager_id is None:
        principal.require("read")
    else:
        principal.require_own("read", manager_id)
    state = await present.account(account.account_id)
    found: list[OfferedLead] = []
    for lead_id, offer in state.offers.items():
        rule = state.configuration.by_id.get(offer.rule_id)
        is_asked = manager_id in (None, offer.manager_id)
        if not is_asked or rule is None or rule.redistribution is None or offer.held_at is None:
            continue
        works_by = rule.schedule_of(offer.manager_id)
        found.append(
            OfferedLead(
                lead_id=lead_id,
                manager_id=offer.manager_id,
                rule_id=offer.rule_id,
                ends_at=rule.redistribution.ends_at(offer.held_at, works_by),
            )
        )
    return sorted(found, key=lambda each: (each.ends_at, each.lead_id))
