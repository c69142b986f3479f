"""API v4: calls, which go to whoever has the phone number, as documented."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import hal, invalid
from services.sandbox.cards import CardKind
from services.sandbox.checking import (
    elements_of,
    is_integer,
    is_text,
    missing,
    no_choice,
    request_ids,
    typed,
)
from services.sandbox.exchange import author_of, crm_of_request, json_of
from services.sandbox.model import CrmAccount
from services.sandbox.notes import SINGULAR
from services.sandbox.paging import base_url
from services.sandbox.shapes import link

_TYPES: Final = {"phone": is_text, "source": is_text, "duration": is_integer}
_DIRECTIONS: Final = {"inbound": "call_in", "outbound": "call_out"}
_ABOUT: Final = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status")
_UNKNOWN: Final = 263
_DIGITS_MIN: Final = 7


def call_routes() -> list[Route]:
    """The one route."""
    return [Route("/api/v4/calls", post_calls, methods=["POST"])]


async def post_calls(request: Request) -> Response:
    """Write calls on the contacts or companies with these numbers; unknown numbers are told."""
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    names = request_ids(elements)
    errors = {
        name: wrong
        for name, element in zip(names, elements, strict=True)
        if (wrong := _wrong(element))
    }
    if errors:
        raise invalid(errors)
    items, unknown, base = [], [], base_url(request)
    for name, element in zip(names, elements, strict=True):
        found = _owner(crm.account, element["phone"])
        if found is None:
            said = {"title": "Entity not found", "detail": "Entity not found"}
            unknown.append({**said, "status": _UNKNOWN, "request_id": name})
            continue
        kind, card_id = found
        note = {
            "entity_type": kind,
            "entity_id": card_id,
            "note_type": _DIRECTIONS[element["direction"]],
            "params": {key: element[key] for key in _ABOUT if element.get(key) is not None},
            "responsible_user_id": crm.account.box(kind).by_id[card_id].responsible_user_id,
        }
        (made,) = crm.desk.add_notes([note], author_of(request))
        entity = {"id": card_id, "_links": link(f"{base}/api/v4/{kind}/{card_id}")}
        items.append(
            {
                "id": made.id,
                "entity_id": card_id,
                "entity_type": SINGULAR[kind],
                "account_id": crm.account.id,
                "request_id": name,
                "_embedded": {"entity": entity},
            }
        )
    content = {"_total_items": len(items), "errors": unknown, "_embedded": {"calls": items}}
    return hal(content, 200 if items else 400)


def _wrong(element: Mapping[str, Any]) -> list[dict[str, str]]:
    _, wrong = typed(element, _TYPES)
    wrong += [missing(n) for n in ("direction", "phone", "duration") if n not in element]
    if element.get("direction", "inbound") not in _DIRECTIONS:
        wrong.append(no_choice("direction"))
    return wrong


def _owner(account: CrmAccount, phone: str) -> tuple[CardKind, int] | None:
    wanted = _digits(phone)
    kinds: tuple[CardKind, ...] = ("contacts", "companies")
    for kind in kinds:
        for card in account.box(kind).by_id.values():
            if card.is_deleted or card.is_hidden or len(wanted) < _DIGITS_MIN:
                continue
            for field in card.custom_fields_values or ():
                if field.get("field_code") == "PHONE" and any(
                    _digits(str(value["value"])) == wanted for value in field["values"]
                ):
                    return kind, card.id
    return None


def _digits(phone: str) -> str:
    return "".join(sign for sign in phone if sign.isdigit())
