"""Requests without a standing decision, and what each of them waits for (D1.2).

A request is in one state, which it carries itself; `Requests` is the one place that moves it, and
keeps those that wait in the order in which they are served.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, assert_never

from contracts.events import LeadKind, OtherLead, ReadingPart, Responsible
from contracts.stage import Stage
from domain.state.rows import Row, Unchanging, WrittenRow, instant, micros


class Opened(Unchanging, frozen=True):
    """It is answered before the step ends that opened it."""


class Lapsed(Unchanging, frozen=True):
    """Its manager let the lead lapse: it is answered at once as well, and kept nowhere."""


class Waiting(Unchanging, frozen=True):
    """It stands in the queue of its rule (D5.3)."""


class Preparing(Unchanging, frozen=True, kw_only=True):
    """It waits for a reading.

    Attributes:
        revision: Of the rules that asked.
        until: It is decided without the answer then.
    """

    revision: int
    parts: tuple[ReadingPart, ...]
    until: datetime


class Reserved(Unchanging, frozen=True, kw_only=True):
    """It waits for the lead's owner.

    Attributes:
        since: When it was first kept for them: they may be away for so long and no longer.
        back_at: When they should be back.
    """

    owner_id: int
    since: datetime
    back_at: datetime


_Key = TypeVar("_Key", int, str)
RequestState = Opened | Lapsed | Waiting | Preparing | Reserved
OPENED, LAPSED, WAITING = Opened(), Lapsed(), Waiting()


class Request(Unchanging, frozen=True, kw_only=True):
    """A request without a standing decision.

    Attributes:
        number: Its place among all requests of the account: the older is served first.
        opened_at: When the lead asked, also after decisions that Kommo refused.
        attempt: Of the next decision, 1 unless earlier ones were refused by Kommo or lapsed.
        tried: Who let the lead lapse in its pass (D7.3).
        refused: With whom Kommo refused the lead, though they are active users.
        refusal: Kommo's words, the last time.
        rule_id: Empty while Kommo is read to know it.
        responsibles: Whose things are that belong to the lead, as far as that was read.
        others: Other leads of the main contact, the newest first, as they were read.
        is_handover: An administrator gives the lead away from its manager (D9.3): it is no owner's.
        state: What it waits for.
        kinds: Of which kinds the lead is, as far as that was read (D3.9).
    """

    request_id: str
    number: int
    lead_id: int
    rule_id: str
    stage: Stage
    opened_at: datetime
    attempt: int = 1
    tried: tuple[int, ...] = ()
    responsibles: tuple[Responsible, ...] = ()
    is_handover: bool = False
    refused: tuple[int, ...] = ()
    refusal: str = ""
    others: tuple[OtherLead, ...] = ()
    state: RequestState = OPENED
    kinds: tuple[LeadKind, ...] = ()


@dataclass(slots=True)
class Requests:
    """All requests by id, and by what they wait for.

    Attributes:
        opened: Empty between two steps (D1.2).
        preparing: The longest waiting first.
        reserved: By owner, in the order they came.
        waiting: By rule, the oldest first.
    """

    by_id: dict[str, Request] = field(default_factory=dict)
    opened: dict[str, Request] = field(default_factory=dict)
    preparing: dict[str, Request] = field(default_factory=dict)
    reserved: dict[int, dict[str, Request]] = field(default_factory=dict)
    waiting: dict[str, dict[str, Request]] = field(default_factory=dict)

    def put(self, request: Request) -> None:
        """Keep the request where its state says, behind those that are there; once only."""
        self.take(request.request_id)
        self.by_id[request.request_id] = request
        match request.state:
            case Opened():
                self.opened[request.request_id] = request
            case Preparing():
                self.preparing[request.request_id] = request
            case Reserved(owner_id=owner_id):
                self.reserved.setdefault(owner_id, {})[request.request_id] = request
            case Waiting():
                self._enqueue(request)
            case Lapsed():
                raise AssertionError("what lapsed is answered at once")
            case _:
                assert_never(request.state)

    def take(self, request_id: str) -> Request | None:
        """Take the request out of where it is; None if it is nowhere."""
        request = self.by_id.pop(request_id, None)
        if request is None:
            return None
        match request.state:
            case Opened():
                del self.opened[request_id]
            case Preparing():
                del self.preparing[request_id]
            case Reserved(owner_id=owner_id):
                _drop(self.reserved, owner_id, request_id)
            case Waiting():
                _drop(self.waiting, request.rule_id, request_id)
            case Lapsed():
                raise AssertionError("what lapsed is kept nowhere")
            case _:
                assert_never(request.state)
        return request

    def in_order(self) -> Iterator[Request]:
        """All of them, in an order in which they can be put again."""
        yield from sorted(self.opened.values(), key=lambda request: request.number)
        yield from self.preparing.values()
        for _, kept in sorted(self.reserved.items()):
            yield from kept.values()
        for _, queue in sorted(self.waiting.items()):
            yield from queue.values()

    def _enqueue(self, request: Request) -> None:
        queue = self.waiting.setdefault(request.rule_id, {})
        is_last = not queue or request.number > queue[next(reversed(queue))].number
        queue[request.request_id] = request
        if not is_last:  # refused by Kommo, or moved here by new rules: back to its place
            by_number = sorted(queue.values(), key=lambda waiting: waiting.number)
            self.waiting[request.rule_id] = {each.request_id: each for each in by_number}


def _drop(places: dict[_Key, dict[str, Request]], key: _Key, request_id: str) -> None:
    del places[key][request_id]
    if not places[key]:
        del places[key]


# What a row of each state begins with.
_NAMES: dict[type[RequestState], str] = {
    Opened: "opened",
    Waiting: "waiting",
    Preparing: "preparing",
    Reserved: "reserved",
}
_COLUMNS = Request.__struct_fields__


def dump_request(request: Request) -> Row:
    """The request as a row."""
    row = [getattr(request, name) for name in _COLUMNS]
    row[_COLUMNS.index("opened_at")] = micros(request.opened_at)
    row[_COLUMNS.index("state")] = _dump_state(request.state)
    return row


class WrittenRequest(WrittenRow):
    """A request as it was written."""

    request_id: str
    number: int
    lead_id: int
    rule_id: str
    stage: Stage
    opened_at: int
    attempt: int
    tried: tuple[int, ...]
    responsibles: tuple[Responsible, ...]
    is_handover: bool
    refused: tuple[int, ...]
    refusal: str
    others: tuple[OtherLead, ...]
    state: list[Any]
    kinds: tuple[LeadKind, ...]

    def record(self) -> Request:
        """The request."""
        return Request(
            request_id=self.request_id,
            number=self.number,
            lead_id=self.lead_id,
            rule_id=self.rule_id,
            stage=self.stage,
            opened_at=instant(self.opened_at),
            attempt=self.attempt,
            tried=self.tried,
            responsibles=self.responsibles,
            is_handover=self.is_handover,
            refused=self.refused,
            refusal=self.refusal,
            others=self.others,
            state=_load_state(self.state),
            kinds=self.kinds,
        )


def _dump_state(state: RequestState) -> Row:
    name = _NAMES[type(state)]
    match state:
        case Preparing():
            return [name, state.revision, state.parts, micros(state.until)]
        case Reserved():
            return [name, state.owner_id, micros(state.since), micros(state.back_at)]
        case _:
            return [name]


def _load_state(row: Row) -> RequestState:
    match row:
        case ["opened"]:
            return OPENED
        case ["waiting"]:
            return WAITING
        case ["preparing", revision, parts, until]:
            return Preparing(revision=revision, parts=tuple(parts), until=instant(until))
        case ["reserved", owner_id, since, back_at]:
            return Reserved(owner_id=owner_id, since=instant(since), back_at=instant(back_at))
        case _:
            raise ValueError(row[0])
