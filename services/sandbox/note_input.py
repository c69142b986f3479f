"""What the API is given about notes, checked; one bad element refuses a bulk."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.sandbox.answers import invalid
from services.sandbox.cards import CardPatch
from services.sandbox.checking import (
    Fault,
    Fields,
    is_integer,
    is_object,
    is_text,
    missing,
    no_choice,
    request_ids,
    typed,
    wrong_entity,
    wrong_users,
)
from services.sandbox.knobs import Knobs
from services.sandbox.model import CrmAccount
from services.sandbox.notes import NUMBERS, Note, Owner

_TYPES: Final = {
    "entity_id": is_integer,
    "note_type": is_text,
    "params": is_object,
    "responsible_user_id": is_integer,
    "created_by": is_integer,
    "updated_by": is_integer,
    "created_at": is_integer,
    "updated_at": is_integer,
}
_USERS: Final = ("responsible_user_id", "created_by", "updated_by")
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "common": ("text",),
    "call_in": ("duration", "source", "phone"),
    "call_out": ("duration", "source", "phone"),
    "service_message": ("service", "text"),
    "extended_service_message": ("service", "text"),
    "message_cashier": ("status", "text"),
    "geolocation": ("text", "longitude", "latitude"),
    "sms_in": ("text", "phone"),
    "sms_out": ("text", "phone"),
    "attachment": ("file_name",),
}


def note_drafts_of(
    account: CrmAccount,
    knobs: Knobs,
    owner: Owner,
    elements: Sequence[Mapping[str, Any]],
    entity_id: int | None = None,
) -> list[Fields]:
    """Check the elements of a POST.

    Args:
        account: Whose they are.
        knobs: How to behave.
        owner: What they are written on.
        elements: As they were sent.
        entity_id: What all are written on, when the path says it.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    drafts: list[Fields] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        fields, wrong = typed(element, _TYPES)
        if entity_id is not None:
            fields["entity_id"] = entity_id
        if not wrong:
            wrong += wrong_users(account, knobs, fields, _USERS)
            wrong += _wrong_owner(account, knobs, owner, fields)
            wrong += _wrong_params(fields.get("note_type"), fields.get("params", {}))
        drafts.append({"entity_type": owner, **fields})
        if wrong:
            errors.setdefault(name, []).extend(wrong)
    if errors:
        raise invalid(errors)
    for draft in drafts:
        draft.setdefault("responsible_user_id", _responsible_id(account, owner, draft["entity_id"]))
    return drafts


def note_patches_of(
    account: CrmAccount, knobs: Knobs, owner: Owner, elements: Sequence[Mapping[str, Any]]
) -> list[CardPatch]:
    """Check the elements of a PATCH; a note stays where it is and what it is.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    patches: list[CardPatch] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        note = note_of(account, owner, element.get("id"))
        if note is None:
            errors.setdefault(name, []).append(no_choice("id"))
            continue
        fields, wrong = typed(element, _TYPES)
        fields.pop("entity_id", None)
        fields.pop("note_type", None)
        if "params" in fields:
            fields["params"] = {**note.params, **fields["params"]}
            wrong += _wrong_params(note.note_type, fields["params"])
        wrong += wrong_users(account, knobs, fields, _USERS)
        patches.append(CardPatch(note.id, fields))
        if wrong:
            errors.setdefault(name, []).extend(wrong)
    if errors:
        raise invalid(errors)
    return patches


def note_of(
    account: CrmAccount, owner: Owner, note_id: object, entity_id: int | None = None
) -> Note | None:
    """A note on something of this kind, and on this one if it is named."""
    note: Note | None = account.notes.shown(note_id) if isinstance(note_id, int) else None
    if note is None or note.entity_type != owner:
        return None
    return note if entity_id is None or note.entity_id == entity_id else None


def _wrong_owner(account: CrmAccount, knobs: Knobs, owner: Owner, fields: Fields) -> list[Fault]:
    if "entity_id" not in fields:
        return [missing("entity_id")]
    return wrong_entity(account, knobs, owner, fields["entity_id"])


def _responsible_id(account: CrmAccount, owner: Owner, entity_id: int) -> int:
    if owner == "leads":
        return account.leads[entity_id].responsible_user_id
    user_id: int = account.box(owner).by_id[entity_id].responsible_user_id
    return user_id


def _wrong_params(note_type: str | None, params: Mapping[str, Any]) -> list[Fault]:
    if note_type is None:
        return [missing("note_type")]
    if note_type not in NUMBERS:
        return [no_choice("note_type")]
    return [missing(f"params.{name}") for name in _REQUIRED[note_type] if name not in params]
