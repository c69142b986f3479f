"""A list as a whole: CSV or JSON lines, read and sent a piece at a time (A12.1)."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from starlette.responses import StreamingResponse

from services.api.cursors import Key
from services.api.media import CSV
from services.shared.spreadsheet import Cell, as_csv
from services.web.models import Output

PIECE = 1_000
ROWS_MAX = 100_000
# The first cell of the last line; no row of ours begins so.
COUNT = "#count"

Pieces = Callable[[Key | None, int], Awaitable[tuple[Sequence[Output], Key | None]]]
Seal = Callable[[Key], Awaitable[str]]


def streamed(
    form: str,
    *,
    columns: Sequence[str],
    start: Key | None,
    read: Pieces,
    seal: Seal,
    name: str,
) -> StreamingResponse:
    """The rows behind a key, and a last line with their count, without which it is broken.

    Args:
        form: CSV or JSON lines.
        columns: Of CSV.
        start: Key of the row before the first; None for all.
        read: Gives the rows behind a key, at most so many, and the key of the last.
        seal: Makes a cursor, from which whoever wants more than `ROWS_MAX` asks on.
        name: Of the file.
    """
    is_csv = form == CSV
    parts = _written(form, columns, start, read, seal)
    ending = "csv" if is_csv else "jsonl"
    return StreamingResponse(
        parts,
        media_type=f"{form}; charset=utf-8" if is_csv else form,
        headers={
            "content-disposition": f'attachment; filename="{name}.{ending}"',
            "vary": "Accept, Authorization",
            "cache-control": "private, no-store",
        },
    )


async def _written(
    form: str, columns: Sequence[str], start: Key | None, read: Pieces, seal: Seal
) -> AsyncIterator[bytes]:
    """A piece at a time; the last line has the count, and where to ask on."""
    after, count = start, 0
    yield head(form, columns)
    while count < ROWS_MAX:
        rows, last = await read(after, min(PIECE, ROWS_MAX - count))
        if last is None:
            yield foot(form, count, None)
            return
        count += len(rows)
        after = last
        yield body(form, columns, rows)
    rows, _ = await read(after, 1)
    assert after is not None, "that many rows have a last one"  # noqa: S101
    yield foot(form, count, await seal(after) if rows else None)


def head(form: str, columns: Sequence[str]) -> bytes:
    """What comes before the first row."""
    return as_csv(columns, []).encode() if form == CSV else b""


def body(form: str, columns: Sequence[str], rows: Sequence[Output]) -> bytes:
    """Some rows."""
    if form != CSV:
        return b"".join(each.model_dump_json().encode() + b"\n" for each in rows)
    return _without_head([_cells(columns, each.model_dump(mode="json")) for each in rows])


def foot(form: str, count: int, more: str | None) -> bytes:
    """The last line, without which a file is broken: how many rows, and where to ask on."""
    if form != CSV:
        return json.dumps({"count": count, "next": more}).encode() + b"\n"
    return _without_head([[COUNT, count, *(() if more is None else ("next", more))]])


def _without_head(rows: Sequence[Sequence[Cell]]) -> bytes:
    first, *others = rows
    return as_csv([], [first, *others]).removeprefix("\n").encode()


def _cells(columns: Sequence[str], row: dict[str, Any]) -> list[Cell]:
    return [cell_of(row[name]) for name in columns]


def cell_of(value: object) -> Cell:
    """Numbers and texts as they are; what has parts as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    return json.dumps(value, ensure_ascii=False)
