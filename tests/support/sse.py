"""A reader of server-sent events, as the standard has it (WHATWG HTML, 9.2.6), and no more."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Told:
    """An event, as a browser hands it to a page."""

    id: str
    event: str
    data: Any


@dataclass(slots=True)
class Reader:
    """Takes bytes however they are cut."""

    last_id: str = ""
    retry_ms: int | None = None
    comments: int = 0
    _rest: bytes = b""
    _id: str = ""
    _event: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, data: bytes) -> Iterator[Told]:
        """The events that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line:
                self._line(line.decode())
            else:
                yield from self._dispatch()

    def _line(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                self.comments += 1
            case "id":
                self._id = value
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "retry":
                self.retry_ms = int(value)

    def _dispatch(self) -> Iterator[Told]:
        self.last_id = self._id
        if self._data:
            yield Told(self._id, self._event, orjson.loads("\n".join(self._data)))
        self._event, self._data = "", []


async def told(pieces: AsyncIterator[bytes], reader: Reader | None = None) -> AsyncIterator[Told]:
    """The events of an answer, as they come."""
    reader = reader or Reader()
    async for piece in pieces:
        for event in reader.feed(piece):
            yield event
