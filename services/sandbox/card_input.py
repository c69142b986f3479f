"""What the API is given about contacts and companies, checked; one bad element refuses a bulk."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.sandbox.answers import invalid
from services.sandbox.cards import Card, CardKind, CardPatch
from services.sandbox.checking import (
    Fault,
    Fields,
    is_integer,
    is_refused_pair,
    is_text,
    missing,
    no_choice,
    refused,
    request_ids,
    typed,
    wrong_type,
    wrong_users,
)
from services.sandbox.custom_values import with_custom_fields
from services.sandbox.knobs import Knobs
from services.sandbox.model import CrmAccount
from services.sandbox.tags import with_tags

_TYPES: Final = {
    "name": is_text,
    "first_name": is_text,
    "last_name": is_text,
    "responsible_user_id": is_integer,
    "created_by": is_integer,
    "updated_by": is_integer,
    "created_at": is_integer,
    "updated_at": is_integer,
}
_USERS: Final = ("responsible_user_id", "created_by", "updated_by")


def card_drafts_of(
    account: CrmAccount,
    knobs: Knobs,
    kind: CardKind,
    elements: Sequence[Mapping[str, Any]],
    default_user_id: int,
) -> list[Fields]:
    """Check the elements of a POST.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    drafts: list[Fields] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        fields, wrong = card_fields(account, knobs, kind, element, None)
        fields.setdefault("responsible_user_id", default_user_id)
        drafts.append(fields)
        if wrong:
            errors.setdefault(name, []).extend(wrong)
    if errors:
        raise invalid(errors)
    return drafts


def card_patches_of(
    account: CrmAccount, knobs: Knobs, kind: CardKind, elements: Sequence[Mapping[str, Any]]
) -> list[CardPatch]:
    """Check the elements of a PATCH.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    patches: list[CardPatch] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        card, found = _card_of(account, kind, element)
        if card is not None:
            fields, wrong = card_fields(account, knobs, kind, element, card)
            found.extend(wrong)
            patches.append(CardPatch(card.id, fields))
        if found:
            errors.setdefault(name, []).extend(found)
    if errors:
        raise refused(knobs, elements, errors)
    return patches


def _card_of(
    account: CrmAccount, kind: CardKind, element: Mapping[str, Any]
) -> tuple[Card | None, list[Fault]]:
    if "id" not in element:
        return None, [missing("id")]
    if not is_integer(element["id"]):
        return None, [wrong_type("id", "int")]
    card = account.box(kind).shown(element["id"])
    return card, [] if card is not None else [no_choice("id")]


def card_fields(
    account: CrmAccount,
    knobs: Knobs,
    kind: CardKind,
    element: Mapping[str, Any],
    card: Card | None,
) -> tuple[Fields, list[Fault]]:
    """Take over what may be written of one element.

    Args:
        account: Whose it is.
        knobs: How to behave.
        kind: Contacts or companies.
        element: As it was sent.
        card: What it changes; None for a new one.
    """
    fields, faults = typed(element, _TYPES)
    if faults:
        return fields, faults
    faults += wrong_users(account, knobs, fields, _USERS)
    if card is not None and is_refused_pair(knobs, card.id, fields.get("responsible_user_id")):
        faults.append(no_choice("responsible_user_id"))
    if kind == "companies":
        fields.pop("first_name", None)
        fields.pop("last_name", None)
    elif "name" not in fields and {"first_name", "last_name"} & fields.keys():
        first, last = (
            fields.get(part, getattr(card, part, "")) for part in ("first_name", "last_name")
        )
        fields["name"] = f"{first} {last}".strip()
    if "custom_fields_values" in element:
        fields["custom_fields_values"], wrong = with_custom_fields(
            account.fields[kind],
            element["custom_fields_values"],
            card.custom_fields_values if card else None,
        )
        faults += wrong
    tags, wrong = with_tags(account.tags[kind], element, card.tags if card else ())
    return fields | tags, faults + wrong
