"""Which hosts a token may be sent to (S14)."""

import re
from urllib.parse import SplitResult, urlsplit

from contracts.sentences import Sentence, sentence
from services.shared.errors import Malformed

SUFFIXES = ("kommo.com", "amocrm.com", "amocrm.ru")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_HOST = re.compile(rf"[a-z0-9-]{{1,63}}\.({'|'.join(re.escape(each) for each in SUFFIXES)})")


class NoAddress(Malformed):
    """It is no address that a token may be sent to.

    Attributes:
        told: Why, to be put into words; the address is not repeated.
    """

    def __init__(self, told: Sentence) -> None:
        super().__init__(told.id)
        self.told = told


def checked_base_url(base_url: str) -> str:
    """Accept `https://<one label>.kommo.com` and its sisters, or a server on this machine.

    Plain http never leaves the machine: only loopback addresses may use it, for the sandbox.

    Raises:
        NoAddress: The address is anything else.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise NoAddress(sentence("address.is_no_url")) from error
    if not parts.scheme or not parts.netloc:
        raise NoAddress(sentence("address.begins_otherwise"))
    if parts.username is not None or parts.password is not None:
        raise NoAddress(sentence("address.carries_a_user"))
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise NoAddress(sentence("address.has_more"))
    if not (_is_loopback(parts) or _is_kommo(parts, port)):
        raise NoAddress(sentence("address.is_anothers"))
    return f"{parts.scheme}://{parts.netloc}"


def is_kommos(base_url: str) -> bool:
    """Whether an address is Kommo's own, and none of a simulation of it."""
    try:
        parts = urlsplit(base_url)
        return _is_kommo(parts, parts.port)
    except ValueError:
        return False


def is_host(host: str) -> bool:
    """Whether a host, as somebody names it, is an account of Kommo's: one label, and a suffix."""
    return _HOST.fullmatch(host) is not None


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def _is_kommo(parts: SplitResult, port: int | None) -> bool:
    # `netloc`, not `hostname`: the latter forgives capitals, and both would hide a port.
    return parts.scheme == "https" and port is None and bool(_HOST.fullmatch(parts.netloc))
