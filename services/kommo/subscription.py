"""What Kommo is asked to tell an account's address, and what has become of that.

After too many bad answers Kommo stops, and tells nobody but its own settings page (F31).
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from contracts.kommo.rest import Webhook
from services.kommo.client import KommoClient
from services.kommo.errors import Rejected
from services.shared.secrets import digest_of

Webhooks = Literal["on", "disabled", "missing", "unknown"]

# What loads, requests and counts of tasks follow from (D1.1, D11.1, D5.6), and what stops clocks
# (D7.1). Contacts are read when a rule asks about them. Kommo has no documented subscription to
# outgoing messages.
SUBSCRIBED = (
    "add_lead",
    "update_lead",
    "delete_lead",
    "restore_lead",
    "status_lead",
    "responsible_lead",
    "note_lead",
    "add_task",
    "update_task",
    "delete_task",
)
# Incoming leads, which may come and be accepted without a hook about leads. Clients subscribe to
# them, and no list of Kommo's has them.
INCOMING = ("add_unsorted", "delete_unsorted")


async def subscribe(client: KommoClient, hook_url: SecretStr) -> None:
    """Subscribe an address to all that the engine uses; without incoming leads if they are refused.

    Raises:
        services.kommo.errors.Rejected: Kommo refuses the address.
        services.shared.errors.Unavailable: Kommo does not answer.
    """
    try:
        await client.subscribe(hook_url, (*SUBSCRIBED, *INCOMING))
    except Rejected:
        await client.subscribe(hook_url, SUBSCRIBED)


async def subscribe_again(client: KommoClient, addresses: Iterable[SecretStr]) -> None:
    """Have Kommo send again what it switched off: saved anew, under the same addresses.

    Raises:
        services.kommo.errors.Rejected: Kommo refuses; some may not be subscribed now.
        services.shared.errors.Unavailable: Kommo does not answer; the same.
    """
    for address in addresses:
        # Saving a known one leaves it switched off.
        await client.unsubscribe(address)
        await subscribe(client, address)


def ours_of(webhooks: Sequence[Webhook], digest: bytes) -> list[Webhook]:
    """The subscriptions whose address ends with the secret of this digest."""
    return [
        webhook
        for webhook in webhooks
        if hmac.compare_digest(digest_of(secret_of(webhook.destination)), digest)
    ]


def state_of(ours: Sequence[Webhook]) -> Webhooks:
    """What has become of them."""
    if not ours:
        return "missing"
    return "disabled" if all(webhook.disabled for webhook in ours) else "on"


def secret_of(destination: str) -> SecretStr:
    """The secret in an address of ours; of another's, something that is no secret of ours."""
    try:
        path = urlsplit(destination).path
    except ValueError:
        return SecretStr("")
    return SecretStr(path.rstrip("/").rpartition("/")[2])
