"""What an account's ledgers tell leads apart in, for whoever names kinds (D3.9)."""

from contracts.rules import RulesFile
from domain.explain.kinds import NO_LEDGERS, Ledgers
from domain.kinds import compile_kinds
from projections import readings
from services.storage.database import Connection


async def ledgers_in_force(
    connection: Connection, account_id: int, *, revision: int | None = None
) -> Ledgers:
    """By the rules in force; nothing if there are none, or they are not of a wanted revision."""
    known = await readings.rules_of(connection, account_id)
    if known is None or revision not in (None, known[0]):
        return NO_LEDGERS
    if not known[1].get("ledgers"):
        return NO_LEDGERS  # most: nothing has to be validated for that
    return compile_kinds(RulesFile.model_validate(known[1]).ledgers)
