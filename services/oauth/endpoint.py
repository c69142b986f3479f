"""The token endpoint of an account: a code or a refresh token for a new pair.

The secret of an integration is posted to hosts of Kommo alone, over TLS, to the public address that
the name was resolved to, and no redirect is followed (S14). Kommo counts these requests with the
others of our address, so their starts are noted with those, and a pause holds for them, too (F47).
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
import orjson
from pydantic import BaseModel, SecretStr, ValidationError

from contracts.kommo.oauth import RenamedAccount, TokenPair
from contracts.kommo.rest import read_problem
from services.kommo.answers import TOO_MANY
from services.kommo.errors import MalformedAnswer, Unreachable
from services.kommo.settings import LimiterSettings
from services.kommo.starts import SHORT_WAIT_S, Asker, Starts, most_of
from services.outgoing.addresses import NotATarget, Resolve, pinned, resolve_host

TIMEOUT_S = 10.0
BODY_BYTES_MAX = 65_536
HINT_LENGTH_MAX = 120
_OK, _REDIRECTS = 200, 300
# Understood, and no; everything else may be otherwise a moment later.
_REFUSALS = frozenset({400, 401})
_GONE = 404

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An integration as Kommo knows it."""

    client_id: str
    secret: SecretStr
    redirect_uri: str


class ConsentRefused(Exception):
    """Kommo gives no tokens for what was sent; the same will be refused again.

    Attributes:
        hint: What Kommo says is wrong, cut; data, not part of the message.
    """

    def __init__(self, status: int, hint: str) -> None:
        super().__init__(f"the token endpoint answered {status}")
        self.status = status
        self.hint = hint


class HostGone(Unreachable):
    """Nothing of Kommo's is at this host: the account may have another name by now (F61)."""


@dataclass(slots=True)
class TokenEndpoint:
    """Asks for tokens.

    Attributes:
        allows_local: Whether a simulation on this machine is asked, which is never for production.
        starts: Where the starts of our address are noted; None where nobody else calls from it.
        limit: How many there may be.
    """

    allows_local: bool
    starts: Starts | None = None
    limit: LimiterSettings = field(default_factory=LimiterSettings)
    timeout_s: float = TIMEOUT_S
    resolve: Resolve = resolve_host
    trusted: ssl.SSLContext | None = field(default=None, repr=False)

    async def by_code(self, base_url: str, client: Client, code: SecretStr) -> TokenPair:
        """The first pair, for a code that is good once.

        Raises:
            ConsentRefused: It is not good, or the integration is none of Kommo's.
            Unreachable: No answer, or none that makes sense: the code may be spent.
        """
        return await self._pair(
            base_url, client, {"grant_type": "authorization_code", "code": code.get_secret_value()}
        )

    async def by_refresh(self, base_url: str, client: Client, refresh: SecretStr) -> TokenPair:
        """The next pair.

        Raises:
            ConsentRefused: The refresh token works no more.
            HostGone: The account is not at this host.
            Unreachable: No answer: the pair may have been made, and the same may be asked again.
        """
        asked = {"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value()}
        return await self._pair(base_url, client, asked)

    async def renamed(self, base_url: str, refresh: SecretStr) -> RenamedAccount:
        """Where the account of a refresh token is now, as a host of Kommo's knows it.

        Raises:
            ConsentRefused: The token is of no account.
            Unreachable: No answer.
        """
        url = f"{base_url}/oauth2/account/current/subdomain"
        headers = {"X-Refresh-Token": refresh.get_secret_value()}
        return _read(RenamedAccount, await self._exchange("GET", url, None, headers))

    async def _pair(self, base_url: str, client: Client, asked: Mapping[str, str]) -> TokenPair:
        body = {
            "client_id": client.client_id,
            "client_secret": client.secret.get_secret_value(),
            "redirect_uri": client.redirect_uri,
            **asked,
        }
        url = f"{base_url}/oauth2/access_token"
        return _read(TokenPair, await self._exchange("POST", url, orjson.dumps(body), {}))

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        await self._begin(url)
        try:
            async with asyncio.timeout(self.timeout_s):
                status, answer = await self._request(method, url, body, headers)
        except NotATarget as error:
            raise Unreachable("not a public address", may_have_happened=False) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise HostGone("no connection", may_have_happened=False) from error
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            kind = type(error).__name__
            raise Unreachable(f"token endpoint: {kind}", may_have_happened=True) from error
        if status in _REFUSALS:
            raise ConsentRefused(status, _hint(answer))
        if status == _GONE:
            raise HostGone("the host answered 404", may_have_happened=False, status=status)
        if status == TOO_MANY and self.starts is not None:
            problem = read_problem(answer)
            stated_s = problem.retry_after if problem is not None else None
            pause_s = self.limit.pause_first_s if stated_s is None else stated_s
            await self.starts.pause(min(pause_s, self.limit.pause_stated_max_s))
        if not _OK <= status < _REDIRECTS:
            text = f"the token endpoint answered {status}"
            raise Unreachable(text, may_have_happened=True, status=status)
        return answer

    async def _begin(self, url: str) -> None:
        """Wait for a start of our address.

        Raises:
            Unreachable: Our address is in a pause, or too busy; nothing was sent.
        """
        if self.starts is None:
            return
        asker, most = Asker(url.partition("/oauth2/")[0]), most_of(self.limit.rate_per_s)
        left_s = self.timeout_s
        while (wait_s := await self.starts.take(most, None, asker)) > 0:
            left_s -= wait_s
            if wait_s > SHORT_WAIT_S or left_s < 0:
                raise Unreachable("our address may not call now", may_have_happened=False)
            await asyncio.sleep(wait_s)

    async def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        address = await pinned(url, allows_local=self.allows_local, resolve=self.resolve)
        if self.trusted is None:
            self.trusted = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
            self.trusted.minimum_version = ssl.TLSVersion.TLSv1_2
        async with (
            httpx.AsyncClient(
                verify=self.trusted, trust_env=False, follow_redirects=False, timeout=self.timeout_s
            ) as client,
            client.stream(
                method,
                address.url,
                content=body,
                headers={
                    "content-type": "application/json",
                    "accept": "application/json",
                    "user-agent": "Fairlead",
                    **headers,
                    "host": address.host,
                },
                extensions={"sni_hostname": address.name},
            ) as response,
        ):
            found = b""
            async for chunk in response.aiter_bytes():
                found += chunk
                if len(found) > BODY_BYTES_MAX:
                    raise MalformedAnswer("an answer is too big")
            return response.status_code, found


def _read(shape: type[M], body: bytes) -> M:
    try:
        return shape.model_validate_json(body)
    except ValidationError:
        raise MalformedAnswer("the token endpoint answered something else") from None


def _hint(body: bytes) -> str:
    """Kommo's own words, for the log and for whoever has to mend it (S20)."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    said = found.get("hint") if isinstance(found, dict) else None
    return "".join(filter(str.isprintable, str(said or "")[:HINT_LENGTH_MAX]))
