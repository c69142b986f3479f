"""What stands before the API: the limit, tokens, slowness, faults, and the journal."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.answers import problem
from services.sandbox.crm import Crm
from services.sandbox.journal import without_urls
from services.sandbox.limiter import Limiter, Verdict

BODY_MAX_BYTES: Final = 4 * 1024 * 1024
CUT: Final = "sandbox.cut"  # the scope extension under which the server offers to hang up
_BEARER: Final = "bearer "


class Gate:
    """Wraps the API as an ASGI application."""

    def __init__(self, app: ASGIApp, crm: Crm) -> None:
        self._app = app
        self._crm = crm
        self._limiter = Limiter(crm.knobs)
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

    async def _serve(self, visit: "_Visit", verdict: Verdict, send: Send) -> None:
        self._requests += 1
        await asyncio.sleep(self._crm.knobs.latency_s(self._requests))
        refusal = self._refusal(visit, verdict)
        if refusal is not None:
            await refusal(visit.scope, visit.receive, visit.spy(send))
            return
        if visit.scope["method"] == "PATCH" and self._crm.knobs.cut_next:
            await self._act_and_cut(visit)
            return
        answer: list[Message] = []
        await self._app(visit.scope, visit.receive, visit.spy(_keep_in(answer)))
        await asyncio.sleep(self._crm.knobs.answer_delay_ms / 1_000)
        for message in answer:
            await send(message)

    def _refusal(self, visit: "_Visit", verdict: Verdict) -> Response | None:
        knobs = self._crm.knobs
        if verdict is Verdict.BLOCKED:
            return PlainTextResponse("403 Forbidden", 403)
        if verdict is Verdict.TOO_MANY:
            return self._too_many()
        if knobs.error_next:
            knobs.error_next -= 1
            return problem(knobs.error_status, "As the knob says")
        user_id = self._crm.account.tokens.get(_token(visit.scope))
        if user_id is None:
            return problem(401, "Invalid user name or password")
        visit.scope["sandbox_user_id"] = user_id
        if len(visit.body) > BODY_MAX_BYTES:
            return problem(413, "Request body is too large")
        return None

    def _too_many(self) -> Response:
        knobs = self._crm.knobs
        if knobs.too_many_body == "text":
            return PlainTextResponse("Too many requests", 429)
        pause = {} if knobs.retry_after_s is None else {"retry_after": knobs.retry_after_s}
        return problem(429, "You have exceeded the limit of requests per second", pause)

    async def _act_and_cut(self, visit: "_Visit") -> None:
        """Do what is asked, then hang up without a word: the client cannot know."""
        self._crm.knobs.cut_next -= 1
        await self._app(visit.scope, visit.receive, _keep_in([]))
        visit.status = 0
        visit.scope["extensions"][CUT]()

    def _note(self, visit: "_Visit", took_s: float) -> None:
        scope = visit.scope
        query = scope["query_string"].decode("latin-1")
        path = f"{scope['path']}?{query}" if query else scope["path"]
        body = visit.body.decode("utf-8", "replace")
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


def _token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            text: str = value.decode("latin-1")
            return text[len(_BEARER) :] if text[: len(_BEARER)].lower() == _BEARER else ""
    return ""
