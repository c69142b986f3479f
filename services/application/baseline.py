"""The baseline of an account: all its leads are read once, and what that found (D1.7, D11.2)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from contracts.topics import INBOUND
from projections import loads
from services.allocator.run import CONSUMER
from services.application.installation import Installation
from services.application.principal import Principal
from services.gateway.postgres import PostgresSweeps
from services.gateway.sweep import Progress
from services.kommo.client import PAGE_MAX
from services.log.postgres import source_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

State = Literal["to_come", "reading", "done"]
LOOK_EVERY_S = 0.25
SELECT_TOLD = "SELECT position FROM inbound_heads WHERE account_id = $1"
SELECT_SHOWN = "SELECT version FROM loads.positions WHERE account_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How far it has come.

    Attributes:
        leads_read: By now, while it is read; of how many, Kommo does not say.
        held: Open leads of active users, as far as they are known.
        free: Open leads of nobody, or of a user who is not active.
    """

    state: State
    leads_read: int
    held: int
    free: int


async def baseline_of(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> Baseline:
    """How far the baseline of an account has come.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    progress = await PostgresSweeps(installation.pool).load(account.account_id)
    async with borrow_to_read(installation.pool) as connection:
        known = await loads.of_account(connection, account.account_id)
    users = account.directory.get("users", [])
    active = {user["id"] for user in users if user.get("is_active")}
    return Baseline(
        state=_state(progress),
        leads_read=_leads_read(progress),
        held=sum(each.open_leads for each in known if each.manager_id in active),
        free=sum(each.open_leads for each in known if each.manager_id not in active),
    )


async def follow(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    within_s: float,
    on_look: Callable[[Baseline], None],
) -> Baseline | None:
    """Wait until all leads of an account are read and counted, and tell how far it has come.

    Whoever reads them goes on when nobody waits.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        within_s: How long to wait.
        on_look: Told at each look how far it has come.

    Returns:
        What was found; None if it is not known in time, or nothing runs that reads it.

    Raises:
        Refused: They may not look.
    """
    told: tuple[str, int] | None = None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        found = await baseline_of(installation, account, principal)
        on_look(found)
        if found.state == "done":
            told = told or await _told(installation, account.account_id)
            if await _is_shown(installation, account.account_id, *told):
                return await baseline_of(installation, account, principal)
        if loop.time() >= deadline or installation.is_at_rest():
            return None
        await asyncio.sleep(LOOK_EVERY_S)  # other processes are at work; a look is cheap


async def _told(installation: Installation, account_id: int) -> tuple[str, int]:
    """The source of what was told of an account, and the position behind its last message."""
    if installation.kafka is None:
        async with borrow_to_read(installation.pool) as connection:
            return source_of(account_id), await connection.fetchval(SELECT_TOLD, account_id) or 0
    # Half a second of imports, which a command in a folder does not wait for.
    from services.log import kafka  # noqa: PLC0415
    from services.log.kafka_ends import ends  # noqa: PLC0415

    partition = kafka.partition_of(account_id, installation.kafka.partitions)
    found = await ends(installation.kafka, INBOUND)
    return kafka.source_of(INBOUND, partition), found[partition]


async def _is_shown(installation: Installation, account_id: int, source: str, end: int) -> bool:
    """Whether what was told up to there is decided, and counted."""
    head, position = await installation.events.reached(account_id, CONSUMER, source)
    async with borrow_to_read(installation.pool) as connection:
        shown: int = await connection.fetchval(SELECT_SHOWN, account_id) or 0
    return position >= end and shown >= head


def _state(progress: Progress) -> State:
    if progress.watermark is not None:
        return "done"
    return "to_come" if progress.kind is None else "reading"


def _leads_read(progress: Progress) -> int:
    """By the page that is read next; of what is done nobody counts any more."""
    pages = parse_qs(urlsplit(progress.next_page or "").query).get("page", ["1"])
    return (int(pages[0]) - 1) * PAGE_MAX if pages[0].isdecimal() else 0
