"""API v4: leads with a contact and a company of their own, in one request, as documented."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import bare, invalid
from services.sandbox.card_input import card_fields
from services.sandbox.cards import CardKind
from services.sandbox.checking import Fault, elements_of, is_integer, no_choice, request_ids
from services.sandbox.crm import Crm
from services.sandbox.custom_values import VALUES_MAX
from services.sandbox.exchange import author_of, crm_of_request, json_of, user_id_of
from services.sandbox.lead_input import drafts_of
from services.sandbox.model import Author

LEADS_MAX: Final = 50
_KINDS: Final[tuple[CardKind, ...]] = ("contacts", "companies")


def complex_routes() -> list[Route]:
    """The one route."""
    return [Route("/api/v4/leads/complex", post_complex, methods=["POST"])]


async def post_complex(request: Request) -> Response:
    """Make up to 50 leads, each with one contact and one company at most; all or none."""
    crm, user_id, author = crm_of_request(request), user_id_of(request), author_of(request)
    elements = elements_of(await json_of(request), most=LEADS_MAX)
    names = request_ids(elements)
    errors = {
        name: wrong
        for name, element in zip(names, elements, strict=True)
        if (wrong := _wrong(crm, element))
    }
    if errors:
        raise invalid(errors)
    # The cards among them are made here, and not linked to by the lead's own `_embedded`.
    drafts = drafts_of(crm.account, crm.knobs, [_without_cards(each) for each in elements], user_id)
    whole = [
        {**draft, **_cards(crm, element, draft["responsible_user_id"], author)}
        for draft, element in zip(drafts, elements, strict=True)
    ]
    changes = crm.create(whole, author)
    return bare(
        [
            {
                "id": change.lead.id,
                "contact_id": next(iter(change.lead.contact_ids), None),
                "company_id": change.lead.company_id,
                "request_id": [name],
                "merged": False,
            }
            for change, name in zip(changes, names, strict=True)
        ]
    )


def _wrong(crm: Crm, element: Mapping[str, Any]) -> list[Fault]:
    wrong = _too_many_values(element, "")
    for kind in _KINDS:
        given = _embedded(element, kind)
        if len(given) > 1:
            wrong.append(no_choice(f"_embedded.{kind}"))
            continue
        for card in given:
            path = f"_embedded.{kind}.0"
            if "id" in card:
                if not is_integer(card["id"]) or not crm.account.has_entity(kind, card["id"]):
                    wrong.append(no_choice(f"{path}.id"))
                continue
            _, found = card_fields(crm.account, crm.knobs, kind, card, None)
            wrong += [{**fault, "path": f"{path}.{fault['path']}"} for fault in found]
            wrong += _too_many_values(card, f"{path}.")
    return wrong


def _too_many_values(element: Mapping[str, Any], path: str) -> list[Fault]:
    values = element.get("custom_fields_values")
    is_too_many = isinstance(values, list) and len(values) > VALUES_MAX
    return [no_choice(f"{path}custom_fields_values")] if is_too_many else []


def _embedded(element: Mapping[str, Any], kind: CardKind) -> Sequence[Mapping[str, Any]]:
    embedded = element.get("_embedded")
    given = embedded.get(kind) if isinstance(embedded, dict) else None
    return [card for card in given if isinstance(card, dict)] if isinstance(given, list) else []


def _without_cards(element: Mapping[str, Any]) -> Mapping[str, Any]:
    embedded = element.get("_embedded")
    if not isinstance(embedded, dict):
        return element
    kept = {key: value for key, value in embedded.items() if key not in _KINDS}
    return {**element, "_embedded": kept}


def _cards(
    crm: Crm, element: Mapping[str, Any], responsible_user_id: int, author: Author
) -> dict[str, Any]:
    """Make or find the company and the contact, who then works there."""
    company_id = _card(crm, "companies", element, responsible_user_id, author, {})
    works = {} if company_id is None else {"company_id": company_id}
    contact_id = _card(crm, "contacts", element, responsible_user_id, author, works)
    return {"company_id": company_id, "contact_ids": () if contact_id is None else (contact_id,)}


def _card(
    crm: Crm,
    kind: CardKind,
    element: Mapping[str, Any],
    responsible_user_id: int,
    author: Author,
    more: Mapping[str, Any],
) -> int | None:
    for card in _embedded(element, kind):
        if "id" in card:
            known: int = card["id"]
            return known
        fields, _ = card_fields(crm.account, crm.knobs, kind, card, None)
        draft = {"responsible_user_id": responsible_user_id, **fields, **more}
        (made,) = crm.desk.add_cards(kind, [draft], author)
        return made.id
    return None
