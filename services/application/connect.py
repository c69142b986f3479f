"""Connecting a Kommo account: check the token, keep it sealed, subscribe its webhooks."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from contracts.sentences import sentence
from services.application.installation import Installation
from services.application.kommo import check_public_url, refusals_of_kommo
from services.application.principal import Principal
from services.application.refused import Refused
from services.gateway import stops
from services.gateway.directory import is_zone
from services.gateway.names import description, groups_of, read_names
from services.gateway.starts import SharedStarts
from services.kommo.address import NoAddress, is_kommos
from services.kommo.client import KommoClient
from services.kommo.limiter import Limiter
from services.kommo.subscription import subscribe
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.shared.logs import hide
from services.shared.secrets import new_webhook_secret
from services.storage.database import borrow

HOOK_PATH = "/kommo/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a person needs to know after connecting.

    Attributes:
        is_anew: An address of before went out of use.
        hook_url: Holds the account's secret: for Digital Pipeline triggers, shown once.
    """

    account_id: int
    name: str
    timezone: str
    users: int
    stages: int
    is_anew: bool
    hook_url: SecretStr


async def connect(
    installation: Installation,
    principal: Principal,
    *,
    base_url: str,
    token: SecretStr,
    public_url: str,
) -> Connected:
    """Connect an account, or connect it anew with another token, address or secret.

    Args:
        installation: Where.
        principal: Who may operate it: it becomes known only now whose account it is.
        base_url: Of the account, such as `https://acme.kommo.com`.
        token: A long-lived token of a private integration, an administrator's.
        public_url: Where Kommo reaches ingress.

    Raises:
        Refused: They may not, the address or the token is not usable, or Kommo does not answer.
            Nothing was stored, unless Kommo stopped answering after that.
    """
    hide(token)
    principal.require("operate")
    check_public_url(installation, public_url)
    if installation.is_production and not is_kommos(base_url):
        raise Refused("address_not_an_accounts", reason=sentence("address.is_anothers"))
    # The same address as the gateway's, whose requests Kommo counts with ours.
    limiter = Limiter(starts=SharedStarts(installation.pool))
    try:
        client = KommoClient(base_url=base_url, token=token, limiter=limiter)
    except NoAddress as error:
        raise Refused("address_not_an_accounts", reason=error.told) from error
    async with client:
        with refusals_of_kommo(base_url):
            return await _connect(installation, client, base_url, token, public_url)


async def _connect(
    installation: Installation,
    client: KommoClient,
    base_url: str,
    token: SecretStr,
    public_url: str,
) -> Connected:
    facts = await client.account()
    if not is_zone(facts.timezone):
        raise Refused("time_zone_unknown", zone=facts.timezone)
    accounts = {each.account_id: each for each in await installation.accounts.all()}
    known = accounts[facts.id].directory if facts.id in accounts else {}
    names = await read_names(client, known)
    secret = new_webhook_secret()
    hide(secret)
    root = public_url.rstrip("/") + HOOK_PATH
    hook_url = SecretStr(f"{root}{secret.get_secret_value()}/")
    former = await client.webhooks()
    # Before anything is stored: while Kommo refuses the new address, the former one works on.
    await subscribe(client, hook_url)
    try:
        await installation.accounts.add(
            facts.id,
            subdomain=facts.subdomain,
            base_url=base_url,
            token=token,
            webhook_secret=secret,
            timezone=facts.timezone,
        )
    except BaseException:
        await client.unsubscribe(hook_url)
        raise
    async with borrow(installation.pool) as connection:
        await stops.end(connection, facts.id)
    directory = {
        "webhooks": "on",
        "timezone": facts.timezone,
        "groups": groups_of(facts),
        **names,
    }
    await installation.accounts.update_directory(facts.id, directory)
    message = description(facts, names, at=datetime.now(UTC))
    await installation.log.publish([Entry(facts.id, encode_inbound(message))])
    ours = [hook.destination for hook in former if hook.destination.startswith(root)]
    for destination in ours:  # with a secret that just went out of use
        await client.unsubscribe(SecretStr(destination))
    return Connected(
        account_id=facts.id,
        name=facts.name,
        timezone=facts.timezone,
        users=sum(1 for user in names["users"] if user["is_active"]),
        stages=sum(len(pipeline["stages"]) for pipeline in names["pipelines"]),
        is_anew=facts.id in accounts,
        hook_url=hook_url,
    )
