"""Credit that an administrator gives or takes (D3.8)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from contracts.events import LEAD, AllocationEvent, CommandRefused, CreditMoved
from contracts.inbound import Inbound, PostCorrection
from domain.commands.corrections import CORRECTION_MAX_UNITS
from domain.preview import foreseen
from services.allocator.accounts import Stores, load
from services.application.commands import Answer, Once, give
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.reasons import check_reason
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.snapshots import SnapshotStore

LEADS_MAX = CORRECTION_MAX_UNITS // LEAD
# Decimal takes the digits of any script, lines between them, and exponents of any size.
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a correction came to.

    Attributes:
        movements: Manager and units, all others' parts included; empty unless it is done.
    """

    answer: Answer
    movements: tuple[tuple[int, int], ...] = ()


async def correct(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    units: int,
    *,
    ledger: str,
    reason: str,
    once: Once,
) -> Correction:
    """Post a correction.

    Raises:
        Refused: They may not, there is no reason or none that can be kept, or the account refused.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    body = _body(principal, manager_id, units, ledger=ledger, reason=reason)
    asked = {
        "command": "correct",
        "manager": manager_id,
        "units": units,
        "ledger": ledger,
        "reason": reason,
    }
    answer = await give(installation, account.account_id, principal, [body], once, asked=asked)
    return Correction(answer=answer, movements=_movements(answer.events))


async def foresee(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    units: int,
    *,
    ledger: str,
    reason: str,
) -> tuple[tuple[int, int], ...]:
    """What a correction would move now, by manager; nothing is changed.

    Raises:
        Refused: As `correct` would.
    """
    body = _body(principal, manager_id, units, ledger=ledger, reason=reason)
    stores = Stores(installation.events, SnapshotStore(installation.pool))
    state = await load(stores, account.account_id)
    at = datetime.now(UTC)
    message = Inbound(account_id=account.account_id, message_id="preview", at=at, body=body)
    events = foreseen(state, [message])
    refusal = next((event for event in events if isinstance(event, CommandRefused)), None)
    if refusal is not None:
        raise Refused.of(refusal)
    return _movements(events)


def _body(
    principal: Principal, manager_id: int, units: int, *, ledger: str, reason: str
) -> PostCorrection:
    principal.require("ledger")
    check_reason(reason)
    if not reason.strip():
        raise Refused("reason_missing")
    return PostCorrection(
        manager_id=manager_id, credit_units=units, by=principal.id, reason=reason, ledger=ledger
    )


def _movements(events: Iterable[AllocationEvent]) -> tuple[tuple[int, int], ...]:
    moved = next((each for each in events if isinstance(each, CreditMoved)), None)
    return moved.movements if moved is not None else ()


def units_from(text: str) -> int:
    """Credit units from a number of leads like `2`, `-1.5`.

    Raises:
        Refused: It is no number, 0, too large, or finer than a unit.
    """
    if NUMBER.fullmatch(text) is None:
        raise Refused("leads_not_a_number", text=text)
    leads = Decimal(text)
    if not 0 < abs(leads) <= LEADS_MAX:
        raise Refused("leads_out_of_bounds", text=text, limit=LEADS_MAX)
    units = leads * LEAD
    if units != int(units):
        raise Refused("leads_too_fine", text=text)
    return int(units)
