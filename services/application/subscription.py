"""What Kommo is asked to tell an account's address."""

from pydantic import SecretStr

from services.kommo.client import KommoClient
from services.kommo.errors import Rejected

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
