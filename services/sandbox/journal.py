"""What happened here: every API request, every attempt of a hook, every change of responsible.

Kept in memory, bounded, and free of secrets: tokens are never seen, and of a hook's address
only its origin is kept, because the path of a receiver is its password.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from services.sandbox.clock import SandboxClock
from services.sandbox.model import Action, CrmChange

_URL = re.compile(r"""https?(?:://|:\\/\\/|%3A%2F%2F)[^\s"'&]+""", re.IGNORECASE)


def redacted(url: str) -> str:
    """Leave only the origin of an address."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/***"


def without_urls(text: str) -> str:
    """Leave no address in a text at all."""
    return _URL.sub("***", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """An API request, dated by its arrival and numbered by its answer.

    Status 0 means that the connection was cut instead of an answer.
    """

    seq: int
    at: float
    monotonic: float
    method: str
    path: str
    body: str
    status: int
    source: str
    took_ms: float
    in_pause: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One attempt of one hook; status 0 means no answer at all."""

    seq: int
    at: float
    monotonic: float
    hook: str
    number: int
    attempt: int
    destination: str
    lead_ids: tuple[int, ...]
    status: int
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsibleRow:
    """A change of a lead's responsible user; `old` is null for a new lead."""

    seq: int
    at: float
    monotonic: float
    lead_id: int
    via: str
    user_id: int
    old: int | None
    new: int


@dataclass(slots=True)
class Journal:
    """The three journals, and counts that outlive their bounds."""

    size_max: int
    clock: SandboxClock = field(default_factory=SandboxClock)
    requests: deque[RequestRow] = field(init=False)
    deliveries: deque[DeliveryRow] = field(init=False)
    responsibles: deque[ResponsibleRow] = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    patched: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    patched_differently: set[int] = field(default_factory=set)
    _seq: int = 0

    def __post_init__(self) -> None:
        self.requests = deque(maxlen=self.size_max)
        self.deliveries = deque(maxlen=self.size_max)
        self.responsibles = deque(maxlen=self.size_max)

    def _stamp(self, took_ms: float = 0.0) -> dict[str, Any]:
        """Number a row, and date it back to when the thing began."""
        self._seq += 1
        ago = took_ms / 1_000
        at, monotonic = self.clock.wall() - ago, self.clock.monotonic() - ago
        return {"seq": self._seq, "at": at, "monotonic": monotonic}

    def note_request(self, **what: Any) -> None:  # noqa: ANN401 - the fields of RequestRow
        """Write down an API request that has been dealt with."""
        row = RequestRow(**self._stamp(what["took_ms"]), **what)
        self.requests.append(row)
        self.counts["api_requests"] += 1
        self.counts[f"api_{row.status}"] += 1
        self.counts["api_requests_in_pause"] += row.in_pause
        self.counts["api_patch_requests"] += row.method == "PATCH"

    def note_delivery(self, **what: Any) -> None:  # noqa: ANN401 - the fields of DeliveryRow
        """Write down an attempt to deliver a hook."""
        row = DeliveryRow(**self._stamp(what["took_ms"]), **what)
        self.deliveries.append(row)
        self.counts["hook_attempts"] += 1

    def note_changes(self, changes: Iterable[CrmChange]) -> None:
        """Write down who got which lead."""
        for change in changes:
            created = Action.ADD in change.actions
            if not created and change.old_responsible_user_id is None:
                continue
            self.responsibles.append(
                ResponsibleRow(
                    **self._stamp(),
                    lead_id=change.lead.id,
                    via=change.author.via,
                    user_id=change.author.user_id,
                    old=change.old_responsible_user_id,
                    new=change.lead.responsible_user_id,
                )
            )

    def note_patch(self, lead_id: int, fields: Mapping[str, Any]) -> None:
        """Remember what the API last asked of a lead, and whether it changed its mind."""
        before = self.patched.get(lead_id)
        if before is not None and before != fields:
            self.patched_differently.add(lead_id)
        self.patched[lead_id] = fields
        self.counts["leads_patched"] += 1
