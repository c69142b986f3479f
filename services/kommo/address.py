"""Which hosts a token may be sent to (S14)."""

import re
from urllib.parse import SplitResult, urlsplit

from services.errors import Malformed

SUFFIXES = ("kommo.com", "amocrm.com", "amocrm.ru")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_HOST = re.compile(rf"[a-z0-9-]{{1,63}}\.({'|'.join(re.escape(each) for each in SUFFIXES)})")


def checked_base_url(base_url: str) -> str:
    """Accept `https://<one label>.kommo.com` and its sisters, or a server on this machine.

    Plain http never leaves the machine: only loopback addresses may use it, for the sandbox.

    Raises:
        Malformed: The address is anything else; it is not repeated in the message.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise Malformed("the address of an account is not a URL") from error
    if not parts.scheme or not parts.netloc:
        raise Malformed("the address of an account must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise Malformed("the address of an account must not carry a user")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise Malformed("the address of an account is a host only")
    if not (_is_loopback(parts) or _is_kommo(parts, port)):
        raise Malformed("the address of an account must be https://<name>.kommo.com or alike")
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def _is_kommo(parts: SplitResult, port: int | None) -> bool:
    # `netloc`, not `hostname`: the latter forgives capitals, and both would hide a port.
    return parts.scheme == "https" and port is None and bool(_HOST.fullmatch(parts.netloc))
