"""API v4: users who are invited, activated and deactivated, as documented."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.account_shapes import user_json
from services.sandbox.answers import hal, invalid, nothing
from services.sandbox.checking import (
    Fault,
    elements_of,
    is_integer,
    is_text,
    missing,
    no_choice,
    request_ids,
    typed,
)
from services.sandbox.exchange import crm_of_request, json_of, need_admin
from services.sandbox.model import CrmAccount, User
from services.sandbox.paging import base_url

USERS_MAX: Final = 10
_TYPES: Final = {"name": is_text, "email": is_text, "password": is_text, "lang": is_text}


def user_routes() -> list[Route]:
    """The routes; nobody is changed by the API otherwise, and no hook tells of it."""
    return [
        Route("/api/v4/users", post_users, methods=["POST"]),
        Route("/api/v4/users/activate", activate, methods=["POST"]),
        Route("/api/v4/users/deactivate", deactivate, methods=["POST"]),
    ]


async def post_users(request: Request) -> Response:
    """Invite up to ten people."""
    need_admin(request)
    account = crm_of_request(request).account
    elements = elements_of(await json_of(request), most=USERS_MAX)
    names = request_ids(elements)
    errors = {
        name: wrong
        for name, element in zip(names, elements, strict=True)
        if (wrong := _wrong(account, element))
    }
    if errors:
        raise invalid(errors)
    made = [_invited(account, element) for element in elements]
    base = base_url(request)
    items = [
        {**user_json(user, base, ()), "request_id": name}
        for user, name in zip(made, names, strict=True)
    ]
    return hal({"_total_items": len(items), "_embedded": {"users": items}})


async def activate(request: Request) -> Response:
    """Let users in again; it takes a while on Kommo, hence 202."""
    _set_active(request, await _named(request), is_active=True)
    return Response(status_code=202)


async def deactivate(request: Request) -> Response:
    """Shut users out; no administrator."""
    _set_active(request, await _named(request), is_active=False)
    return nothing()


async def _named(request: Request) -> list[int]:
    need_admin(request)
    account = crm_of_request(request).account
    elements = elements_of(await json_of(request), most=USERS_MAX)
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        user = account.users.get(element["id"]) if is_integer(element.get("id")) else None
        if user is None or user.is_admin:
            errors[name] = [no_choice("id")]
    if errors:
        raise invalid(errors)
    return [element["id"] for element in elements]


def _set_active(request: Request, user_ids: Sequence[int], *, is_active: bool) -> None:
    for user_id in user_ids:
        crm_of_request(request).account.users[user_id].is_active = is_active


def _wrong(account: CrmAccount, element: Mapping[str, Any]) -> list[Fault]:
    fields, wrong = typed(element, _TYPES)
    wrong += [missing(name) for name in ("name", "email") if name not in element]
    if fields.get("email") in {user.email for user in account.users.values()}:
        wrong.append(no_choice("email"))
    return wrong


def _invited(account: CrmAccount, element: Mapping[str, Any]) -> User:
    rights = element.get("rights")
    is_admin = isinstance(rights, dict) and rights.get("is_admin") is True
    user = User(
        id=max(account.users) + 1,
        name=element["name"],
        email=element["email"],
        is_admin=is_admin,
    )
    account.users[user.id] = user
    return user
