"""What a connection, an address and all of them together may take of a server (S4, F35)."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

KIB = 1_024
Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Bounds that hold whatever the path, before anybody has shown a secret.

    Attributes:
        connections_max: Above that, the idlest that has shown no secret gives way.
        strangers_per_address_max: The same among the connections of one address.
        head_bytes_max: Request line and headers; also the lines between the chunks of a body, and
            trailers, which are thrown away.
        headers_max: A header is some 300 bytes of memory, however short.
        head_read_s: A head's time to arrive.
        body_read_s: A body's time to arrive, and an answer's to be taken.
        slow_after_s: From then on whoever sends must have sent `bytes_per_s_min`.
        bytes_per_s_min: Slower senders are hung up on.
        stranger_bytes_max: Memory for what strangers sent and nobody has looked at.
        pipelined_max: Requests that may wait on a connection for the answers before theirs.
        requests_per_connection_max: Then it is closed after an answer.
        keep_alive_s: How long a connection may be idle between two requests.
        stop_within_s: Time for requests in flight at the end.
        trusted_proxies: Only their `X-Forwarded-For` is believed (S30); their connections are not
            counted as those of one address.
    """

    connections_max: int = 256
    strangers_per_address_max: int = 256
    head_bytes_max: int = 16 * KIB
    headers_max: int = 100
    head_read_s: float = 10.0
    body_read_s: float = 10.0
    slow_after_s: float = 3.0
    bytes_per_s_min: int = 500
    stranger_bytes_max: int = 16 * KIB * KIB
    pipelined_max: int = 8
    requests_per_connection_max: int = 10_000
    keep_alive_s: int = 15
    stop_within_s: int = 5
    trusted_proxies: Networks = ()
