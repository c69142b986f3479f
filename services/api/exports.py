"""The job `export`: a list as a file of up to a million rows, with the columns it has here (A12).

One that leaves rows out says behind which the next one begins.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from projections.decisions import DecisionFilter
from projections.requests import RequestFilter
from services.api import bulk
from services.api.media import CSV, JSON_LINES
from services.api.parquet import PARQUET, ParquetFile
from services.api.routes.decisions import DecisionItem, decision_item
from services.api.routes.past import AccessItem, access_item
from services.api.routes.requests import RequestItem, request_item
from services.api.routes.statements import StatementItem, statement_item
from services.application.access import accesses, note_access
from services.application.decisions import decided
from services.application.installation import Installation
from services.application.jobs.asked import (
    AccessFilter,
    ExportAsked,
    ExportedList,
    ExportForm,
    StatementFilter,
    filter_of,
)
from services.application.jobs.work import JobAtWork
from services.application.principal import Principal
from services.application.requests import asked as requests_asked
from services.application.span import EARLIEST, LATEST, Span
from services.application.statement import lines
from services.storage.accounts import RegisteredAccount
from services.web.models import Output

ROWS_MAX = 1_000_000
F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)
# Rows before one, at most so many.
Read = Callable[[JobAtWork, int | None, int], Awaitable[Sequence[Any]]]
FORMS: Mapping[ExportForm, str] = {"csv": CSV, "jsonl": JSON_LINES, "parquet": PARQUET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A list that can be exported, the newest first.

    Attributes:
        item: Of a row.
        read: Rows before one, at most so many.
        shape: Of a row, as it is told.
        key: Of a row: what the next are before.
    """

    item: type[Output]
    read: Read
    shape: Callable[[JobAtWork, Any], Output]
    key: Callable[[Any], int]


async def export(job: JobAtWork) -> None:
    """Write a list, a piece at a time."""
    asked = job.asked
    assert isinstance(asked, ExportAsked), "as its kind says"  # noqa: S101
    await note_access(job.installation, job.account.account_id, job.principal, "export")
    exported = EXPORTED[asked.list]
    if asked.form == "parquet":
        with ParquetFile(exported.item) as file:
            count, more = await _rows(job, asked, exported, file.add)
            for part in file.parts():
                await job.output.write(part)
    else:
        form, columns = FORMS[asked.form], list(exported.item.model_fields)

        async def add(rows: Sequence[Output]) -> None:
            await job.output.write(bulk.body(form, columns, rows))

        await job.output.write(bulk.head(form, columns))
        count, more = await _rows(job, asked, exported, add)
        await job.output.write(bulk.foot(form, count, None if more is None else str(more)))
    job.output.is_a_file(FORMS[asked.form], row_count=count, next_before=more)


async def _rows(
    job: JobAtWork,
    asked: ExportAsked,
    exported: Exported,
    add: Callable[[Sequence[Output]], Awaitable[None]],
) -> tuple[int, int | None]:
    """Give all rows to the file; how many, and behind which the next file begins."""
    count, before, first = 0, asked.before, 0
    while count < ROWS_MAX:
        found = await exported.read(job, before, min(bulk.PIECE, ROWS_MAX - count))
        if not found:
            return count, None
        await add([exported.shape(job, each) for each in found])
        count += len(found)
        first, before = first or exported.key(found[0]), exported.key(found[-1])
        job.output.tell(first - before, first)
    return count, before if await exported.read(job, before, 1) else None


class _Asked(Protocol[F_contra]):
    """What the service tells of a list by its filter, as a page of it does."""

    async def __call__(
        self,
        installation: Installation,
        account: RegisteredAccount,
        principal: Principal,
        which: F_contra,
        /,
        *,
        limit: int,
        before: int | None,
    ) -> Sequence[Any]: ...


def _of(asked: _Asked[F], filter_type: type[F]) -> Read:
    """Rows of a list that needs nothing but its filter."""

    async def read(job: JobAtWork, before: int | None, limit: int) -> Sequence[Any]:
        which = _which(job, filter_type)
        return await asked(
            job.installation, job.account, job.principal, which, limit=limit, before=before
        )

    return read


async def _statement(job: JobAtWork, before: int | None, limit: int) -> Sequence[Any]:
    which = _which(job, StatementFilter)
    return await lines(
        job.installation,
        job.account,
        job.principal,
        which.manager_id,
        ledger=which.ledger,
        since=which.since,
        until=which.until,
        limit=limit,
        before=before,
    )


async def _accesses(job: JobAtWork, before: int | None, limit: int) -> Sequence[Any]:
    which = _which(job, AccessFilter)
    return await accesses(
        job.installation,
        job.account,
        job.principal,
        Span(start=which.since or EARLIEST, end=which.until or LATEST),
        by=which.by,
        limit=limit,
        before=before,
    )


def _which(job: JobAtWork, filter_type: type[F]) -> F:
    asked = job.asked
    assert isinstance(asked, ExportAsked), "as its kind says"  # noqa: S101
    which = filter_of(asked)
    assert isinstance(which, filter_type), "as its list says"  # noqa: S101
    return which


EXPORTED: Mapping[ExportedList, Exported] = {
    "decisions": Exported(
        item=DecisionItem,
        read=_of(decided, DecisionFilter),
        shape=lambda _, row: decision_item(row),
        key=lambda row: row.version,
    ),
    "requests": Exported(
        item=RequestItem,
        read=_of(requests_asked, RequestFilter),
        shape=lambda _, row: request_item(row),
        key=lambda row: row.opened_version,
    ),
    "statement": Exported(
        item=StatementItem,
        read=_statement,
        shape=lambda job, row: statement_item(job.account, row),
        key=lambda row: row.movement.version,
    ),
    "access_log": Exported(
        item=AccessItem,
        read=_accesses,
        shape=lambda _, row: access_item(row),
        key=lambda row: row.id,
    ),
}
