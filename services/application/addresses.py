"""Giving an account another address for its webhooks, without losing one (S1, S3)."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from services.application.connect import HOOK_PATH
from services.application.installation import Installation
from services.application.kommo import check_public_url, kommo_of, refusals_of_kommo
from services.application.principal import Principal
from services.kommo.subscription import secret_of, subscribe
from services.shared.logs import hide
from services.shared.secrets import digest_of, new_webhook_secret
from services.storage.accounts import RegisteredAccount

# For the time between the two subscriptions; if the second fails, nobody knows the new secret.
ADMITTED_S = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a person needs to know after it.

    Attributes:
        hook_url: The new address, with its secret: for Digital Pipeline triggers, shown once.
        former_until: How long the former one works; None if it does not any more.
    """

    hook_url: SecretStr
    former_until: datetime | None


async def rotate_address(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    public_url: str,
    overlap_s: float,
) -> Rotated:
    """Subscribe the account's webhooks under a new secret; the former one works on for a while.

    While the former one works, triggers may have either. Kommo's own webhooks move at once.

    Raises:
        Refused: They may not, the account's token cannot be used, or Kommo refused or does not
            answer; the former address works on.
    """
    principal.require("access")
    check_public_url(installation, public_url)
    digests = await installation.accounts.present_digests()
    secret = new_webhook_secret()
    hide(secret)
    hook_url = SecretStr(public_url.rstrip("/") + HOOK_PATH + secret.get_secret_value() + "/")
    async with kommo_of(installation, account) as client:
        with refusals_of_kommo(account.base_url):
            former = await client.webhooks()
            await installation.accounts.admit(account.account_id, secret, for_s=ADMITTED_S)
            await subscribe(client, hook_url)
            until = await installation.accounts.rotate(
                account.account_id, secret, overlap_s=overlap_s
            )
            for hook in former:
                if digest_of(secret_of(hook.destination)) == digests.get(account.account_id):
                    await client.unsubscribe(SecretStr(hook.destination))
    return Rotated(hook_url=hook_url, former_until=until)
