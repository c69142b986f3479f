"""Connecting a Kommo account: check the token, keep it sealed, subscribe its webhooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from contracts.kommo.oauth import claims_of
from contracts.kommo.rest import Account, Webhook
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
from services.kommo.subscription import secret_of, subscribe
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.shared.logs import hide
from services.shared.secrets import digest_of, new_webhook_secret
from services.storage.accounts import Admission
from services.storage.asked_sweeps import AskedSweeps
from services.storage.database import borrow

HOOK_PATH = "/kommo/"

# What has gone well, in this order; what comes next is what has not.
Step = Literal["address", "account", "zone", "people", "webhooks", "kept"]
OnStep = Callable[[Step], None]


def nobody(_: Step) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a person needs to know after connecting.

    Attributes:
        is_anew: An address of before went out of use.
        hook_url: Holds the account's secret: for Digital Pipeline triggers, shown once; empty
            where the one of before goes on.
        expires_at: When somebody has to give another token; None if nobody has to.
    """

    account_id: int
    name: str
    timezone: str
    users: int
    stages: int
    is_anew: bool
    hook_url: SecretStr
    pipelines: int = 0
    administrators: int = 0
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an account is to be connected.

    Attributes:
        public_url: Where Kommo reaches ingress.
        keeps_address: The address of its webhooks goes on if Kommo still has it: triggers do.
        only: The account that it has to be; None for any.
        on_step: Told each step that has gone well.
    """

    base_url: str
    admission: Admission
    public_url: str
    keeps_address: bool = False
    only: int | None = None
    on_step: OnStep = field(default=nobody)


async def connect(
    installation: Installation,
    principal: Principal,
    *,
    base_url: str,
    token: SecretStr,
    public_url: str,
    on_step: OnStep = nobody,
) -> Connected:
    """Connect an account by a long-lived token, or anew with another token, address or secret.

    Args:
        installation: Where.
        principal: Who may operate it: it becomes known only now whose account it is.
        base_url: Of the account, such as `https://acme.kommo.com`.
        token: A long-lived token of a private integration, an administrator's.
        public_url: Where Kommo reaches ingress.
        on_step: Told each step that has gone well.

    Raises:
        Refused: They may not, the address or the token is not usable, or Kommo does not answer.
            Nothing was stored, unless Kommo stopped answering after that.
    """
    principal.require("operate")
    admission = Admission(token=token, expires_at=claims_of(token).expires_at)
    way = Way(base_url=base_url, admission=admission, public_url=public_url, on_step=on_step)
    return await admit(installation, way)


async def reconnect(
    installation: Installation,
    principal: Principal,
    account_id: int,
    *,
    token: SecretStr,
    public_url: str,
    on_step: OnStep = nobody,
) -> Connected:
    """Give a connected account another long-lived token; the address of its webhooks goes on.

    Raises:
        Refused: As `connect`, or the token is another account's.
    """
    principal.require("access")
    account = await installation.account(account_id)
    admission = Admission(token=token, expires_at=claims_of(token).expires_at)
    way = Way(
        base_url=account.base_url,
        admission=admission,
        public_url=public_url,
        keeps_address=True,
        only=account_id,
        on_step=on_step,
    )
    return await admit(installation, way)


async def admit(installation: Installation, way: Way) -> Connected:
    """Connect an account in a way that somebody who may has chosen.

    Raises:
        Refused: As `connect`.
    """
    hide(way.admission.token)
    check_public_url(installation, way.public_url)
    if installation.is_production and not is_kommos(way.base_url):
        raise Refused("address_not_an_accounts", reason=sentence("address.is_anothers"))
    # The same address as the gateway's, whose requests Kommo counts with ours.
    limiter = Limiter(starts=SharedStarts(installation.pool))
    try:
        client = KommoClient(base_url=way.base_url, token=way.admission.token, limiter=limiter)
    except NoAddress as error:
        raise Refused("address_not_an_accounts", reason=error.told) from error
    way.on_step("address")
    async with client:
        with refusals_of_kommo(way.base_url):
            return await _admit(installation, client, way)


async def _admit(installation: Installation, client: KommoClient, way: Way) -> Connected:
    facts = await client.account()
    _check_account(facts, way)
    way.on_step("account")
    if not is_zone(facts.timezone):
        raise Refused("time_zone_unknown", zone=facts.timezone)
    way.on_step("zone")
    accounts = {each.account_id: each for each in await installation.accounts.all()}
    known = accounts[facts.id].directory if facts.id in accounts else {}
    names = await read_names(client, known)
    way.on_step("people")
    former = await client.webhooks()
    digest = (await installation.accounts.present_digests()).get(facts.id)
    if way.keeps_address and _is_subscribed(former, digest):
        hook_url = SecretStr("")
        await installation.accounts.admit_by(
            facts.id,
            way.admission,
            subdomain=facts.subdomain,
            base_url=way.base_url,
            timezone=facts.timezone,
        )
        way.on_step("webhooks")
    else:
        hook_url = await _subscribe_and_keep(installation, client, way, facts, former)
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
    if facts.id in accounts:  # nobody told us what happened while we were not let in
        reason = f"connected again at {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        await AskedSweeps(installation.pool).ask(lambda each: each == facts.id, reason)
    way.on_step("kept")
    is_anew = facts.id in accounts and bool(hook_url)
    return _found(facts, names, way, hook_url, is_anew=is_anew)


def _check_account(facts: Account, way: Way) -> None:
    """See that the account is the one that address and token say it is (S15)."""
    if way.only not in (None, facts.id):
        raise Refused("another_account", account=facts.id)
    claimed = claims_of(way.admission.token).account_id
    label = (urlsplit(way.base_url).hostname or "").partition(".")[0]
    if claimed not in (None, facts.id) or (
        is_kommos(way.base_url) and label != facts.subdomain.lower()
    ):
        raise Refused("another_account", account=facts.id)


def _is_subscribed(webhooks: Sequence[Webhook], digest: bytes | None) -> bool:
    return digest is not None and any(
        digest_of(secret_of(hook.destination)) == digest and not hook.disabled for hook in webhooks
    )


async def _subscribe_and_keep(
    installation: Installation,
    client: KommoClient,
    way: Way,
    facts: Account,
    former: Sequence[Webhook],
) -> SecretStr:
    secret = new_webhook_secret()
    hide(secret)
    root = way.public_url.rstrip("/") + HOOK_PATH
    hook_url = SecretStr(f"{root}{secret.get_secret_value()}/")
    # Before anything is stored: while Kommo refuses the new address, the former one works on.
    await subscribe(client, hook_url)
    way.on_step("webhooks")
    try:
        await installation.accounts.add(
            facts.id,
            subdomain=facts.subdomain,
            base_url=way.base_url,
            token=way.admission,
            webhook_secret=secret,
            timezone=facts.timezone,
        )
    except BaseException:
        await client.unsubscribe(hook_url)
        raise
    for hook in former:  # with a secret that just went out of use
        if hook.destination.startswith(root):
            await client.unsubscribe(SecretStr(hook.destination))
    return hook_url


def _found(
    facts: Account,
    names: Mapping[str, Any],
    way: Way,
    hook_url: SecretStr,
    *,
    is_anew: bool,
) -> Connected:
    active = [user for user in names["users"] if user["is_active"]]
    is_renewed = way.admission.refresh is not None
    return Connected(
        account_id=facts.id,
        name=facts.name,
        timezone=facts.timezone,
        users=len(active),
        administrators=sum(1 for user in active if user.get("is_admin")),
        pipelines=len(names["pipelines"]),
        stages=sum(len(pipeline["stages"]) for pipeline in names["pipelines"]),
        is_anew=is_anew,
        hook_url=hook_url,
        expires_at=None if is_renewed else way.admission.expires_at,
    )
