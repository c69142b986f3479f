"""The webhook address: `POST /kommo/<secret>/`, or `/dp/` (I1, F32, F34, S1).

Whatever comes under a valid secret is answered 200 as soon as it is durable, be it as messages
or as a dead letter: an error code would make Kommo repeat it and finally switch the hook off.
The exceptions are a body over the limit (413), an account over its quota (429), and a log that
does not answer (503). A body that does not arrive in time never gets here: see `HttpLimits`.
"""

import asyncio
from dataclasses import dataclass

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from contracts.kommo.steps import Steps
from services.ingress.answers import CLOSE, answer
from services.ingress.appender import Appenders, Submission
from services.ingress.body import Body, BodyBudget, BodyShare, BudgetExhausted, read_body
from services.ingress.directory import AccountDirectory
from services.ingress.hook_kinds import HookKinds
from services.ingress.in_flight import InFlight
from services.ingress.intake import Intake, Kept
from services.ingress.meter import IngressMeter
from services.ingress.quota import Quotas, SendingPace
from services.ingress.raw_keeper import RawKeeper
from services.ingress.triggers import Carried, KnownRevisions
from services.ingress.turns import Turns
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.shared.http_guard import vouch
from services.shared.sparing_log import SparingLog
from services.shared.tracing import Traces, now_ns
from services.storage.accounts import WebhookOwner

log = structlog.get_logger()

# That of the account's webhooks, and that of its widget's triggers.
PREFIXES = ("/kommo/", "/dp/")
GREETING = answer("Fairlead receives Kommo's webhooks here (POST).\n")
DONE = answer("ok\n")
RETRY_SOON = {**CLOSE, "retry-after": "1"}
RETRY_LATER = {**CLOSE, "retry-after": "60"}


class _Answer(Exception):
    """Ends the handling of a request with an answer that is not 200."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = answer(text, status, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimits:
    """What one request may take."""

    body_bytes_max: int
    in_flight_max: int
    answer_within_s: float


class WebhookEndpoint:
    """Every path but the health checks, so that a wrong secret is like any unknown path."""

    def __init__(  # noqa: PLR0913 - the parts of a role
        self,
        *,
        intake: Intake,
        directory: AccountDirectory,
        appenders: Appenders,
        quotas: Quotas,
        budget: BodyBudget,
        limits: WebhookLimits,
        meter: IngressMeter,
        traces: Traces,
        revisions: KnownRevisions,
        raw: RawKeeper | None = None,
        heard: HookKinds | None = None,
    ) -> None:
        self._revisions = revisions
        self._raw = raw
        self._heard = heard
        self._intake = intake
        self._directory = directory
        self._appenders = appenders
        self._quotas = quotas
        self._budget = budget
        self._limits = limits
        self._meter = meter
        self._traces = traces
        self._in_flight = InFlight(limits.in_flight_max)
        self._turns = Turns()
        self._log = SparingLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._handle(scope, receive)
            response = DONE if scope["method"] == "POST" else GREETING
        except _Answer as other:
            response = other.response
        except ClientDisconnect:
            self._meter.webhook_answered("none")
            return
        if scope["method"] == "POST":
            self._meter.webhook_answered(str(response.status_code))
        await response(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive) -> None:
        owner = await self._owner_of(scope)
        account_id = owner.account_id
        vouch(scope)
        if scope["method"] in {"GET", "HEAD"}:
            return
        if scope["method"] != "POST":
            raise _Answer(405, "Webhooks are posted here (POST).\n", {"allow": "GET, HEAD, POST"})
        self._check_pace(account_id)
        began_ns = now_ns()
        await self._in_flight.enter(account_id)
        share = BodyShare(self._budget, account_id)
        try:
            body = await self._receive(receive, share)
            failpoint("ingress.after_read")
            message_ids = await self._keep(owner, body, scope)
        finally:
            share.give_back()
            self._in_flight.leave(account_id)
        for message_id in message_ids:
            self._traces.tell(
                "ingress.receive", message_id, after=None, began_ns=began_ns, account_id=account_id
            )

    async def _owner_of(self, scope: Scope) -> WebhookOwner:
        path: str = scope["path"]
        prefix = next((each for each in PREFIXES if path.startswith(each)), "")
        secret = path.removeprefix(prefix).removesuffix("/")
        try:
            owner = await self._directory.find(secret)
        except Unavailable:
            raise _Answer(503, "Not ready yet, try again.\n", RETRY_SOON) from None
        if owner is None or not prefix:
            # Closed, so that nobody without a secret can make us read an endless body.
            raise _Answer(404, "Not found.\n", CLOSE)
        return owner

    def _check_pace(self, account_id: int) -> None:
        pace, worsened = self._quotas.take(account_id)
        if worsened:
            log.warning("webhook_rate_exceeded", account_id=account_id)
        if pace is SendingPace.EXHAUSTED:
            raise _Answer(429, "Too many webhooks from this account.\n", RETRY_LATER)

    async def _receive(self, receive: Receive, share: BodyShare) -> Body:
        try:
            return await read_body(receive, bytes_max=self._limits.body_bytes_max, share=share)
        except BudgetExhausted:
            raise _Answer(503, "Busy, try again.\n", RETRY_SOON) from None

    async def _keep(self, owner: WebhookOwner, body: Body, scope: Scope) -> tuple[str, ...]:
        """Make it durable; the ids of its messages."""
        account_id = owner.account_id
        deadline = asyncio.get_running_loop().time() + self._limits.answer_within_s
        try:
            carried = await self._revisions.carried(
                account_id, body.content, _header(scope, b"content-type")
            )
            work = self._submitting(owner, body, scope, deadline, carried)
            kept, submission = await self._turns.take(account_id, work, deadline=deadline)
            await submission.durable()
            if self._heard is not None:
                self._heard.hear(account_id, kept.kinds)
            if self._raw is not None and not kept.letters:  # a letter has it whole
                self._raw.note(account_id, body.content, _header(scope, b"content-type"))
        except Unavailable as error:
            self._log.warning("webhook_not_kept", account_id=account_id, reason=str(error))
            text = "The webhook could not be stored, send it again.\n"
            raise _Answer(503, text, RETRY_SOON) from None
        failpoint("ingress.after_ack")
        if not body.is_whole:
            text = f"The body has more than {self._limits.body_bytes_max} bytes.\n"
            raise _Answer(413, text, CLOSE)
        return kept.message_ids

    def _submitting(
        self, owner: WebhookOwner, body: Body, scope: Scope, deadline: float, carried: Carried
    ) -> Steps[tuple[Kept, Submission]]:
        """Understand a body and hand it in, in the order in which the account's bodies came."""
        account_id = owner.account_id
        kept = yield from self._intake.understanding(
            owner,
            body,
            content_type=_header(scope, b"content-type"),
            content_encoding=_header(scope, b"content-encoding"),
            carried=carried,
        )
        self._quotas.count(account_id, size=body.size, items=len(kept.entries))
        submission = self._appenders.submit(
            account_id, kept.entries, kept.letters, deadline=deadline
        )
        return kept, submission


def _header(scope: Scope, name: bytes) -> str | None:
    """The first of that name."""
    for each, value in scope["headers"]:
        if each == name:
            text: str = value.decode("latin-1")
            return text
    return None
