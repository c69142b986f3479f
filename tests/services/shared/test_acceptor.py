"""Connections that come all at once are taken all at once."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from services.shared import acceptor
from services.shared.acceptor import ACCEPTED_MAX, Acceptor
from services.shared.http_server import listen
from tests.support.waiting import until

pytestmark = pytest.mark.server

AT_ONCE = 2 * ACCEPTED_MAX
# Two to take them, some to tell their protocols.
TURNS_MAX = 10


class Greeted(asyncio.Protocol):
    """Counts those that were made."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        del transport
        Greeted.made += 1


@pytest.fixture(autouse=True)
def nobody_yet() -> None:
    Greeted.made = 0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as listener:
        yield listener


async def _are_greeted(count: int) -> bool:
    return Greeted.made == count


async def test_F35_hundreds_of_connections_do_not_wait_for_a_turn_of_the_loop_each(
    listener: socket.socket,
) -> None:
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        accepting = Acceptor(listener, Greeted)
        for _ in range(TURNS_MAX):
            await asyncio.sleep(0)

        assert Greeted.made == AT_ONCE
        accepting.close()
        await accepting.wait_closed()


async def test_F35_a_process_without_file_descriptors_accepts_again_after_a_pause(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "PAUSE_S", 0.01)
    exhausted = Exhausted(fileno=listener.detach())
    with capture_logs() as lines, exhausted, socket.create_connection(exhausted.getsockname()):
        accepting = Acceptor(exhausted, Greeted)
        await until(lambda: _are_greeted(1), every_s=0.01)
        accepting.close()
        await accepting.wait_closed()

    assert [line["event"] for line in lines] == ["connections_not_accepted"]


async def test_F13_a_closed_one_accepts_nobody(listener: socket.socket) -> None:
    accepting = Acceptor(listener, Greeted)
    accepting.close()
    await accepting.wait_closed()
    with socket.create_connection(listener.getsockname()):
        for _ in range(TURNS_MAX):
            await asyncio.sleep(0)

    assert Greeted.made == 0


class Exhausted(socket.socket):
    """A listener that fails once."""

    has_failed = False

    def accept(self) -> tuple[socket.socket, object]:
        if not self.has_failed:
            self.has_failed = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()
