"""An account as it was at a moment: everything a decision then depended on, as plain data."""

import asyncio
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from domain import snapshot
from domain.state import Account
from services.application.access import note_access
from services.application.differing import DataChange, differences
from services.application.installation import Installation
from services.application.moments import version_at
from services.application.past import state_at
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount

# Worked out from the rules, or from other fields.
DERIVED = frozenset({"configuration", "changing"})


async def state(
    installation: Installation, account: RegisteredAccount, principal: Principal, moment: str
) -> dict[str, Any]:
    """The account after the last event up to a moment, with its digest.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        moment: A version, a date (its end), or a date and time.

    Raises:
        Refused: They may not look, or it is no moment.
        services.shared.errors.Malformed: An event cannot be read.
    """
    principal.require("audit")
    await note_access(installation, account.account_id, principal, "state")
    version = await version_at(installation, account, moment)
    found = await state_at(installation, account.account_id, version)
    # A large account takes seconds, in which others have their answers.
    data, digest = await asyncio.gather(
        asyncio.to_thread(as_data, found), asyncio.to_thread(snapshot.digest, found)
    )
    return {**data, "digest": digest.hex()}


async def difference(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    before: str,
    after: str,
) -> list[DataChange]:
    """What is another one at a later moment than at an earlier one.

    Raises:
        Refused: They may not look, or one of them is no moment.
        services.shared.errors.Malformed: An event cannot be read.
    """
    states = [await state(installation, account, principal, each) for each in (before, after)]
    return list(differences("", *states))


def as_data(account: Account) -> dict[str, Any]:
    """Everything in the state by its name, what has an id under its id."""
    data = {
        each.name: _plain(getattr(account, each.name))
        for each in fields(account)
        if each.name not in DERIVED
    }
    data["requests"] = _plain(account.requests.by_id)
    data["loads"] = _plain(account.loads.totals)
    return data


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a state holds
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (str(type(key)), key))
        return {_name(key): _plain(value[key]) for key in keys}
    if (names := _names(value)) is not None:
        plain = {name: _plain(getattr(value, name)) for name in names}
        return plain or type(value).__name__.lower()  # a state of its own, `waiting`
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _names(value: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - as above
    """Of its fields; None if it is no record."""
    if is_dataclass(value):
        return tuple(each.name for each in fields(value))
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    return getattr(value, "_fields", None)


def _name(key: object) -> str:
    """A stage or a thing as a key: its parts."""
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
