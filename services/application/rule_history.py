"""Every revision of an account's rules, and what differs between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contracts.events import RulesApplied
from services.application.differing import DataChange, differences
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.private import in_clear
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

SELECT_BEFORE = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND topic = 'rules.applied'
    AND originator_version < $2
ORDER BY originator_version DESC LIMIT $3
"""
SELECT_AFTER = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND topic = 'rules.applied'
    AND originator_version > $2
ORDER BY originator_version LIMIT $3
"""
# Revisions are counted from 1 without a gap.
SELECT_NTH = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND topic = 'rules.applied'
ORDER BY originator_version OFFSET $2 LIMIT 1
"""
AFTER_ALL = 2**63 - 1
# Nobody applies more; the database would take the number for another one.
REVISION_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of the rules.

    Attributes:
        version: Of the account, at which it was put in force.
        applied: The rules, who applied them, and when; its note in clear.
    """

    version: int
    applied: RulesApplied


async def revisions(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> Sequence[Revision]:
    """Revisions, the newest first; behind a version of the account the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    async with borrow(installation.pool) as connection:
        if after is None:
            rows = await connection.fetch(SELECT_BEFORE, account_id, before or AFTER_ALL, limit)
        else:
            rows = await connection.fetch(SELECT_AFTER, account_id, after, limit)
    found = await _read(installation, account_id, [row[0] for row in rows])
    return found if after is not None else found[::-1]


async def revision(
    installation: Installation, account: RegisteredAccount, principal: Principal, number: int
) -> Revision:
    """One revision.

    Raises:
        Refused: They may not look, or there is none of that number.
    """
    principal.require("read")
    if not 1 <= number <= REVISION_MAX:
        raise Refused("revision_unknown", revision=number)
    async with borrow(installation.pool) as connection:
        version = await connection.fetchval(SELECT_NTH, account.account_id, number - 1)
    if version is None:
        raise Refused("revision_unknown", revision=number)
    (found,) = await _read(installation, account.account_id, [version])
    return found


async def compared(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    number: int,
    *,
    to: int,
) -> Sequence[DataChange]:
    """What one revision has otherwise than another one.

    Raises:
        Refused: They may not look, or there is none of such a number.
    """
    one, other = [await revision(installation, account, principal, each) for each in (number, to)]
    return list(differences("", one.applied.rules, other.applied.rules))


async def _read(
    installation: Installation, account_id: int, versions: Sequence[int]
) -> list[Revision]:
    found: list[Revision] = []
    for recorded in await installation.events.named(account_id, versions):
        event = recorded.event
        assert isinstance(event, RulesApplied), "selected by its name"  # noqa: S101
        found.append(Revision(version=recorded.version, applied=event))
    notes = await in_clear(installation, account_id, [each.applied.note for each in found])
    return [
        replace(each, applied=replace(each.applied, note=note))
        for each, note in zip(found, notes, strict=True)
    ]
