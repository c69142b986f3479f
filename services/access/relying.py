"""For which address passkeys are: as the settings say, never as a request does (W7)."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

NAME = "Fairlead"
LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """Whom a browser makes passkeys for.

    Attributes:
        host: A name; a passkey is for it alone.
        origin: As a browser tells it, with the port if it is not the usual one.
    """

    host: str
    origin: str


def relying_party(address: str) -> RelyingParty | None:
    """For the address of the console; None where browsers make none.

    They do over https and for a name, and on this machine as `localhost`.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    if not host or _is_number(host):
        return None
    if parts.scheme != "https" and not (parts.scheme == "http" and host == LOCALHOST):
        return None
    usual = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return RelyingParty(host=host, origin=f"{parts.scheme}://{host}{port}")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
