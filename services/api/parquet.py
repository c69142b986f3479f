"""Rows as a Parquet file, by way of the disk: its end is written last, and names every part.

`pyarrow` comes with the extra `parquet`; who asks for a file was told before if it is missing.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self, get_args

from services.api.bulk import cell_of
from services.web.models import Output

PARQUET = "application/vnd.apache.parquet"
READ_BYTES = 262_144
# So many rows are kept in memory until they are a group of the file.
GROUP_ROWS = 20_000


class ParquetFile:
    """A file with a column for each field: numbers as numbers, what has parts as JSON."""

    def __init__(self, item: type[Output]) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415

        self._arrow = pa
        self._columns = list(item.model_fields)
        self._schema = pa.schema(
            [
                (name, pa.int64() if _is_number(field.annotation) else pa.string())
                for name, field in item.model_fields.items()
            ]
        )
        self._rows: list[Output] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this lives
        self._writer = parquet.ParquetWriter(self._file, self._schema)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing on the disk."""
        self._writer.close()
        self._file.close()

    async def add(self, rows: Sequence[Output]) -> None:
        """Some more."""
        self._rows += rows
        if len(self._rows) >= GROUP_ROWS:
            await asyncio.to_thread(self._write)

    def parts(self) -> Iterator[bytes]:
        """The whole of it, once every row is there."""
        self._write()
        self._writer.close()
        self._file.seek(0)
        while part := self._file.read(READ_BYTES):
            yield part

    def _write(self) -> None:
        rows, self._rows = [each.model_dump(mode="json") for each in self._rows], []
        columns = [[_value(row[name]) for row in rows] for name in self._columns]
        arrays = [
            self._arrow.array(values, type=field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))


def _is_number(annotation: Any) -> bool:  # noqa: ANN401 - of a field
    """Whether it is `int`, or `int | None`."""
    return annotation is int or set(get_args(annotation)) == {int, type(None)}


def _value(value: object) -> Any:  # noqa: ANN401 - what a column takes
    return value if isinstance(value, int) and not isinstance(value, bool) else cell_of(value)
