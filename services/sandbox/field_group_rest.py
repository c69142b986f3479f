"""API v4: groups of custom fields, which arrange them on a card, as documented."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, invalid, nothing
from services.sandbox.checking import (
    Fault,
    elements_of,
    is_integer,
    is_text,
    missing,
    object_of,
    request_ids,
    typed,
    wrong_type,
)
from services.sandbox.exchange import crm_of_request, json_of, need_admin
from services.sandbox.fields import Field, FieldGroup
from services.sandbox.notes import Owner
from services.sandbox.paging import base_url
from services.sandbox.shapes import link

_TYPES: Final = {"name": is_text, "sort": is_integer}
_Endpoint = Callable[[str, Request], Any]


def field_group_routes() -> list[Route]:
    """The routes of all kinds of entities."""
    one = "/{group_id}"
    endpoints: Sequence[tuple[str, str, _Endpoint]] = (
        ("", "GET", _list),
        ("", "POST", _post),
        (one, "GET", _get),
        (one, "PATCH", _patch),
        (one, "DELETE", _delete),
    )
    return [
        Route(f"/api/v4/{kind}/custom_fields/groups{path}", _bound(each, kind), methods=[method])
        for kind in get_args(Owner)
        for path, method, each in endpoints
    ]


def _bound(endpoint: _Endpoint, kind: str) -> Callable[[Request], Any]:
    async def bound(request: Request) -> Response:
        answer: Response = await endpoint(kind, request)
        return answer

    return bound


async def _list(kind: str, request: Request) -> Response:
    """Answer with all groups; they have no pages."""
    groups = crm_of_request(request).account.field_groups[kind].values()
    items = [_written(kind, request, group) for group in groups]
    if not items:
        return nothing()
    return hal({"_total_items": len(items), "_embedded": {"custom_field_groups": items}})


async def _get(kind: str, request: Request) -> Response:
    return hal(_written(kind, request, _one(kind, request)))


async def _post(kind: str, request: Request) -> Response:
    need_admin(request)
    account, elements = crm_of_request(request).account, elements_of(await json_of(request))
    names = request_ids(elements)
    checked = [typed(element, _TYPES) for element in elements]
    errors = {}
    for name, element, (_, typing) in zip(names, elements, checked, strict=True):
        absent = [] if "name" in element else [missing("name")]
        if wrong := [*typing, *absent, *_wrong_fields(account.fields[kind], element)]:
            errors[name] = wrong
    if errors:
        raise invalid(errors)
    items = []
    for name, element, (fields, _) in zip(names, elements, checked, strict=True):
        group = FieldGroup(id=f"{kind}_{account.new_field_id()}", **fields)
        account.field_groups[kind][group.id] = group
        _arrange(account.fields[kind], group.id, element)
        items.append({**_written(kind, request, group), "request_id": name})
    return hal({"_total_items": len(items), "_embedded": {"custom_field_groups": items}})


async def _patch(kind: str, request: Request) -> Response:
    need_admin(request)
    account, group = crm_of_request(request).account, _one(kind, request)
    element = object_of(await json_of(request))
    fields, wrong = typed(element, _TYPES)
    wrong += _wrong_fields(account.fields[kind], element)
    if wrong:
        raise invalid({"0": wrong})
    changed = replace(group, **fields)
    account.field_groups[kind][group.id] = changed
    _arrange(account.fields[kind], group.id, element)
    return hal(_written(kind, request, changed))


async def _delete(kind: str, request: Request) -> Response:
    """Delete a group; its fields are in none then."""
    need_admin(request)
    account, group = crm_of_request(request).account, _one(kind, request)
    del account.field_groups[kind][group.id]
    for field in list(account.fields[kind].values()):
        if field.group_id == group.id:
            account.fields[kind][field.id] = replace(field, group_id=None)
    return nothing()


def _wrong_fields(known: Mapping[int, Field], element: Mapping[str, Any]) -> list[Fault]:
    given = element.get("fields") or []
    is_right = isinstance(given, list) and all(_field_id(each) in known for each in given)
    return [] if is_right else [wrong_type("fields", "array")]


def _arrange(known: dict[int, Field], group_id: str, element: Mapping[str, Any]) -> None:
    for each in element.get("fields") or []:
        field_id = _field_id(each)
        known[field_id] = replace(known[field_id], group_id=group_id)


def _field_id(given: object) -> Any:  # noqa: ANN401 - whatever a client sent
    return given.get("id") if isinstance(given, dict) else given


def _one(kind: str, request: Request) -> FieldGroup:
    group = crm_of_request(request).account.field_groups[kind].get(request.path_params["group_id"])
    if group is None:
        raise ApiProblem(404, "Group not found")
    return group


def _written(kind: str, request: Request, group: FieldGroup) -> dict[str, Any]:
    fields = crm_of_request(request).account.fields[kind].values()
    return {
        "id": group.id,
        "name": group.name,
        "is_predefined": False,
        "type": "form",
        "entity_type": kind,
        "sort": group.sort,
        "fields": [field.id for field in fields if field.group_id == group.id],
        "_links": link(f"{base_url(request)}/api/v4/{kind}/custom_fields/groups/{group.id}"),
    }
