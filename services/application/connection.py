"""Does Kommo talk to us, and we to it? What is known of that, and what mends it (W4.11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from projections import assignments, health
from services.application.doctor.accounts import refused_by_kommo, webhooks_of
from services.application.doctor.finding import Diagnosis
from services.application.doctor.sweeps import sweep_of
from services.application.doctor.tokens import token_of
from services.application.installation import Installation
from services.application.kommo import kommo_of, refusals_of_kommo
from services.application.principal import Principal
from services.application.refused import Refused
from services.gateway import stops
from services.kommo.subscription import INCOMING, SUBSCRIBED, secret_of, subscribe_again
from services.shared.secrets import digest_of
from services.storage import consents, hooks_heard
from services.storage.accounts import RegisteredAccount
from services.storage.asked_sweeps import AskedSweeps
from services.storage.database import borrow_to_read
from services.storage.hooks_heard import HookKind

# What an account's own webhooks tell; triggers come only where somebody has installed one.
EXPECTED: tuple[HookKind, ...] = ("leads", "notes", "tasks", "incoming", "triggers")
KINDS = (*SUBSCRIBED, *INCOMING)
ADDRESS = """
SELECT (SELECT count(*) FROM unnest(starts) AS start
    WHERE start > clock_timestamp() - interval '1 second')::integer AS used,
    greatest(0, extract(epoch FROM closed_until - clock_timestamp()))::float8 AS closed_s
FROM gateway.addresses WHERE address = ''
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConnection:
    """How an account and we are connected.

    Attributes:
        stopped: Why Kommo refuses us; None while it does not.
        administrators: Active users who are; a token needs the rights of one.
        heard_at: When a webhook last told something new of a lead.
        hooks: When one last came, by kind; those that should come first, never or not.
        swept: Leads that asked and that only a sweep had found, ever.
        used: Requests that began in the last second, of all accounts behind our address.
        closed_s: For how long none begins.
        queued: Decisions of the account that Kommo does not hold yet.
    """

    token: Diagnosis
    stopped: Diagnosis | None
    webhooks: Diagnosis
    sweep: Diagnosis
    users: int
    administrators: int
    heard_at: datetime | None
    hooks: Mapping[HookKind, datetime | None]
    swept: int
    used: int
    closed_s: float
    queued: int


async def connection_of(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> AccountConnection:
    """How an account and we are connected.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    async with borrow_to_read(installation.pool) as connection:
        stop = await stops.of_account(connection, account_id)
        refused = await consents.refused_of(connection, account_id)
        vitals = await health.of_one(connection, account_id)
        backlog = await assignments.backlog_of(connection, account_id)
        address = await connection.fetchrow(ADDRESS)
        hooks = await hooks_heard.of_account(connection, account_id)
    users = [each for each in account.directory.get("users", []) if each.get("is_active")]
    return AccountConnection(
        token=token_of(account, refused, now),
        stopped=None if stop is None else refused_by_kommo(account, stop),
        webhooks=webhooks_of(account, now),
        sweep=await sweep_of(installation, account, now),
        users=len(users),
        administrators=sum(1 for each in users if each.get("is_admin")),
        heard_at=vitals.heard_at,
        hooks={**dict.fromkeys(EXPECTED), **hooks},
        swept=vitals.swept,
        used=0 if address is None else address["used"],
        closed_s=0.0 if address is None else address["closed_s"],
        queued=0 if backlog is None else backlog.leads,
    )


def diagnoses_of(found: AccountConnection) -> list[Diagnosis]:
    """What a person reads line by line."""
    lines = (found.token, found.stopped, found.webhooks, found.sweep)
    return [each for each in lines if each is not None]


async def subscribe_webhooks(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> None:
    """Have Kommo send its webhooks again that it switched off, to the same address.

    Raises:
        Refused: They may not, Kommo refuses or does not answer, or has forgotten the address: then
            it needs another one.
    """
    principal.require("access")
    digests = await installation.accounts.present_digests()
    digest = digests.get(account.account_id)
    async with kommo_of(installation, account) as client:
        with refusals_of_kommo(account.base_url):
            ours = [
                SecretStr(hook.destination)
                for hook in await client.webhooks()
                if digest_of(secret_of(hook.destination)) == digest
            ]
            if not ours:
                raise Refused("webhooks_forgotten")
            await subscribe_again(client, ours)
    await installation.accounts.update_directory(
        account.account_id, {**account.directory, "webhooks": "on"}
    )


async def sweep_now(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> None:
    """Have all leads of an account read once more, soon.

    Raises:
        Refused: They may not.
    """
    principal.require("access")
    reason = f"{principal.id} at {now:%Y-%m-%dT%H:%M:%SZ}"
    await AskedSweeps(installation.pool).ask(lambda each: each == account.account_id, reason)
