"""Decisions of an account: found by what they are about, and one of them told in full."""

from collections.abc import Sequence
from dataclasses import dataclass

from projections import decisions
from projections.decisions import Decision, DecisionFilter
from services.application.explain import Explained, explain_lead
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDecision:
    """One decision with everything that is known of it.

    Attributes:
        explained: What happened and why, and whether the same inputs give it again.
    """

    decision: Decision
    explained: Explained


async def decided(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    which: DecisionFilter,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> Sequence[Decision]:
    """Decisions, the newest first; behind a version the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        return await decisions.page(
            connection,
            account_id=account.account_id,
            limit=limit,
            which=which,
            before=before,
            after=after,
        )


async def decision(
    installation: Installation, account: RegisteredAccount, principal: Principal, version: int
) -> ToldDecision:
    """One decision, decided again from what is recorded.

    Raises:
        Refused: They may not look, or no decision has that version.
    """
    principal.require("explain")
    found = await decided(
        installation,
        account,
        principal,
        DecisionFilter(),
        limit=1,
        before=version + 1,
    )
    if not found or found[0].version != version:
        raise Refused("no_such_decision", decision=version)
    (explained,) = await explain_lead(
        installation, account, principal, found[0].lead_id, decision=version
    )
    return ToldDecision(decision=found[0], explained=explained)
