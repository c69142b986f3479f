"""Keys of programs: never more than their maker may at this moment (A9.1)."""

from collections.abc import Collection

from pydantic import SecretStr

from services.access.keys import DAYS, DAYS_MAX, LABEL_MAX, AccessKey, KeyNotValid
from services.access.roles import SCOPES, Scope
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import require_access, scopes_where
from services.application.refused import Refused


async def make_key(
    access: Access,
    who: Whoever,
    *,
    label: str,
    account_id: int | None,
    scopes: Collection[Scope],
    days: int = DAYS,
) -> tuple[AccessKey, SecretStr]:
    """A new key, and its text, which is shown once.

    Args:
        access: Where.
        who: Who makes it; the key never has more than they have now, whenever it is used.
        label: What it is for, in their words.
        account_id: Its one account; None for a key of the installation.
        scopes: What it may.
        days: How long it is valid, 400 at most.

    Raises:
        Refused: They may not, or have to prove who they are, or it is a key that makes none: it
            was made by another one, or is of another account.
    """
    if who.person_id is None and not who.rights.is_unbound:
        raise Refused("keys_by_people_only")  # nobody's grants would bound it
    if who.key is not None and (who.key.is_of_a_key or who.key.account_id != account_id):
        raise Refused("keys_by_people_only")  # so that whoever ends one has ended all of it
    _require_keys(who, account_id)
    named = _usable_label(label)
    if not 1 <= days <= DAYS_MAX:
        raise Refused("key_days_out_of_bounds", most=DAYS_MAX)
    if not scopes or not SCOPES.issuperset(scopes):
        raise Refused("scopes_unknown", scopes=tuple(sorted(SCOPES)))
    if beyond := set(scopes) - _held(who, account_id):
        raise Refused("key_beyond_maker", scopes=tuple(sorted(beyond)))
    key, text = await access.keys.make(
        label=named,
        account_id=account_id,
        scopes=scopes,
        person_id=who.person_id,
        made_by=who.id,
        days=days,
    )
    await access.log.note(
        "key_made",
        who.caller,
        person_id=who.person_id,
        account_id=account_id,
        about=f"{key.principal} {' '.join(sorted(scopes))}",
    )
    return key, text


async def keys(access: Access, who: Whoever, account_id: int | None) -> list[AccessKey]:
    """The keys of an account, or of the installation, the oldest first.

    Raises:
        Refused: They may not.
    """
    if not {"access", "operate"} & scopes_where(who, account_id):
        raise Refused("not_allowed", scope="access")
    return await access.keys.of_account(account_id)


async def rotate_key(access: Access, who: Whoever, key_id: str) -> tuple[AccessKey, SecretStr]:
    """Another secret for a key; the present one works for a day more.

    Raises:
        Refused: There is no such key that they may change, or it is over.
    """
    key = await _key(access, who, key_id)
    if who.key is not None and who.key.id != key.id:
        raise Refused("keys_by_people_only")
    if who.person_id != key.person_id:
        raise Refused("key_of_others")  # its secret would let them be somebody else
    try:
        rotated = await access.keys.rotate(key)
    except KeyNotValid as error:
        raise Refused("key_not_valid") from error
    await access.log.note(
        "key_rotated",
        who.caller,
        person_id=key.person_id,
        account_id=key.account_id,
        about=key.principal,
    )
    return rotated


async def revoke_key(access: Access, who: Whoever, key_id: str) -> AccessKey:
    """End a key at once; one that is over stays as it is.

    Raises:
        Refused: There is no such key that they may change.
    """
    key = await _key(access, who, key_id)
    if await access.keys.revoke(key, by=who.id):
        await access.log.note(
            "key_revoked",
            who.caller,
            person_id=key.person_id,
            account_id=key.account_id,
            about=key.principal,
        )
    return key


async def _key(access: Access, who: Whoever, key_id: str) -> AccessKey:
    """A key that they may change: their own program's, or one of where they decide."""
    key = await access.keys.get(key_id)
    if key is None:
        raise Refused("key_unknown")
    if who.key is not None and who.key.id == key.id:
        return key
    if not {"access", "operate"} & scopes_where(who, key.account_id):
        raise Refused("key_unknown")
    _require_keys(who, key.account_id)
    return key


def _require_keys(who: Whoever, account_id: int | None) -> None:
    """Who operates the installation makes keys of it, for monitors, without deciding of people."""
    if account_id is None and "operate" in scopes_where(who, None):
        if not who.is_fresh:
            raise Refused("proof_needed")
        return
    require_access(who, account_id)


def _held(who: Whoever, account_id: int | None) -> frozenset[Scope]:
    """What a key of theirs can have there at most; one of the installation, also in accounts."""
    if account_id is not None or who.rights.is_unbound:
        return scopes_where(who, account_id)
    accounts = who.accounts() or ()
    return who.rights.scopes_at_large().union(*(who.rights.scopes_in(each) for each in accounts))


def _usable_label(text: str) -> str:
    label = text.strip()
    if not label or len(label) > LABEL_MAX or not label.isprintable():
        raise Refused("label_unusable", most=LABEL_MAX)
    return label
