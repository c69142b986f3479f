"""API v4: lists of things that are made, changed and deleted all in the same way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, invalid, nothing
from services.sandbox.cards import Box, CardPatch
from services.sandbox.checking import (
    Fault,
    Fields,
    elements_of,
    is_integer,
    missing,
    no_choice,
    object_of,
    request_ids,
    typed,
)
from services.sandbox.exchange import author_of, crm_of_request, json_of, need_admin
from services.sandbox.filters import known_filters
from services.sandbox.model import CrmAccount
from services.sandbox.paging import base_url, listed
from services.sandbox.shapes import link

Check = Callable[[CrmAccount, Fields], list[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One such list.

    Attributes:
        path: Below `/api/v4/`.
        key: What the list is called in `_embedded`.
        box: Finds it in an account.
        shape: The class of its things.
        types: The fields that may be written.
        required: Those that a new one cannot be without.
        write: Writes one.
        check: Finds what is wrong with fields whose types are right.
        find: Lists what a request means, in order.
        patched_status: The status of an answer to PATCH.
    """

    path: str
    key: str
    box: Callable[[CrmAccount], Box]
    shape: type[Any]
    types: Mapping[str, Callable[[object], bool]]
    required: Sequence[str] = ("name",)
    write: Callable[[Any], dict[str, Any]]
    check: Check = lambda _account, _fields: []
    find: Callable[[CrmAccount, Request], list[Any]] | None = None
    patched_status: int = 200

    def routes(self) -> list[Route]:
        """The routes; all that writes is for administrators."""
        one = f"/api/v4/{self.path}/{{thing_id:int}}"
        return [
            Route(f"/api/v4/{self.path}", self._list, methods=["GET"]),
            Route(f"/api/v4/{self.path}", self._post, methods=["POST"]),
            Route(f"/api/v4/{self.path}", self._patch, methods=["PATCH"]),
            Route(f"/api/v4/{self.path}", self._delete_many, methods=["DELETE"]),
            Route(one, self._get, methods=["GET"]),
            Route(one, self._patch_one, methods=["PATCH"]),
            Route(one, self._delete, methods=["DELETE"]),
        ]

    async def _list(self, request: Request) -> Response:
        account = crm_of_request(request).account
        if self.find is not None:
            found = self.find(account, request)
        else:
            known_filters(request.query_params, ())
            found = [each for each in self.box(account).by_id.values() if not each.is_deleted]
        return listed(request, self.key, found, lambda each: self._shown(request, each))

    async def _get(self, request: Request) -> Response:
        return hal(self._shown(request, self._one(request)))

    async def _post(self, request: Request) -> Response:
        need_admin(request)
        crm, elements = crm_of_request(request), elements_of(await json_of(request))
        drafts = self._checked(crm.account, elements, self.required)
        box, now, by = self.box(crm.account), crm.clock.second(), author_of(request).user_id
        ids = [box.add(self.shape, draft, by=by, now=now) for draft in drafts]
        return self._answered(request, [box.by_id[i] for i in ids], request_ids(elements))

    async def _patch(self, request: Request) -> Response:
        elements = elements_of(await json_of(request))
        return self._answered(request, self._changed(request, elements), status=self.patched_status)

    async def _patch_one(self, request: Request) -> Response:
        element = {**object_of(await json_of(request)), "id": self._one(request).id}
        (changed,) = self._changed(request, [element])
        return hal(self._shown(request, changed), self.patched_status)

    async def _delete(self, request: Request) -> Response:
        need_admin(request)
        thing = self._one(request)
        self.box(crm_of_request(request).account).by_id[thing.id] = replace(thing, is_deleted=True)
        return nothing()

    async def _delete_many(self, request: Request) -> Response:
        need_admin(request)
        box = self.box(crm_of_request(request).account)
        elements = elements_of(await json_of(request))
        things = [_of(box, element.get("id")) for element in elements]
        if None in things:
            raise ApiProblem(404, "Entity not found")
        for thing in things:
            assert thing is not None, "just looked"  # noqa: S101 - an invariant
            box.by_id[thing.id] = replace(thing, is_deleted=True)
        return nothing()

    def _one(self, request: Request) -> Any:  # noqa: ANN401 - one of the box
        thing = _of(self.box(crm_of_request(request).account), request.path_params["thing_id"])
        if thing is None:
            raise ApiProblem(404, "Entity not found")
        return thing

    def _changed(self, request: Request, elements: Sequence[Mapping[str, Any]]) -> list[Any]:
        need_admin(request)
        crm = crm_of_request(request)
        box = self.box(crm.account)
        unknown = {
            name: [no_choice("id")]
            for name, element in zip(request_ids(elements), elements, strict=True)
            if _of(box, element.get("id")) is None
        }
        if unknown:
            raise invalid(unknown)
        fields = self._checked(crm.account, elements, ())
        patches = [CardPatch(e["id"], f) for e, f in zip(elements, fields, strict=True)]
        now, by = crm.clock.second(), author_of(request).user_id
        return [change.new for change in box.change(patches, by=by, now=now)]

    def _checked(
        self,
        account: CrmAccount,
        elements: Sequence[Mapping[str, Any]],
        required: Sequence[str],
    ) -> list[Fields]:
        drafts: list[Fields] = []
        errors: dict[str, list[Fault]] = {}
        for name, element in zip(request_ids(elements), elements, strict=True):
            fields, wrong = typed(element, self.types)
            wrong += [missing(path) for path in required if path not in element]
            wrong += [] if wrong else self.check(account, fields)
            drafts.append(fields)
            if wrong:
                errors.setdefault(name, []).extend(wrong)
        if errors:
            raise invalid(errors)
        return drafts

    def _shown(self, request: Request, thing: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the box
        href = f"{base_url(request)}/api/v4/{self.path}/{thing.id}"
        return {"id": thing.id, **self.write(thing), "_links": link(href)}

    def _answered(
        self,
        request: Request,
        things: Sequence[Any],
        names: Sequence[str] | None = None,
        *,
        status: int = 200,
    ) -> Response:
        items = [self._shown(request, thing) for thing in things]
        for item, name in zip(items, names or (), strict=False):
            item["request_id"] = name
        return hal(
            {
                "_total_items": len(items),
                "_links": link(f"{base_url(request)}/api/v4/{self.path}"),
                "_embedded": {self.key: items},
            },
            status,
        )


def _of(box: Box, thing_id: object) -> Any | None:  # noqa: ANN401 - one of the box
    if not is_integer(thing_id):
        return None
    assert isinstance(thing_id, int), "just looked"  # noqa: S101 - an invariant
    return box.shown(thing_id)
