"""What the API is given about incoming leads, checked; one bad element refuses a bulk."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.sandbox.answers import invalid
from services.sandbox.card_input import card_fields
from services.sandbox.cards import CardKind
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
)
from services.sandbox.knobs import Knobs
from services.sandbox.lead_input import lead_fields
from services.sandbox.model import CrmAccount
from services.sandbox.unsorted import Category

_TYPES: Final = {
    "source_uid": is_text,
    "source_name": is_text,
    "pipeline_id": is_integer,
    "created_at": is_integer,
    "metadata": is_object,
}
_REQUIRED: Final = ("source_uid", "source_name", "metadata")
_METADATA: Final[Mapping[Category, tuple[str, ...]]] = {
    "forms": ("form_id", "form_name", "form_page", "form_sent_at"),
    "sip": ("from", "phone", "called_at", "duration"),
    "mail": (),
    "chats": (),
}
_KINDS: Final[tuple[CardKind, ...]] = ("contacts", "companies")


class IncomingDraft(NamedTuple):
    """An incoming lead to be made, checked."""

    entry: Fields
    lead: Fields
    cards: Mapping[str, list[Fields]]


def incoming_drafts_of(
    account: CrmAccount,
    knobs: Knobs,
    category: Category,
    elements: Sequence[Mapping[str, Any]],
    default_user_id: int,
) -> list[IncomingDraft]:
    """Check the elements of a POST.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    drafts: list[IncomingDraft] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        entry, wrong = typed(element, _TYPES)
        wrong += [missing(path) for path in _REQUIRED if path not in element]
        metadata = entry.get("metadata", {})
        wrong += [missing(f"metadata.{p}") for p in _METADATA[category] if p not in metadata]
        stage = account.incoming_stage(entry.get("pipeline_id"))
        if stage is None:
            wrong.append(no_choice("pipeline_id"))
        else:
            entry["pipeline_id"] = stage.pipeline_id
        lead, cards, found = _embedded(account, knobs, element)
        drafts.append(
            IncomingDraft(
                {**entry, "category": category, "request_id": name},
                {
                    "responsible_user_id": default_user_id,
                    **lead,
                    **(stage._asdict() if stage else {}),
                },
                cards,
            )
        )
        if wrong or found:
            errors.setdefault(name, []).extend([*wrong, *found])
    if errors:
        raise invalid(errors)
    return drafts


def _embedded(
    account: CrmAccount, knobs: Knobs, element: Mapping[str, Any]
) -> tuple[Fields, Mapping[str, list[Fields]], list[Fault]]:
    """Read the lead, contacts and companies; the lead's own stage does not count."""
    embedded = element.get("_embedded")
    given = embedded if isinstance(embedded, dict) else {}
    leads = [lead for lead in given.get("leads") or () if isinstance(lead, dict)]
    lead = {k: v for k, v in (leads[0] if leads else {}).items() if not k.endswith("_id")}
    fields, wrong = lead_fields(account, knobs, lead, None)
    cards: dict[str, list[Fields]] = {}
    for kind in _KINDS:
        for card in given.get(kind) or ():
            if not isinstance(card, dict) or not card:
                continue
            card_values, found = card_fields(account, knobs, kind, card, None)
            cards.setdefault(kind, []).append(card_values)
            wrong += found
    return fields, cards, wrong
