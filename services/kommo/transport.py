"""Carries the requests of one account.

Each waits for its turn at the limiter, has one deadline, follows no redirect, reads at most so
many bytes, and fails as one of `services.kommo.errors`. Nothing is retried here: what may be
repeated, and when, only the caller knows.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
from pydantic import SecretStr

from services.kommo.address import checked_base_url
from services.kommo.answers import OK, REDIRECTS, TOO_MANY, Reply, refuse, report
from services.kommo.errors import (
    ANSWERED,
    AccountStopped,
    MalformedAnswer,
    Rejected,
    Unreachable,
    outcome_of,
)
from services.kommo.limiter import CallTurn, Limiter, Priority
from services.kommo.settings import CallSettings
from services.kommo.starts import Lease
from services.kommo.tokens import AccountTokens

_CONNECTIONS_MAX = 4  # to one account
_UNAUTHORIZED = 401

# Told the method and the outcome of each request that was sent.
OnCalled = Callable[[str, str], None]
# Told with each answer: what stops the account, if it does.
OnAnswered = Callable[[AccountStopped | None], None]


def nobody(*_: object) -> None:
    """Tell nobody."""


class Transport:
    """The way to one account and back."""

    def __init__(  # noqa: PLR0913 - what a way to one account is made of
        self,
        *,
        base_url: str,
        token: SecretStr,
        limiter: Limiter,
        settings: CallSettings,
        on_called: OnCalled,
        carrier: httpx.AsyncBaseTransport | None,
        lease: Lease | None,
        on_answered: OnAnswered,
        tokens: AccountTokens | None = None,
    ) -> None:
        """Check the address and prepare the connection pool, as `KommoClient` says."""
        self._token = token
        self._tokens = tokens
        self._base_url = checked_base_url(base_url)
        self._limiter = limiter
        limiter.join(self._base_url)
        self._lease = lease
        self._settings = settings
        self._on_called = on_called
        self._on_answered = on_answered
        self._http = httpx.AsyncClient(
            base_url=self._base_url,
            headers={
                "Accept": "application/hal+json, application/json",
                "User-Agent": "Fairlead",
            },
            timeout=httpx.Timeout(
                connect=self._settings.connect_timeout_s,
                write=self._settings.write_timeout_s,
                read=self._settings.read_timeout_s,
                pool=self._settings.total_timeout_s,
            ),
            limits=httpx.Limits(max_connections=_CONNECTIONS_MAX, keepalive_expiry=30.0),
            follow_redirects=False,
            # Neither proxies nor a .netrc of the environment may see or replace the token.
            trust_env=False,
            verify=_trust(),
            transport=carrier,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if not self._http.is_closed:
            self._limiter.leave(self._base_url)
        await self._http.aclose()

    def take_token(self, token: SecretStr) -> None:
        """Enter with this one from now on."""
        self._token = token

    def turn(self, priority: Priority) -> AbstractAsyncContextManager[CallTurn]:
        """Wait at the limiter for the right to start one request."""
        return self._limiter.turn(priority, self._lease, self._base_url)

    def same_list(self, link: str | None, path: str) -> str | None:
        """Path and query of a link to the same list of the same host; the token goes nowhere else.

        Raises:
            MalformedAnswer: The link leads elsewhere.
        """
        if link is None:
            return None
        try:
            parts, ours = urlsplit(link), urlsplit(self._base_url)
            is_ours = not parts.netloc or (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
            pages = parse_qs(parts.query).get("page", [])
        except ValueError as error:
            raise MalformedAnswer("the link to the next page is not a URL") from error
        if not is_ours or parts.path != path or len(pages) != 1 or not pages[0].isdecimal():
            raise MalformedAnswer("the link to the next page leads elsewhere")
        return f"{path}?{parts.query}"

    async def send(
        self,
        method: str,
        path: str,
        priority: Priority,
        turn: CallTurn | None = None,
        body: object | None = None,
    ) -> Reply:
        """Send a request when its turn has come, the caller's own or the next at the priority.

        Raises:
            Exception: Whatever is in `services.kommo.errors`.
        """
        content = None if body is None else orjson.dumps(body)
        stale = self._token
        try:
            if turn is not None:
                return await self._exchange(method, path, turn, content)
            async with self.turn(priority) as own:
                return await self._exchange(method, path, own, content)
        except AccountStopped as stopped:
            if stopped.status != _UNAUTHORIZED or not await self._renewed(stale):
                raise
        async with self.turn(priority) as again:  # nothing has happened yet (F54)
            fresh = self._token
            try:
                return await self._exchange(method, path, again, content)
            except AccountStopped as stopped:
                if stopped.status == _UNAUTHORIZED and self._tokens is not None:
                    await self._tokens.revoked(fresh)
                raise

    async def _renewed(self, stale: SecretStr) -> bool:
        """Whether there is another token than the one that was refused."""
        if self._tokens is None:
            return False
        if self._token == stale:
            newer = await self._tokens.newer(stale)
            if newer is None:
                return False
            self._token = newer
        return True

    async def _exchange(
        self, method: str, path: str, turn: CallTurn, content: bytes | None
    ) -> Reply:
        name = f"{method} {path.partition('?')[0]}"
        self._refuse_if_closed(name)
        await turn.start()
        self._refuse_if_closed(name)
        try:
            reply = await self._request(name, method, path, turn, content)
        except Exception as error:
            self._on_called(method, outcome_of(error))
            if isinstance(error, AccountStopped):
                self._on_answered(error)
            elif isinstance(error, Rejected):  # let in, all the same
                self._on_answered(None)
            raise
        self._on_called(method, ANSWERED)
        self._on_answered(None)
        return reply

    def _refuse_if_closed(self, name: str) -> None:
        """Who waited for a turn or its start did not see that the account got another client."""
        if self._http.is_closed:
            raise Unreachable(f"{name}: the client is closed", may_have_happened=False)

    async def _request(
        self, name: str, method: str, path: str, turn: CallTurn, content: bytes | None
    ) -> Reply:
        try:
            async with (
                asyncio.timeout(self._settings.total_timeout_s),
                self._open(method, path, content) as response,
            ):
                data = await self._body(response, turn)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreachable(f"{name}: no connection", may_have_happened=False) from error
        except TimeoutError as error:
            raise Unreachable(
                f"{name}: no answer in time", may_have_happened=True, took_too_long=True
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            kind, is_late = type(error).__name__, isinstance(error, httpx.TimeoutException)
            raise Unreachable(
                f"{name}: {kind}", may_have_happened=True, took_too_long=is_late
            ) from error
        reply = Reply(response.status_code, data, _date(response))
        await report(turn, reply, response.headers.get("Retry-After"))
        if not OK <= reply.status < REDIRECTS:
            refuse(name, reply)
        return reply

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, content: bytes | None
    ) -> AsyncIterator[httpx.Response]:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        async with self._http.stream(method, path, content=content, headers=headers) as response:
            yield response

    async def _body(self, response: httpx.Response, turn: CallTurn) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._settings.body_bytes_max:
                    break
                chunks.append(chunk)
        except (httpx.TransportError, httpx.DecodingError):
            if response.status_code == TOO_MANY:
                return b""  # the status says what matters
            turn.answered()
            raise
        if size > self._settings.body_bytes_max and response.status_code != TOO_MANY:
            turn.answered()
            raise MalformedAnswer("an answer is too big")
        return b"".join(chunks)


@functools.cache
def _trust() -> ssl.SSLContext:
    """One context for all accounts: each costs megabytes and milliseconds."""
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _date(response: httpx.Response) -> datetime | None:
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return date.astimezone(UTC) if date.tzinfo else None
