"""Whether an address leads out of this machine."""

from ipaddress import ip_address


def is_this_machine(host: str) -> bool:
    """Whether the host, as an address names it, is this machine; a folder of sockets is, too."""
    name = host.strip("[]")
    if name.startswith("/") or name in ("", "localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
