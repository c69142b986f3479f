"""The inbound log, and what becomes of what is written to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.log.port import Entry
from services.log.postgres import PostgresLogWriter
from services.shared.errors import Unavailable


@dataclass
class FaultyLog:
    """The log; `faults` are what becomes of the next publishings, then all goes well."""

    real: PostgresLogWriter
    faults: list[str] = field(default_factory=list)
    published: int = 0

    async def publish(self, entries: Sequence[Entry]) -> None:
        fault = self.faults.pop(0) if self.faults else ""
        if fault != "refused":
            self.published += 1
            await self.real.publish(entries)
        if fault:
            raise Unavailable(f"the log {fault}")
