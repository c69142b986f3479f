"""The token endpoint, and the lookup of a renamed account: without an access token."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import problem
from services.sandbox.exchange import crm_of_request
from services.sandbox.oauth import OAuthProblem

OAUTH: Final = "/oauth2/"
TOKENS: Final = "/oauth2/access_token"
_TYPE: Final = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
# The texts stay in Russian, whatever the language of the account.
_TITLES: Final = {
    400: "Некорректный запрос",
    401: "Неавторизованный запрос",
}
_DETAIL: Final = "В запросе отсутствует ряд параметров или параметры невалидны"  # noqa: RUF001 - Russian


def oauth_routes() -> list[Route]:
    """Both routes."""
    return [
        Route(TOKENS, post_tokens, methods=["POST"]),
        Route("/oauth2/account/current/subdomain", get_subdomain, methods=["GET"]),
    ]


async def post_tokens(request: Request) -> Response:
    """Exchange a code or a refresh token for a new pair."""
    crm = crm_of_request(request)
    try:
        asked = _asked(await request.body())
        answer = crm.oauth.exchange(crm.account, crm.knobs, asked, crm.clock.second())
    except OAuthProblem as refusal:
        return _refused(refusal)
    return Response(orjson.dumps(answer), media_type="application/json")


def _asked(body: bytes) -> Mapping[str, Any]:
    """Read the fields: JSON as documented, or a form as many clients send it."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = dict(parse_qsl(body.decode("utf-8", "replace")))
    return found if isinstance(found, dict) else {}


def _refused(refusal: OAuthProblem) -> Response:
    hint = {} if refusal.hint is None else {"hint": refusal.hint}
    content = {
        **hint,
        "title": _TITLES[refusal.status],
        "type": _TYPE,
        "status": refusal.status,
        "detail": _DETAIL,
    }
    return Response(orjson.dumps(content), refusal.status, media_type="application/problem+json")


async def get_subdomain(request: Request) -> Response:
    """Answer with the name that the account of a refresh token has now."""
    crm = crm_of_request(request)
    token = request.headers.get("x-refresh-token")
    account_id = crm.oauth.account_id_of(token, crm.clock.second())
    account = crm.neighbours.get(account_id) if account_id is not None else None
    if account is None:
        return problem(401, "Invalid user name or password")
    content = {
        "id": account.id,
        "subdomain": account.subdomain,
        "domain": account.domain,
        "top_level_domain": "com",
    }
    return Response(orjson.dumps(content), media_type="application/json")
