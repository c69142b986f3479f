"""API v4: notes on leads, contacts and companies, as documented."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, get_args

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, nothing
from services.sandbox.card_shapes import note_json
from services.sandbox.cards import CardPatch
from services.sandbox.checking import elements_of, object_of, request_ids
from services.sandbox.exchange import author_of, crm_of_request, json_of
from services.sandbox.filters import known_filters, membership, within
from services.sandbox.model import CrmAccount
from services.sandbox.note_input import note_drafts_of, note_of, note_patches_of
from services.sandbox.notes import Note, Owner
from services.sandbox.paging import base_url, listed, numbers, order_of, texts
from services.sandbox.shapes import link, made_json, written_json

_FILTERS: Final = ("id", "entity_id", "note_type", "updated_at", "created_at", "created_by")
_Endpoint = Callable[[Owner, Request], Any]


def note_routes() -> list[Route]:
    """The routes of all owners; there is none for notes of everything."""
    endpoints: Sequence[tuple[str, str, _Endpoint]] = (
        ("/notes", "GET", _list),
        ("/notes", "POST", _post),
        ("/notes", "PATCH", _patch),
        ("/notes/{note_id:int}", "GET", _get),
        ("/notes/{note_id:int}", "PATCH", _patch_one),
        ("/{entity_id:int}/notes", "GET", _list),
        ("/{entity_id:int}/notes", "POST", _post),
        ("/{entity_id:int}/notes", "PATCH", _patch),
        ("/{entity_id:int}/notes/{note_id:int}", "GET", _get),
        ("/{entity_id:int}/notes/{note_id:int}", "PATCH", _patch_one),
        ("/{entity_id:int}/notes/{note_id:int}/pin", "POST", _pin),
        ("/{entity_id:int}/notes/{note_id:int}/unpin", "POST", _unpin),
    )
    return [
        Route(f"/api/v4/{owner}{path}", _bound(endpoint, owner), methods=[method])
        for owner in get_args(Owner)
        for path, method, endpoint in endpoints
    ]


def _bound(endpoint: _Endpoint, owner: Owner) -> Callable[[Request], Any]:
    async def bound(request: Request) -> Response:
        answer: Response = await endpoint(owner, request)
        return answer

    return bound


async def _list(owner: Owner, request: Request) -> Response:
    account = crm_of_request(request).account
    found = _found(account, owner, request.path_params.get("entity_id"), request.query_params)
    return listed(request, "notes", found, partial(note_json, account.id, base_url(request)))


def _found(
    account: CrmAccount, owner: Owner, entity_id: int | None, params: QueryParams
) -> list[Note]:
    known_filters(params, _FILTERS)
    ids, types = numbers(params, "filter[id]"), frozenset(texts(params, "filter[note_type]"))
    tests = [*membership(params, "entity_id"), *membership(params, "created_by")]
    for name in ("updated_at", "created_at"):
        tests += within(params, name)
    found = [
        note
        for note in account.notes.by_id.values()
        if note.entity_type == owner
        and not note.is_deleted
        and (entity_id is None or note.entity_id == entity_id)
        and (ids is None or note.id in ids)
        and (not types or note.note_type in types)
        and all(test(note) for test in tests)
    ]
    order, descending = order_of(params, ("id", "updated_at"))
    return sorted(found, key=lambda note: (getattr(note, order), note.id), reverse=descending)


async def _get(owner: Owner, request: Request) -> Response:
    account, params = crm_of_request(request).account, request.path_params
    note = note_of(account, owner, params["note_id"], params.get("entity_id"))
    return nothing() if note is None else hal(note_json(account.id, base_url(request), note))


async def _post(owner: Owner, request: Request) -> Response:
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    entity_id = request.path_params.get("entity_id")
    if entity_id is not None and not crm.account.has_entity(owner, entity_id):
        raise ApiProblem(404, "Entity not found")
    drafts = note_drafts_of(crm.account, crm.knobs, owner, elements, entity_id)
    notes = crm.desk.add_notes(drafts, author_of(request))
    base = base_url(request)
    items = [
        {
            "id": note.id,
            "entity_id": note.entity_id,
            "request_id": name,
            "_links": link(f"{base}/api/v4/{owner}/{note.entity_id}/notes/{note.id}"),
        }
        for note, name in zip(notes, request_ids(elements), strict=True)
    ]
    return hal(made_json(base, "notes", items, path=f"{owner}/notes"))


async def _patch(owner: Owner, request: Request) -> Response:
    notes = _changed(owner, request, elements_of(await json_of(request)))
    base = base_url(request)
    items = [_written(base, note) for note in notes]
    return hal(made_json(base, "notes", items, path=f"{owner}/notes"))


async def _patch_one(owner: Owner, request: Request) -> Response:
    element = object_of(await json_of(request))
    (note,) = _changed(owner, request, [{**element, "id": request.path_params["note_id"]}])
    return hal(_written(base_url(request), note))


def _changed(owner: Owner, request: Request, elements: Sequence[Any]) -> list[Note]:
    crm = crm_of_request(request)
    patches = note_patches_of(crm.account, crm.knobs, owner, elements)
    return crm.desk.change_notes(patches, author_of(request))


def _written(base: str, note: Note) -> dict[str, Any]:
    path = f"{note.entity_type}/{note.entity_id}/notes"
    return {**written_json(base, path, note), "entity_id": note.entity_id}


async def _pin(owner: Owner, request: Request) -> Response:
    return _set_pin(owner, request, is_pinned=True)


async def _unpin(owner: Owner, request: Request) -> Response:
    return _set_pin(owner, request, is_pinned=False)


def _set_pin(owner: Owner, request: Request, *, is_pinned: bool) -> Response:
    crm, params = crm_of_request(request), request.path_params
    note = note_of(crm.account, owner, params["note_id"], params["entity_id"])
    if note is None:
        raise ApiProblem(404, "Note not found")
    crm.desk.change_notes([CardPatch(note.id, {"is_pinned": is_pinned})], author_of(request))
    return nothing()
