"""API v4: definitions of custom fields, as documented; to write them is for administrators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, invalid, nothing
from services.sandbox.checking import (
    Fault,
    elements_of,
    is_flag,
    is_integer,
    is_text,
    missing,
    no_choice,
    object_of,
    request_ids,
    typed,
    wrong_type,
)
from services.sandbox.exchange import crm_of_request, json_of, need_admin
from services.sandbox.fields import CHOICES, FIELD_TYPES, Field, FieldChoice
from services.sandbox.filters import known_filters
from services.sandbox.notes import Owner
from services.sandbox.paging import base_url, listed, texts
from services.sandbox.shapes import link

_TYPES: Final = {
    "name": is_text,
    "type": is_text,
    "code": is_text,
    "sort": is_integer,
    "is_api_only": is_flag,
    "group_id": is_text,
}
_Endpoint = Callable[[str, Request], Any]


def field_routes() -> list[Route]:
    """The routes of all kinds of entities."""
    one = "/{field_id:int}"
    endpoints: Sequence[tuple[str, str, _Endpoint]] = (
        ("", "GET", _list),
        ("", "POST", _post),
        ("", "PATCH", _patch),
        (one, "GET", _get),
        (one, "PATCH", _patch_one),
        (one, "DELETE", _delete),
    )
    return [
        Route(f"/api/v4/{kind}/custom_fields{path}", _bound(endpoint, kind), methods=[method])
        for kind in get_args(Owner)
        for path, method, endpoint in endpoints
    ]


def _bound(endpoint: _Endpoint, kind: str) -> Callable[[Request], Any]:
    async def bound(request: Request) -> Response:
        answer: Response = await endpoint(kind, request)
        return answer

    return bound


async def _list(kind: str, request: Request) -> Response:
    params = request.query_params
    known_filters(params, ("type", "types"))
    types = frozenset([*texts(params, "filter[type]"), *texts(params, "filter[types]")])
    fields = crm_of_request(request).account.fields[kind].values()
    found = sorted((f for f in fields if not types or f.type in types), key=lambda f: f.sort)
    return listed(request, "custom_fields", found, partial(_written, kind, request))


async def _get(kind: str, request: Request) -> Response:
    return hal(_written(kind, request, _one(kind, request)))


async def _post(kind: str, request: Request) -> Response:
    need_admin(request)
    account, elements = crm_of_request(request).account, elements_of(await json_of(request))
    names = request_ids(elements)
    _check(names, [_wrong(element, None) for element in elements])
    made = []
    for element in elements:
        fields, _ = typed(element, _TYPES)
        field_id = account.new_field_id()
        field = Field(id=field_id, **fields, enums=_choices(element, field_id))
        account.fields[kind][field_id] = field
        made.append(field)
    return _answered(kind, request, made, names)


async def _patch(kind: str, request: Request) -> Response:
    elements = elements_of(await json_of(request))
    return _answered(kind, request, _changed(kind, request, elements), request_ids(elements))


async def _patch_one(kind: str, request: Request) -> Response:
    field = _one(kind, request)
    element = {**object_of(await json_of(request)), "id": field.id}
    (changed,) = _changed(kind, request, [element])
    return hal(_written(kind, request, changed))


async def _delete(kind: str, request: Request) -> Response:
    need_admin(request)
    field = _one(kind, request)
    if field.is_predefined:
        raise ApiProblem(400, "A predefined field can not be deleted")
    del crm_of_request(request).account.fields[kind][field.id]
    return nothing()


def _one(kind: str, request: Request) -> Field:
    field = crm_of_request(request).account.fields[kind].get(request.path_params["field_id"])
    if field is None:
        raise ApiProblem(404, "Field not found")
    return field


def _changed(kind: str, request: Request, elements: Sequence[Mapping[str, Any]]) -> list[Field]:
    """Change fields; what type they have stays."""
    need_admin(request)
    fields = crm_of_request(request).account.fields[kind]
    known = [fields.get(e["id"]) if is_integer(e.get("id")) else None for e in elements]
    wrong = [
        _wrong(element, field) if field is not None else [no_choice("id")]
        for element, field in zip(elements, known, strict=True)
    ]
    _check(request_ids(elements), wrong)
    for element, field in zip(elements, known, strict=True):
        assert field is not None, "just looked"  # noqa: S101 - an invariant
        given, _ = typed(element, _TYPES)
        given.pop("type", None)
        if "enums" in element:
            given["enums"] = _choices(element, field.id)
        fields[field.id] = replace(field, **given)
    return [fields[element["id"]] for element in elements]


def _wrong(element: Mapping[str, Any], old: Field | None) -> list[Fault]:
    fields, wrong = typed(element, _TYPES)
    if old is None:
        wrong += [missing(name) for name in ("name", "type") if name not in element]
    kind = old.type if old is not None else fields.get("type", "text")
    if kind not in FIELD_TYPES:
        wrong.append(no_choice("type"))
    if old is None and kind in CHOICES and not element.get("enums"):
        wrong.append(missing("enums"))
    enums = element.get("enums")
    if enums is not None and not (
        isinstance(enums, list)
        and all(isinstance(each, dict) and is_text(each.get("value")) for each in enums)
    ):
        wrong.append(wrong_type("enums", "array"))
    return wrong


def _choices(element: Mapping[str, Any], field_id: int) -> tuple[FieldChoice, ...]:
    """The choices with ids: those they have already, or new ones."""
    given: Sequence[Mapping[str, Any]] = element.get("enums") or ()
    return tuple(
        FieldChoice(
            id=each["id"] if is_integer(each.get("id")) else 100 * field_id + place,
            value=each["value"],
            sort=each["sort"] if is_integer(each.get("sort")) else place,
            code=each.get("code"),
        )
        for place, each in enumerate(given, 1)
    )


def _check(names: Sequence[str], wrong: Sequence[list[Fault]]) -> None:
    errors = {name: found for name, found in zip(names, wrong, strict=True) if found}
    if errors:
        raise invalid(errors)


def _answered(
    kind: str, request: Request, fields: Sequence[Field], names: Sequence[str]
) -> Response:
    items = [
        {**_written(kind, request, field), "request_id": name}
        for field, name in zip(fields, names, strict=True)
    ]
    return hal({"_total_items": len(items), "_embedded": {"custom_fields": items}})


def _written(kind: str, request: Request, field: Field) -> dict[str, Any]:
    base = base_url(request)
    return {
        "id": field.id,
        "name": field.name,
        "type": field.type,
        "account_id": crm_of_request(request).account.id,
        "code": field.code,
        "sort": field.sort,
        "is_api_only": field.is_api_only,
        "enums": [
            {"id": each.id, "value": each.value, "sort": each.sort, "code": each.code}
            for each in field.enums
        ]
        if field.has_enums
        else None,
        "group_id": field.group_id,
        "required_statuses": [],
        "is_deletable": not field.is_predefined,
        "is_predefined": field.is_predefined,
        "entity_type": kind,
        "remind": None,
        "settings": None,
        "_links": link(f"{base}/api/v4/{kind}/custom_fields/{field.id}"),
    }
