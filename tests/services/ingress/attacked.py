"""Ingress and the address for operators as a process of its own, to be attacked.

    python -m tests.services.ingress.attacked '{"connections_max": 200}'

Prints a line with its ports, serves until its standard input ends, and prints what it stored.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import serving
from services.ops.settings import OpsSettings
from services.shared.logs import configure_logging
from services.shared.open_files import allow_open_files
from tests.services.ingress.harness import ingress, plain_trigger, request
from tests.support.campaign import Tally

PAGE_BYTES = 4_096
MIB = 1_024 * 1_024


@dataclass
class Attacked:
    """The process, its ports, and what an honest sender sees of it meanwhile."""

    process: asyncio.subprocess.Process
    port: int
    ops_port: int
    log: Path
    accepted: list[int] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)

    def memory(self) -> int:
        """Resident bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * PAGE_BYTES

    async def webhook(self, lead_id: int) -> None:
        """Post one from an address of its own, as Kommo would, and note the answer."""
        # In a thread: this loop is busy with the attack.
        answer = await asyncio.to_thread(_posted, self.port, request(plain_trigger(lead_id)))
        if answer.startswith(b"HTTP/1.1 200"):
            self.accepted.append(lead_id)
        else:
            self.refused.append(answer)

    async def end(self) -> Tally:
        """Stop it, and compare what was accepted with what is stored."""
        out, _ = await self.process.communicate(b"")
        assert self.process.returncode == 0, self.log.read_text()[-4_000:]
        stored: Sequence[int] = orjson.loads(out)
        return Tally(
            accepted=len(set(self.accepted)),
            decided=len(set(stored)),
            lost=len(set(self.accepted) - set(stored)),
            twice=len(stored) - len(set(stored)),
        )


@asynccontextmanager
async def attacked(folder: Path, **settings: Any) -> AsyncIterator[Attacked]:
    """A running one with these settings."""
    log = folder / "ingress.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.services.ingress.attacked",
            orjson.dumps(settings).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=Path(__file__).parents[3],
        )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert line, log.read_text()[-4_000:]
        port, ops_port = orjson.loads(line)
        yield Attacked(process, port, ops_port, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _posted(port: int, content: bytes) -> bytes:
    """The beginning of the answer, or the error."""
    try:
        with socket.create_connection(
            ("127.0.0.1", port), timeout=20, source_address=("127.0.0.7", 0)
        ) as connection:
            connection.sendall(content)
            return connection.recv(1_000)
    except OSError as error:
        return repr(error).encode()


async def main(settings: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    health = Health()
    health.word_of("process").ready()
    async with (
        serving(OpsSettings(), health=health, metrics=Metrics()) as ops,
        ingress(**settings) as running,
    ):
        sys.stdout.buffer.write(orjson.dumps([running.port, int(ops.rpartition(":")[2])]) + b"\n")
        sys.stdout.flush()
        await ended.wait()
    stored = [message.body.lead_id for message in running.log.messages()]  # type: ignore[union-attr]
    sys.stdout.buffer.write(orjson.dumps(stored))


if __name__ == "__main__":
    import uvloop

    allow_open_files()
    configure_logging(json_lines=True, level="INFO")
    uvloop.run(main(orjson.loads(sys.argv[1])))
