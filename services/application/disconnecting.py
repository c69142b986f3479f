"""Disconnecting an account: no webhooks, no tokens; what is about people is kept or erased (S21).

Tokens are destroyed whatever Kommo says: who wants to be let in no more has a reason. What could
not be done over there is told, for a person to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from contracts.sentences import Sentence, sentence
from services.application.installation import Installation
from services.application.kommo import check_asks_kommo, kommo_of, refusals_of_kommo
from services.application.principal import Principal
from services.application.refused import Refused
from services.gateway import stops
from services.kommo.subscription import secret_of
from services.shared.secrets import digest_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """What came of it.

    Attributes:
        unsubscribed: Webhooks that Kommo sends no more.
        unasked: Why Kommo could not be asked to send none; None if it was.
        is_erased: Whether names, texts and raw bodies are gone.
    """

    unsubscribed: int
    unasked: Refused | None
    is_erased: bool


async def disconnect(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    erases: bool,
) -> Disconnected:
    """End what connects an account; connected again, it goes on where it was.

    Args:
        installation: Where.
        account: Which.
        principal: Who may decide about its access.
        erases: Whether names of people, what was written about them, and raw bodies go, too;
            events, which hold ids and outcomes, stay either way.

    Raises:
        Refused: They may not, or no tokens are read here; nothing was done.
        services.shared.errors.Unavailable: The database does not answer; repeat it.
    """
    principal.require("access")
    await check_asks_kommo(installation)
    unsubscribed, unasked = 0, None
    try:
        async with kommo_of(installation, account) as client:
            with refusals_of_kommo(account.base_url):
                owners = await installation.accounts.webhook_owners()
                for hook in await client.webhooks():
                    owner = owners.get(digest_of(secret_of(hook.destination)))
                    if owner is not None and owner.account_id == account.account_id:
                        await client.unsubscribe(SecretStr(hook.destination))
                        unsubscribed += 1
    except Refused as refused:
        unasked = refused
    await installation.accounts.disconnect(account.account_id, erases=erases)
    async with borrow(installation.pool) as connection:
        await stops.end(connection, account.account_id)
    log.warning(
        "account_disconnected",
        account_id=account.account_id,
        principal=principal.id,
        is_erased=erases,
        unsubscribed=unsubscribed,
    )
    return Disconnected(unsubscribed=unsubscribed, unasked=unasked, is_erased=erases)


def told_of(account: RegisteredAccount, done: Disconnected) -> Iterator[Sentence]:
    """What came of it, and what remains for a person to do in Kommo."""
    yield sentence("disconnect.done", account=account.account_id)
    if done.unasked is None:
        yield sentence("disconnect.unsubscribed", count=done.unsubscribed)
    else:
        yield sentence("disconnect.webhooks_remain", reason=done.unasked.sentence)
    yield sentence("disconnect.erased") if done.is_erased else sentence("disconnect.kept")
    yield sentence("disconnect.in_kommo")
