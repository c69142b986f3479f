"""Which addresses are told anything: none by which somebody reaches into our own network (S14).

What an address says is looked at when it is named; what its host resolves to, each time that
something is sent, and the connection goes to just that: a name that means something else a moment
later gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from services.shared.errors import Malformed, Unavailable

URL_MAX = 2_000
RESOLVED_WITHIN_S = 5.0
# A name as of RFC 1123, two labels or more, the last one no number: nothing else is a host here.
_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
)
_PRINTABLE = re.compile(r"[!-~]+")
_LOCAL = ("127.0.0.1", "::1", "localhost")
# Beside what `ipaddress` calls global: addresses that carry others, which may be anything.
_CARRIERS = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))

Ip = IPv4Address | IPv6Address
# The addresses of a host, as texts.
Resolve = Callable[[str], Awaitable[Sequence[str]]]


class NotATarget(Malformed):
    """It is no address that may be told anything.

    Attributes:
        code: What is wrong, a part of the id of a sentence.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class PinnedAddress:
    """Where to connect, and what to say there.

    Attributes:
        url: With the address that was resolved in the place of the name.
        host: The name, for the certificate and the `Host` header; with a port that is not usual.
    """

    url: str
    host: str
    name: str


def checked_url(url: str, *, allows_local: bool) -> SplitResult:
    """Accept `https://NAME[:PORT]/...`, and on a desk a server on this machine.

    Args:
        url: As somebody typed it.
        allows_local: Whether http to a loopback address will do: never in production.

    Raises:
        NotATarget: It is anything else.
    """
    if len(url) > URL_MAX:
        raise NotATarget("too_long")
    if _PRINTABLE.fullmatch(url) is None:
        raise NotATarget("is_no_url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotATarget("is_no_url") from None
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise NotATarget("carries_a_user")
    if parts.fragment or "\\" in url:
        raise NotATarget("is_no_url")
    if port == 0 or parts.netloc.endswith(":"):
        raise NotATarget("is_no_url")
    if allows_local and parts.scheme in ("http", "https") and parts.hostname in _LOCAL:
        return parts
    if parts.scheme != "https":
        raise NotATarget("is_not_https")
    # `netloc`, not `hostname`: the latter forgives capitals.
    if _HOST.fullmatch(parts.netloc.removesuffix(f":{port}")) is None:
        raise NotATarget("is_no_name")
    return parts


def is_public(address: str) -> bool:
    """Whether an address is one of the internet at large."""
    try:
        ip: Ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in carrier for carrier in _CARRIERS):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def pinned(url: str, *, allows_local: bool, resolve: Resolve) -> PinnedAddress:
    """Where to connect for an address, all of its host's addresses being public.

    Raises:
        NotATarget: One of them is not, or the address itself is none.
        Unavailable: Nobody knows the host now.
    """
    parts = checked_url(url, allows_local=allows_local)
    name = parts.hostname or ""
    try:
        async with asyncio.timeout(RESOLVED_WITHIN_S):
            found = await resolve(name)
    except (OSError, TimeoutError, UnicodeError):
        raise Unavailable("the host is unknown") from None
    if not found:
        raise Unavailable("the host is unknown")
    is_local = allows_local and name in _LOCAL
    if not is_local and not all(map(is_public, found)):
        raise NotATarget("is_not_public")
    ip = f"[{found[0]}]" if ":" in found[0] else found[0]
    port = "" if parts.port is None else f":{parts.port}"
    return PinnedAddress(
        url=parts._replace(netloc=f"{ip}{port}").geturl(),
        host=f"[{name}]{port}" if ":" in name else f"{name}{port}",
        name=name,
    )


async def resolve_host(name: str) -> list[str]:
    """What the machine's own resolver says, without repeats."""
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
