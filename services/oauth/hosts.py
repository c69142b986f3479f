"""Whose host it is that a browser, a token or Kommo names: only Kommo's own get a secret (S14)."""

from contracts.sentences import sentence
from services.kommo.address import LOOPBACK, NoAddress, checked_base_url, is_host

HOST_LENGTH_MAX = 100


def base_url_of(host: str, *, allows_local: bool) -> str:
    """The address of the account at a host, as an OAuth redirect names it.

    Args:
        host: `acme.kommo.com`, without scheme, port or path.
        allows_local: Whether a simulation on this machine will do: never in production.

    Raises:
        NoAddress: It is no host of Kommo's.
    """
    if len(host) <= HOST_LENGTH_MAX:
        if is_host(host):
            return f"https://{host}"
        name, _, port = host.partition(":")
        if allows_local and name in LOOPBACK and port.isascii() and port.isdigit():
            return checked_base_url(f"http://{host}")
    raise NoAddress(sentence("address.is_anothers"))


def host_of(base_url: str) -> str:
    """The host of an address of an account."""
    return base_url.partition("://")[2]
