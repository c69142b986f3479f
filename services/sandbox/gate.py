"""What stands before the API: the limit, tokens, slowness, faults, and the journal."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.answers import problem
from services.sandbox.crm import Crm
from services.sandbox.garbling import garbled
from services.sandbox.journal import without_urls
from services.sandbox.limiter import LimitVerdict, RequestLimit
from services.sandbox.oauth_rest import OAUTH, TOKENS

BODY_MAX_BYTES: Final = 4 * 1024 * 1024
CUT: Final = "sandbox.cut"  # the scope extension under which the server offers to hang up
_BEARER: Final = "bearer "
_CONTEXT: Final = b"x-context-user-id"


class Gate:
    """Wraps the API as an ASGI application."""

    def __init__(self, app: ASGIApp, crm: Crm, limiter: RequestLimit | None = None) -> None:
        """Guard one account.

        Args:
            app: Its API.
            crm: The account.
            limiter: That of all accounts of the same Kommo; one of its own if not given.
        """
        self._app = app
        self._crm = crm
        self._limiter = limiter or RequestLimit(crm.knobs)
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and write it down."""
        visit = _Visit(scope, source=scope["client"][0] if scope.get("client") else "")
        now = self._crm.clock.monotonic()
        visit.in_pause = self._limiter.in_pause(visit.source, now)
        verdict = self._limiter.judge(visit.source, now)
        visit.body = await _body(receive)
        try:
            await self._serve(visit, verdict, send)
        finally:
            self._note(visit, self._crm.clock.monotonic() - now)

    async def _serve(self, visit: "_Visit", verdict: LimitVerdict, send: Send) -> None:
        self._requests += 1
        await asyncio.sleep(self._crm.knobs.latency_s(self._requests))
        refusal = self._refusal(visit, verdict)
        if refusal is not None:
            await refusal(visit.scope, visit.receive, visit.spy(send))
            return
        if self._is_cut(visit):
            await self._act_and_cut(visit)
            return
        answer: list[Message] = []
        await self._app(visit.scope, visit.receive, visit.spy(_keep_in(answer)))
        await asyncio.sleep(self._crm.knobs.answer_delay_ms / 1_000)
        for message in garbled(answer, self._crm.knobs):
            await send(message)

    def _refusal(self, visit: "_Visit", verdict: LimitVerdict) -> Response | None:
        if verdict is LimitVerdict.BLOCKED:
            return PlainTextResponse("403 Forbidden", 403)
        if verdict is LimitVerdict.TOO_MANY:
            return self._too_many()
        if (trouble := self._trouble(visit)) is not None:
            return trouble
        if not visit.scope["path"].startswith(OAUTH) and not self._is_let_in(visit.scope):
            return problem(401, "Invalid user name or password")
        if len(visit.body) > BODY_MAX_BYTES:
            return problem(413, "Request body is too large")
        return None

    def _is_let_in(self, scope: Scope) -> bool:
        """Find the user of the token, or the one in whose name the request is made."""
        account, token = self._crm.account, _header(scope, b"authorization")
        if self._crm.knobs.tokens_refused:
            return False
        token = token[len(_BEARER) :] if token[: len(_BEARER)].lower() == _BEARER else ""
        user_id, client_id = account.tokens.get(token), None
        if user_id is None:
            access = self._crm.oauth.holder(token, account.id, self._crm.clock.second())
            if access is None:
                return False
            user_id, client_id = access.user_id, access.client_id
        if (wanted := _header(scope, _CONTEXT)) != "":
            user_id = int(wanted[:18]) if wanted.isascii() and wanted.isdigit() else 0
            user = account.users.get(user_id)
            if user is None or user.is_free or not user.is_active:
                return False
        scope["sandbox_user_id"], scope["sandbox_client_id"] = user_id, client_id
        return True

    def _is_cut(self, visit: "_Visit") -> bool:
        """Whether a knob wants the answer to be lost, and count it down."""
        knobs = self._crm.knobs
        if visit.scope["path"] == TOKENS and knobs.lose_refresh_next:
            knobs.lose_refresh_next -= 1
            return True
        if visit.is_write and knobs.cut_next:
            knobs.cut_next -= 1
            return True
        return False

    def _trouble(self, visit: "_Visit") -> Response | None:
        """What a knob wants every request, or the next ones, to be answered with."""
        knobs = self._crm.knobs
        if knobs.blocked:
            return PlainTextResponse("403 Forbidden", 403)
        if knobs.down:
            return problem(503, "Kommo is down")
        if knobs.page:
            return HTMLResponse("<html><body>Please come back later.</body></html>", knobs.page)
        if knobs.error_next:
            knobs.error_next -= 1
            return problem(knobs.error_status, "As the knob says")
        is_enough = 0 < knobs.patched_max <= len(self._crm.journal.patched)
        if is_enough and visit.scope["method"] == "PATCH":
            return problem(knobs.error_status, "As the knob says")
        return None

    def _too_many(self) -> Response:
        knobs = self._crm.knobs
        if knobs.too_many_body == "text":
            return PlainTextResponse("Too many requests", 429)
        pause = {} if knobs.retry_after_s is None else {"retry_after": knobs.retry_after_s}
        return problem(429, "You have exceeded the limit of requests per second", pause)

    async def _act_and_cut(self, visit: "_Visit") -> None:
        """Do what is asked, then hang up without a word: the client cannot know."""
        await self._app(visit.scope, visit.receive, _keep_in([]))
        visit.status = 0
        visit.scope["extensions"][CUT]()

    def _note(self, visit: "_Visit", took_s: float) -> None:
        scope = visit.scope
        query = scope["query_string"].decode("latin-1")
        path = f"{scope['path']}?{query}" if query else scope["path"]
        body = visit.body.decode("utf-8", "replace")
        if scope["path"].startswith(OAUTH):
            body = ""  # all of it is secret
        if scope["path"].startswith("/api/v4/webhooks"):
            path, body = without_urls(path), without_urls(body)
        self._crm.journal.note_request(
            method=scope["method"],
            path=path,
            body=body,
            status=visit.status,
            source=visit.source,
            took_ms=round(took_s * 1_000, 3),
            in_pause=visit.in_pause,
        )


@dataclass(slots=True)
class _Visit:
    """One request while it is being served."""

    scope: Scope
    source: str
    body: bytes = b""
    status: int = 0
    in_pause: bool = False
    _is_read: bool = field(default=False, init=False)

    @property
    def is_write(self) -> bool:
        """Whether it changes leads or what belongs to them."""
        method: str = self.scope["method"]
        path: str = self.scope["path"]
        return method == "PATCH" or (method == "POST" and path.endswith(("/notes", "/tasks")))

    async def receive(self) -> Message:
        """Hand the body out once, to whoever serves."""
        if self._is_read:
            return {"type": "http.disconnect"}
        self._is_read = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    def spy(self, send: Send) -> Send:
        """Pass messages on, and remember the status."""

        async def passed_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            await send(message)

        return passed_on


def _keep_in(messages: list[Message]) -> Send:
    async def kept(message: Message) -> None:
        messages.append(message)

    return kept


async def _body(receive: Receive) -> bytes:
    """Read the body; what is beyond the maximum is read and dropped but for one byte."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        del body[BODY_MAX_BYTES + 1 :]
        more = message.get("more_body", False)
    return bytes(body)


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            text: str = value.decode("latin-1")
            return text
    return ""
