"""What a job is asked for, by kind; kept as plain data until a worker takes it up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from projections.decisions import DecisionFilter
from projections.requests import RequestFilter
from services.access.roles import Scope
from services.application.principal import Principal
from services.storage.jobs import JobKind, StoredJob

ExportedList = Literal["decisions", "requests", "statement", "access_log"]
ExportForm = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfAsked:
    """What would drafts have done?

    Attributes:
        drafts: Name to the rules file, in YAML or JSON.
        start: Of the requests that are decided again.
    """

    drafts: dict[str, str]
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAsked:
    """Is the history what it was?

    Attributes:
        first: Version of the first event.
        last: Of the last one; None for all there are then.
    """

    first: int = 1
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowAuditAsked:
    """How fair is another widget?"""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFilter:
    """Which looks: of one principal, within a time; what is left empty does not matter."""

    by: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFilter:
    """Which movements: of a manager in a ledger, within a time."""

    manager_id: int
    ledger: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAsked:
    """A list as a file.

    Attributes:
        which: Its filter, as plain data.
        before: Only rows before the one of this version or id; None for all.
    """

    list: ExportedList
    form: ExportForm
    which: dict[str, Any] = field(default_factory=dict)
    before: int | None = None


ListFilter = DecisionFilter | RequestFilter | StatementFilter | AccessFilter
FILTERS: Mapping[ExportedList, type[ListFilter]] = {
    "decisions": DecisionFilter,
    "requests": RequestFilter,
    "statement": StatementFilter,
    "access_log": AccessFilter,
}
JobAsked = WhatIfAsked | ReplayAsked | ShadowAuditAsked | ExportAsked
KINDS: Mapping[JobKind, type[JobAsked]] = {
    "what_if": WhatIfAsked,
    "replay": ReplayAsked,
    "shadow_audit": ShadowAuditAsked,
    "export": ExportAsked,
}
# Besides what an export wants in any case.
LISTS: Mapping[ExportedList, Scope] = {
    "decisions": "read",
    "requests": "read",
    "statement": "read",
    "access_log": "access",
}


def export_of(which: ListFilter, *, form: ExportForm, before: int | None = None) -> ExportAsked:
    """The list that a filter is of, as a file."""
    name = next(name for name, type_ in FILTERS.items() if isinstance(which, type_))
    return ExportAsked(list=name, form=form, which=msgspec.to_builtins(which), before=before)


def filter_of(asked: ExportAsked) -> ListFilter:
    """The filter of an export."""
    return msgspec.convert(asked.which, FILTERS[asked.list])


def kind_of(asked: JobAsked) -> JobKind:
    """Its name."""
    return next(kind for kind, type_ in KINDS.items() if isinstance(asked, type_))


def as_kept(asked: JobAsked) -> dict[str, Any]:
    """As it is kept."""
    kept: dict[str, Any] = msgspec.to_builtins(asked)
    return kept


def asked_of(job: StoredJob) -> JobAsked:
    """What a job was asked for."""
    return msgspec.convert(job.parameters, KINDS[job.kind])


def require(principal: Principal, asked: JobAsked) -> None:
    """See that somebody may have such a job done, and see what came of it.

    Raises:
        services.application.refused.Refused: They may not.
    """
    if isinstance(asked, ExportAsked):
        principal.require("export")
        principal.require(LISTS[asked.list])
    else:
        principal.require("audit")
