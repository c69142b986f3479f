"""Who is told by webhooks what happens in an account (A8.4): targets, secrets, deliveries.

Whoever may say who has access says that, too: what is told leaves the house.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from pydantic import SecretStr

from contracts.sentences import sentence
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.outgoing.addresses import NotATarget, Resolve, pinned, resolve_host
from services.outgoing.signatures import new_secret
from services.outgoing.work import PING
from services.shared.codec import EVENT_NAMES
from services.shared.errors import Unavailable
from services.shared.thin import ThinEvent
from services.storage.accounts import RegisteredAccount
from services.storage.webhook_deliveries import (
    Delivery,
    DeliveryState,
    NewDelivery,
    WebhookDeliveries,
)
from services.storage.webhook_targets import WebhookTarget, WebhookTargets

TARGETS_MAX = 20
PAGE_MAX = 1_000
OVERLAP = timedelta(days=1)
# As rules write names.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTarget:
    """A target that was added, or whose secret was rotated.

    Attributes:
        secret: It is shown now, and never again.
        former_until: Until when the one before signs as well; None where there was none.
    """

    name: str
    secret: SecretStr
    former_until: datetime | None = None


async def targets(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> list[WebhookTarget]:
    """All targets of an account, by name, without their secrets.

    Raises:
        Refused: They may not look.
    """
    principal.require("access")
    return await _targets(installation).of(account.account_id)


async def add_target(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    name: str,
    *,
    url: str,
    events: Sequence[str] = (),
    resolve: Resolve = resolve_host,
) -> NewTarget:
    """Tell an address everything that happens from now on, or only events of some types.

    Args:
        installation: Where.
        account: Whose events.
        principal: Who asks.
        name: How rules and people call it: 1 to 64 of `a-z`, `0-9`, `-`, `_`.
        url: `https://...`, of a host that is public.
        events: Stored names such as `lead.assigned`; empty for all.
        resolve: Tells the addresses of a host.

    Raises:
        Refused: They may not, or the name, the address or an event is none, or there are too many.
    """
    principal.require("access")
    if NAME.fullmatch(name) is None:
        raise Refused("target_name_unusable", name=name)
    known = sorted(EVENT_NAMES.values())
    for each in events:
        if each not in known:
            raise Refused("target_event_unknown", event=each, known=tuple(known))
    await _check_address(installation, url, resolve)
    secret = new_secret()
    store, account_id = _targets(installation), account.account_id
    is_added = await store.add(
        account_id,
        name,
        url=url,
        events=tuple(dict.fromkeys(events)),
        secret=secret,
        made_by=principal.id,
        most=TARGETS_MAX,
    )
    if not is_added:
        if any(each.name == name for each in await store.of(account_id)):
            raise Refused("target_name_taken", name=name)
        raise Refused("too_many_targets", limit=TARGETS_MAX)
    return NewTarget(name=name, secret=secret)


async def remove_target(
    installation: Installation, account: RegisteredAccount, principal: Principal, name: str
) -> None:
    """Tell it nothing more, and forget what it was told.

    Raises:
        Refused: They may not, or there is none of that name.
    """
    principal.require("access")
    if not await _targets(installation).remove(account.account_id, name):
        raise Refused("target_unknown", name=name)


async def rotate_secret(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    name: str,
    *,
    overlap: timedelta = OVERLAP,
) -> NewTarget:
    """Sign with another secret; the one before signs as well for a while.

    Raises:
        Refused: They may not, or there is none of that name.
    """
    principal.require("access")
    secret = new_secret()
    until = await _targets(installation).rotate(account.account_id, name, secret, overlap=overlap)
    if until is None:
        raise Refused("target_unknown", name=name)
    return NewTarget(name=name, secret=secret, former_until=until)


async def ping(
    installation: Installation, account: RegisteredAccount, principal: Principal, name: str
) -> str:
    """Have something harmless sent once; a target that was given up is one again if it takes it.

    Returns:
        The delivery's id, for `delivery` to tell what came of it.

    Raises:
        Refused: They may not, or there is none of that name.
    """
    principal.require("access")
    await _need(installation, account, name)
    message_id = f"{PING}-{secrets.token_hex(8)}"
    told = ThinEvent(account_id=account.account_id, version=0, type=PING, at=datetime.now(UTC))
    body = orjson.dumps(told.as_json()).decode()
    new = NewDelivery(message_id=message_id, version=0, type=PING, body=body)
    await _deliveries(installation).add(account.account_id, name, new)
    return message_id


async def deliveries(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    target: str | None = None,
    state: DeliveryState | None = None,
    beside: tuple[datetime, str] | None = None,
    is_back: bool = False,
    limit: int = 50,
) -> list[Delivery]:
    """What was told, is being told, or was not taken: the newest, or those before one.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        target: Of this target only.
        state: Only those that stand so.
        beside: That one, by when it was listed and its id.
        is_back: Those after it instead, the nearest first.
        limit: The most.

    Raises:
        Refused: They may not look, or there is no such target.
    """
    principal.require("access")
    if target is not None:
        await _need(installation, account, target)
    return await _deliveries(installation).page(
        account.account_id,
        target=target,
        state=state,
        beside=beside,
        is_back=is_back,
        limit=min(limit, PAGE_MAX),
    )


async def delivery(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    name: str,
    message_id: str,
) -> Delivery:
    """A single one.

    Raises:
        Refused: They may not look, or there is none.
    """
    principal.require("access")
    found = await _deliveries(installation).one(account.account_id, name, message_id)
    if found is None:
        raise Refused("delivery_unknown", target=name, id=message_id)
    return found


async def redeliver(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    name: str,
    message_id: str | None = None,
) -> list[str]:
    """Have a delivery sent once more, or all of the target's that failed; their ids.

    Raises:
        Refused: They may not, or there is none of that name, or nothing to send.
    """
    principal.require("access")
    await _need(installation, account, name)
    again = await _deliveries(installation).send_again(account.account_id, name, message_id)
    if not again and message_id is not None:
        await delivery(installation, account, principal, name, message_id)
    if not again:
        raise Refused("nothing_to_redeliver", target=name)
    return again


async def _check_address(installation: Installation, url: str, resolve: Resolve) -> None:
    try:
        await pinned(url, allows_local=not installation.is_production, resolve=resolve)
    except NotATarget as error:
        why = sentence(f"target_address.{error.code}")
        raise Refused("target_address", why=why) from error
    except Unavailable as error:
        why = sentence("target_address.host_unknown")
        raise Refused("target_address", why=why) from error


async def _need(installation: Installation, account: RegisteredAccount, name: str) -> None:
    known = await _targets(installation).of(account.account_id)
    if all(each.name != name for each in known):
        raise Refused("target_unknown", name=name)


def _targets(installation: Installation) -> WebhookTargets:
    return WebhookTargets(installation.pool, installation.accounts.vault)


def _deliveries(installation: Installation) -> WebhookDeliveries:
    return WebhookDeliveries(installation.pool)
