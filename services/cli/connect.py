"""Connecting a Kommo account: check the token, keep it sealed, subscribe its webhooks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from services.cli.installation import Installation, Wrong
from services.codec import encode_inbound
from services.errors import Malformed, Unavailable
from services.gateway.directory import description, is_zone, names_of
from services.gateway.starts import SharedStarts
from services.kommo.client import KommoClient
from services.kommo.errors import AccountStopped, RateLimited, Rejected
from services.kommo.limiter import Limiter
from services.log.port import Entry
from services.logs import hide
from services.secrets import new_webhook_secret

# What loads and requests follow from (D1.1, D11.1), and what stops clocks (D7.1). Contacts are read
# when a rule asks about them. Kommo has no documented subscription to outgoing messages.
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
)
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
    installation: Installation, *, base_url: str, token: SecretStr, public_url: str
) -> Connected:
    """Connect an account, or connect it anew with another token, address or secret.

    Args:
        installation: Where.
        base_url: Of the account, such as `https://acme.kommo.com`.
        token: A long-lived token of a private integration, an administrator's.
        public_url: Where Kommo reaches ingress.

    Raises:
        Wrong: The address or the token is not usable, or Kommo does not answer. Nothing was
            stored, unless the message says otherwise.
    """
    hide(token)
    _check_public_url(public_url)
    # The same address as the gateway's, whose requests Kommo counts with ours.
    limiter = Limiter(starts=SharedStarts(installation.pool))
    try:
        client = KommoClient(base_url=base_url, token=token, limiter=limiter)
    except Malformed as error:
        raise Wrong(f"ADDRESS: {error}; expected one like https://acme.kommo.com") from error
    async with client:
        try:
            return await _connect(installation, client, base_url, token, public_url)
        except AccountStopped as error:
            raise Wrong(_stopped(error)) from error
        except Rejected as error:
            raise Wrong(f"Kommo refused: {error.detail or error}") from error
        except RateLimited as error:
            text = "Kommo takes no more requests for the moment; try again in some minutes"
            raise Wrong(text) from error
        except Unavailable as error:
            raise Wrong(f"Kommo does not answer at {_host(base_url)}: {error}") from error


async def _connect(
    installation: Installation,
    client: KommoClient,
    base_url: str,
    token: SecretStr,
    public_url: str,
) -> Connected:
    facts = await client.account()
    if not is_zone(facts.timezone):
        raise Wrong(f"the account's time zone {facts.timezone!r} is not known here; set another")
    users = await client.users()
    pipelines = await client.pipelines()
    secret = new_webhook_secret()
    hide(secret)
    root = public_url.rstrip("/") + HOOK_PATH
    hook_url = SecretStr(f"{root}{secret.get_secret_value()}/")
    known = {account.account_id for account in await installation.accounts.all()}
    former = await client.webhooks()
    # Before anything is stored: while Kommo refuses the new address, the former one works on.
    await client.subscribe(hook_url, SUBSCRIBED)
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
    names = names_of(facts, users, pipelines, webhooks="on")
    await installation.accounts.update_directory(facts.id, names)
    message = description(facts, users, at=datetime.now(UTC))
    await installation.log.publish([Entry(facts.id, encode_inbound(message))])
    ours = [hook.destination for hook in former if hook.destination.startswith(root)]
    for destination in ours:  # with a secret that just went out of use
        await client.unsubscribe(SecretStr(destination))
    return Connected(
        account_id=facts.id,
        name=facts.name,
        timezone=facts.timezone,
        users=sum(1 for user in users if user.is_active),
        stages=sum(len(pipeline.statuses) for pipeline in pipelines),
        is_anew=facts.id in known,
        hook_url=hook_url,
    )


def _host(base_url: str) -> str:
    return urlsplit(base_url).netloc


def _check_public_url(public_url: str) -> None:
    example = "https://leads.example.test"
    wrong = f"--public-url: expected something like {example}, got {public_url!r}"
    try:
        parts = urlsplit(public_url)
        has_port = parts.port != 0  # raises where it is no port
    except ValueError as error:
        raise Wrong(wrong) from error
    is_web = parts.scheme in ("http", "https") and parts.hostname and has_port
    is_plain = public_url.isascii() and public_url.isprintable() and " " not in public_url
    if not is_web or not is_plain or parts.query or parts.fragment:
        raise Wrong(wrong)


def _stopped(error: AccountStopped) -> str:
    reasons = {
        401: "the token is wrong, expired or revoked",
        402: "the account is not paid",
        403: "the token lacks rights: it must be an administrator's, with the scope `crm`",
        404: "no such account at this address",
    }
    return f"Kommo refused ({error.status}): {reasons.get(error.status, str(error))}"
