"""Erasing what is kept about a lead, a contact or a manager, and telling what there is (S21, S22).

Events hold ids and outcomes and stay: no decision depends on what is erased, and a history replays
as before. What is erased is what can say something about somebody: raw bodies, texts, names.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projections import decisions
from projections.decisions import DecisionFilter
from services.application.access import note_access
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage import erasures
from services.storage.accounts import RegisteredAccount
from services.storage.database import Connection, borrow, borrow_to_read
from services.storage.dead_letters import KeptLetter
from services.storage.erasures import Erasure, Kind
from services.storage.private_texts import PrivateText, PrivateTexts

# Of one person's decisions; the event log has them all.
DECISIONS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure came to.

    Attributes:
        is_anew: It was erased before; what has come since is gone, too.
        bodies: Raw bodies of webhooks that were deleted.
        texts: What people had written for the record.
    """

    kind: Kind
    id: int
    is_anew: bool
    bodies: int
    texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIn:
    """A raw body that names somebody; it may name others, too.

    Attributes:
        letter_id: By which it is shown, while it is kept.
    """

    letter_id: int
    received_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionAbout:
    """A decision about somebody: ids and an outcome."""

    version: int
    at: datetime
    kind: str
    lead_id: int
    manager_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """All that is kept about whoever has an id of Kommo: as a manager, a lead, or a contact.

    Attributes:
        user: As Kommo told of them when it was read last; None if they are no user.
        texts: What was written about them for the record.
        decisions: Of the lead, or about the manager, the newest first.
        bodies: Raw bodies that name the id and were not understood.
        webhooks: When those came that name it and were understood.
        erased: What was erased of them before.
    """

    account_id: int
    id: int
    user: dict[str, Any] | None
    texts: list[PrivateText]
    decisions: list[DecisionAbout]
    bodies: list[NamedIn]
    webhooks: list[datetime]
    erased: list[Erasure]


async def erase(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    kind: Kind,
    id_: int,
) -> Erased:
    """Erase what is kept about somebody or something, for good.

    Args:
        installation: Where.
        account: Whose.
        principal: Who orders it.
        kind: What the id is of.
        id_: Kommo's.

    Raises:
        Refused: They may not.
        services.shared.errors.Unavailable: Repeat it; what is gone by then is gone.
    """
    principal.require("access")
    account_id = account.account_id
    await note_access(installation, account_id, principal, "erasure", [id_])
    texts = PrivateTexts(installation.accounts.vault)
    async with borrow(installation.pool) as connection, connection.transaction():
        is_new = await erasures.note(connection, account_id, kind, id_, principal.id)
        # A user's id stands in every body about their leads, and says nothing about them.
        named = [] if kind == "manager" else await _naming(installation, connection, account, id_)
        await installation.dead_letters.delete(connection, [each.id for each in named])
        bodies = len(named)
        if kind != "manager":
            bodies += await installation.raw_bodies.erase(connection, account_id, id_)
        gone = 0
        if kind != "contact":
            about = {"manager_id": id_} if kind == "manager" else {"lead_id": id_}
            gone = await texts.erase(connection, account_id, **about)
    if kind == "manager":
        known = (await installation.accounts.get(account_id)).directory
        await installation.accounts.update_directory(account_id, known)
    return Erased(kind=kind, id=id_, is_anew=not is_new, bodies=bodies, texts=gone)


async def erased_lately(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    beside: tuple[datetime, str, int] | None = None,
    is_back: bool = False,
    limit: int,
) -> list[Erasure]:
    """What was erased last, by id alone: before one that is named by instant, kind and id.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        beside: That one; None for the newest.
        is_back: Those after it instead, the nearest first.
        limit: The most.

    Raises:
        Refused: They may not look.
    """
    principal.require("audit")
    async with borrow_to_read(installation.pool) as connection:
        return await erasures.page(
            connection, account.account_id, beside=beside, is_back=is_back, limit=limit
        )


async def personal_data(
    installation: Installation, account: RegisteredAccount, principal: Principal, id_: int
) -> PersonalData:
    """All that is kept about whoever has an id, for whoever asks what is known of them.

    Raises:
        Refused: They may not.
    """
    principal.require("export")
    account_id = account.account_id
    await note_access(installation, account_id, principal, "export", [id_])
    texts = PrivateTexts(installation.accounts.vault)
    async with borrow(installation.pool) as connection:
        written = [
            *await texts.about(connection, account_id, manager_id=id_),
            *await texts.about(connection, account_id, lead_id=id_),
        ]
        named = await _naming(installation, connection, account, id_)
        raw = await installation.raw_bodies.naming(connection, account_id, id_)
        kinds: tuple[Kind, ...] = ("lead", "contact", "manager")
        found = [await erasures.erased(connection, account_id, kind, id_) for kind in kinds]
    async with borrow_to_read(installation.pool) as connection:
        which = (DecisionFilter(manager_ids=(id_,)), DecisionFilter(lead_ids=(id_,)))
        decided = [
            each
            for one in which
            for each in await decisions.page(
                connection, account_id=account_id, limit=DECISIONS_MAX, which=one
            )
        ]
    users = account.directory.get("users", [])
    return PersonalData(
        account_id=account_id,
        id=id_,
        user=next((user for user in users if user["id"] == id_), None),
        texts=written,
        decisions=[
            DecisionAbout(
                version=each.version,
                at=each.at,
                kind=each.kind,
                lead_id=each.lead_id,
                manager_id=each.manager_id,
            )
            for each in decided
        ],
        bodies=[
            NamedIn(letter_id=each.id, received_at=each.received_at, reason=each.reason)
            for each in named
        ],
        webhooks=[each.received_at for each in raw],
        erased=[each for each in found if each is not None],
    )


async def _naming(
    installation: Installation, connection: Connection, account: RegisteredAccount, id_: int
) -> list[KeptLetter]:
    """The raw bodies of an account in which a number stands."""
    letters = await installation.dead_letters.of_account(connection, account.account_id)
    raw = [each for each in letters if each.position is None]
    return await asyncio.to_thread(
        lambda: [each for each in raw if id_ in erasures.numbers_in(each.body)]
    )
