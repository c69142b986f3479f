"""Hosts of Kommo and amoCRM that lead to a server of the test, in this process only.

For clients that know no other hosts than Kommo's. Nothing of them is changed: names are resolved
to the loopback address and the server's port, and the test's authority is trusted by the
environment variable that `requests` reads.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

HTTPS = 443


@contextmanager
def kommo_hosts_at(port: int, *, suffix: str, ca_file: Path) -> Iterator[None]:
    """Lead all hosts with a suffix to a port on loopback.

    Args:
        port: Of a server with a certificate for these hosts.
        suffix: Such as `.amocrm.ru`.
        ca_file: The authority that signed it.
    """
    resolve = socket.getaddrinfo

    def resolved(host: Any, service: Any, *rest: Any, **named: Any) -> Any:
        if isinstance(host, str) and host.endswith(suffix) and service == HTTPS:
            return resolve("127.0.0.1", port, *rest, **named)
        return resolve(host, service, *rest, **named)

    with (
        mock.patch.object(socket, "getaddrinfo", resolved),
        mock.patch.dict("os.environ", {"REQUESTS_CA_BUNDLE": str(ca_file), "NO_PROXY": "*"}),
    ):
        yield
