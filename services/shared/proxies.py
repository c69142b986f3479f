"""Our own proxies, and whom they say a request is from; nobody else is believed (S30)."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Network, ip_address, ip_network

from services.shared.http_limits import Networks

FORWARDED_FOR = b"x-forwarded-for"
IPV4 = 4
NETWORK_BITS = 64


def networks(text: str) -> Networks:
    """Addresses and networks, as a setting has them: separated by commas.

    Raises:
        ValueError: One is neither.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def are_networks(text: str) -> str:
    """The text, if it is addresses or networks.

    Raises:
        ValueError: It is not.
    """
    networks(text)
    return text


@lru_cache(maxsize=1_024)
def is_within(address: str, proxies: Networks) -> bool:
    """Whether an address is one of them; what is no address is not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in proxies)


def forwarded_for(headers: Iterable[tuple[bytes, bytes]], proxies: Networks) -> str | None:
    """The last address before our own proxies; what stands before it, anybody may write."""
    said = b",".join(value for name, value in headers if name == FORWARDED_FOR)
    for part in reversed(said.split(b",")):
        address = part.strip().decode("latin-1")
        if not is_within(address, proxies):
            return whose(address)
    return None


@lru_cache(maxsize=1_024)
def whose(address: str) -> str | None:
    """What is counted as one address: of IPv6 it is the network that everybody gets."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address or None
    if ip.version == IPV4 or ip.is_loopback:
        return address
    return str(IPv6Network((int(ip), NETWORK_BITS), strict=False))
