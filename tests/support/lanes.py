"""The lane of a test: what runs beside it. Each test is in exactly one.

`unit`: nothing, and no network. `server`: something that listens or another process, as a rule
PostgreSQL. `broker`: Apache Kafka too. `system`: a whole installation, as processes or simulated.

Fixtures and folders tell the lane. A test that starts something by itself says so with a marker;
one that does not is caught in the act by the audit hook below. `make check` runs the unit tests.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

LANES = ("unit", "server", "broker", "system")
FIXTURES = {
    "here": "system",
    "guarded": "broker",
    "kafka_servers": "broker",
    "kept": "server",
    "postgres_server": "server",
    "receiver": "server",
    "sandbox": "server",
    "victim": "broker",
}
SYSTEM = Path(__file__).parents[1] / "system"
# What Python tells an audit hook when somebody leaves this process.
LEAVING = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.sendto",
        "subprocess.Popen",
    }
)


@dataclass(slots=True)
class Watch:
    """What a test tried that its lane has not."""

    lane: str
    refused: list[str] = field(default_factory=list)


# None between tests, when what they share is started and ended.
_watch: Watch | None = None


class OutOfLane(RuntimeError):
    """A test started or called what its lane has not."""


def lane_of(item: pytest.Item) -> str:
    """The lane of the item's marker, or else of what it uses.

    Raises:
        pytest.UsageError: It has two markers, or one that promises less than it uses.
    """
    told = {mark.name for mark in item.iter_markers() if mark.name in LANES}
    used = {FIXTURES.get(name, "unit") for name in getattr(item, "fixturenames", ())} | {"unit"}
    seen = "system" if item.path.is_relative_to(SYSTEM) else max(used, key=LANES.index)
    lane = max(told | {seen}, key=LANES.index)
    if told not in (set(), {lane}):
        raise pytest.UsageError(f"{item.nodeid}: marked {sorted(told)}, and uses a {seen}")
    return lane


@contextmanager
def kept_to(lane: str) -> Iterator[None]:
    """Refuse what the lane has not.

    Raises:
        OutOfLane: It was tried, even if the refusal was swallowed.
    """
    global _watch  # noqa: PLW0603 - there is one audit hook for the whole process
    before, _watch = _watch, (watch := Watch(lane))
    try:
        yield
    finally:
        _watch = before
    if watch.refused:
        raise OutOfLane(_why(watch))


def _why(watch: Watch) -> str:
    return f"no {watch.lane} test: {'; '.join(watch.refused)}. Mark it, see {Path(__file__).name}"


def _on_audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch is None or event not in LEAVING:
        return
    is_java = event == "subprocess.Popen" and arguments[0] == "java"
    if _watch.lane == "unit" or (_watch.lane == "server" and is_java):
        told = arguments[:1]
        if isinstance(arguments[0] if arguments else None, socket.socket):
            arguments[0].close()  # asyncio leaves it open, and another test would be told of it
            told = arguments[1:]
        _watch.refused.append(" ".join([event, *map(str, told)]))
        raise OutOfLane(_why(_watch))


sys.addaudithook(_on_audit)
