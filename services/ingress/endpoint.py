"""The webhook address: `POST /kommo/<secret>/` for every kind of hook (I1, F32, F34, S1).

Whatever comes under a valid secret is answered 200 as soon as it is durable, be it as messages
or as a dead letter: an error code would make Kommo repeat it and finally switch the hook off.
The exceptions are a body over the limit (413), one that never ends (408), an account over its
quota (429), and a log that does not answer (503).
"""

import asyncio
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from services.errors import Unavailable
from services.failpoints import failpoint
from services.ingress.appender import Appender
from services.ingress.body import Body, BodyBudget, BudgetExhausted, read_body
from services.ingress.directory import AccountDirectory
from services.ingress.intake import Intake
from services.ingress.meter import Meter
from services.ingress.quota import Pace, Quotas
from services.tracing import Traces, now_ns

log = structlog.get_logger()

PREFIX = "/kommo/"
GREETING = PlainTextResponse("Fairlead receives Kommo's webhooks here (POST).\n")
KEPT = PlainTextResponse("ok\n")
CLOSE = {"connection": "close"}


class _Answer(Exception):
    """Ends the handling of a request with an answer that is not 200."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(status)
        self.response = PlainTextResponse(
            text, status, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimits:
    """What one request may take."""

    body_bytes_max: int
    body_read_s: float
    answer_within_s: float


class WebhookEndpoint:
    """Every path but the health checks, so that a wrong secret is like any unknown path."""

    def __init__(
        self,
        *,
        intake: Intake,
        directory: AccountDirectory,
        appender: Appender,
        quotas: Quotas,
        budget: BodyBudget,
        limits: WebhookLimits,
        meter: Meter,
        traces: Traces,
    ) -> None:
        self._intake = intake
        self._directory = directory
        self._appender = appender
        self._quotas = quotas
        self._budget = budget
        self._limits = limits
        self._meter = meter
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._handle(scope, receive)
            response = KEPT if scope["method"] == "POST" else GREETING
        except _Answer as answer:
            response = answer.response
        except ClientDisconnect:
            self._meter.webhook_answered("none")
            return
        if scope["method"] == "POST":
            self._meter.webhook_answered(str(response.status_code))
        await response(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive) -> None:
        account_id = await self._account_of(scope)
        if scope["method"] in {"GET", "HEAD"}:
            return
        if scope["method"] != "POST":
            raise _Answer(405, "Webhooks are posted here (POST).\n", allow="GET, HEAD, POST")
        self._check_pace(account_id)
        began_ns = now_ns()
        body = await self._receive(receive)
        failpoint("ingress.after_read")
        for message_id in await self._keep(account_id, body, Headers(scope=scope)):
            self._traces.tell(
                "ingress.receive", message_id, after=None, began_ns=began_ns, account_id=account_id
            )

    async def _account_of(self, scope: Scope) -> int:
        path: str = scope["path"]
        secret = path.removeprefix(PREFIX).removesuffix("/")
        try:
            account_id = await self._directory.find(secret)
        except Unavailable:
            raise _Answer(503, "Not ready yet, try again.\n", retry_after="1", **CLOSE) from None
        if account_id is None or not path.startswith(PREFIX):
            # Closed, so that nobody without a secret can make us read an endless body.
            raise _Answer(404, "Not found.\n", **CLOSE)
        return account_id

    def _check_pace(self, account_id: int) -> None:
        pace, worsened = self._quotas.take(account_id)
        if worsened:
            log.warning("webhook_rate_exceeded", account_id=account_id)
        if pace is Pace.EXHAUSTED:
            raise _Answer(429, "Too many webhooks from this account.\n", retry_after="60", **CLOSE)

    async def _receive(self, receive: Receive) -> Body:
        try:
            async with asyncio.timeout(self._limits.body_read_s):
                return await read_body(
                    receive, bytes_max=self._limits.body_bytes_max, budget=self._budget
                )
        except TimeoutError:
            raise _Answer(408, "The body took too long.\n", **CLOSE) from None
        except BudgetExhausted:
            raise _Answer(503, "Busy, try again.\n", retry_after="1", **CLOSE) from None

    async def _keep(self, account_id: int, body: Body, headers: Headers) -> tuple[str, ...]:
        """Make it durable; the ids of its messages."""
        deadline = asyncio.get_running_loop().time() + self._limits.answer_within_s
        kept = await self._intake.understand(
            account_id,
            body,
            content_type=headers.get("content-type"),
            content_encoding=headers.get("content-encoding"),
        )
        try:
            await self._appender.append(kept.entries, kept.letters, deadline=deadline)
        except Unavailable as error:
            log.warning("webhook_not_kept", account_id=account_id, reason=str(error))
            text = "The webhook could not be stored, send it again.\n"
            raise _Answer(503, text, retry_after="1", **CLOSE) from None
        failpoint("ingress.after_ack")
        if not body.is_whole:
            text = f"The body has more than {self._limits.body_bytes_max} bytes.\n"
            raise _Answer(413, text, **CLOSE)
        return kept.message_ids
