"""Posts a body to a target: one connection, to the address that was looked at, no redirects (S14).

Of the answer nothing is read but its head: what a stranger says is not kept, nor waited for.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from services.outgoing.addresses import NotATarget, Resolve, pinned, resolve_host
from services.shared.errors import Unavailable

# Why a target has not taken what was sent.
Failure = Literal[
    "address_refused",
    "host_unknown",
    "unreachable",
    "timed_out",
    "redirect",
    "gone",
    "status",
    "secret_unreadable",
]
DELIVERED = "delivered"
USER_AGENT = "Fairlead-Webhooks/1"
_OK, _REDIRECTS, _ERRORS, _GONE = 200, 300, 400, 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt ended.

    Attributes:
        failure: Why it was not taken; None when it was.
        status: Of HTTP; None without an answer.
        retry_after: When the target wants to be asked again.
    """

    failure: Failure | None
    status: int | None = None
    retry_after: timedelta | None = None


class Poster:
    """Posts; certificates are those that the machine trusts."""

    def __init__(
        self,
        *,
        allows_local: bool,
        timeout_s: float,
        resolve: Resolve = resolve_host,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; nothing is opened.

        Args:
            allows_local: Whether a server on this machine may be a target: never in production.
            timeout_s: For everything.
            resolve: Tells the addresses of a host.
            trusted: Whose certificates are good; the usual ones if not given.
        """
        self._allows_local = allows_local
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._trusted = trusted

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Post a body; never raises but when cancelled."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, headers, body)
        except TimeoutError:
            return Attempt(failure="timed_out")
        except NotATarget:
            return Attempt(failure="address_refused")
        except Unavailable:
            return Attempt(failure="host_unknown")
        except httpx.TimeoutException:
            return Attempt(failure="timed_out")
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return Attempt(failure="unreachable")

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        address = await pinned(url, allows_local=self._allows_local, resolve=self._resolve)
        if self._trusted is None:
            self._trusted = await asyncio.to_thread(httpx.create_ssl_context)
        # A client for each: connections are kept by address, and one of another name at the same
        # address would have been proved to be that, and not this.
        async with (
            httpx.AsyncClient(
                verify=self._trusted,
                trust_env=False,
                follow_redirects=False,
                timeout=self._timeout_s,
            ) as client,
            client.stream(
                "POST",
                address.url,
                content=body,
                headers={
                    "content-type": "application/json",
                    "user-agent": USER_AGENT,
                    **headers,
                    "host": address.host,
                },
                extensions={"sni_hostname": address.name},
            ) as response,
        ):
            return Attempt(
                failure=_failure(response.status_code),
                status=response.status_code,
                retry_after=_retry_after(response.headers.get("retry-after")),
            )


def _failure(status: int) -> Failure | None:
    if _OK <= status < _REDIRECTS:
        return None
    if status == _GONE:
        return "gone"
    return "redirect" if status < _ERRORS else "status"


def _retry_after(text: str | None) -> timedelta | None:
    """Seconds, or a date; None for anything else."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(at - datetime.now(UTC), timedelta())
