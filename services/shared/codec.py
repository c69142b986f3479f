"""Events and inbound messages as stored bytes, and back.

The names below are data: they are in every database there is, outlive renames of the classes,
and are never changed. A changed shape is a new version with an upcast from the old one.

    an event       {"v": 1, "cause": "<message id>", "data": {...}} under its name
    a message      {"v": 1, "type": "<name>", "id": ..., "account": ..., "at": ..., "data": {...}}
                   and "once": true of a command that takes effect once
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Generic, TypeVar, get_args

import msgspec
import orjson
from eventsourcing.persistence import Mapper, StoredEvent
from pydantic import TypeAdapter, ValidationError

from contracts import events as e
from contracts import inbound as i
from services.shared.errors import Malformed
from services.shared.refusals import as_code

Data = dict[str, Any]
Upcast = Callable[[Data], Data]

EVENT_NAMES: Mapping[type, str] = {
    e.AccountDescribed: "account.described",
    e.RulesApplied: "rules.applied",
    e.CommandReceived: "command.received",
    e.CommandRepeated: "command.repeated",
    e.CommandRefused: "command.refused",
    e.ManagerPaused: "manager.paused",
    e.ManagerResumed: "manager.resumed",
    e.ManagerFoundInactive: "manager.found_inactive",
    e.LeadSeen: "lead.seen",
    e.LeadDeleted: "lead.deleted",
    e.LookupRequested: "lookup.requested",
    e.RequestOpened: "request.opened",
    e.ReadingRequested: "reading.requested",
    e.RequestPrepared: "request.prepared",
    e.RequestReserved: "request.reserved",
    e.DistributionOrdered: "distribution.ordered",
    e.HandoverOrdered: "handover.ordered",
    e.RequestDeferred: "request.deferred",
    e.LeadAssigned: "lead.assigned",
    e.AssignmentConfirmed: "assignment.confirmed",
    e.TouchesRequested: "touches.requested",
    e.LeadTouched: "lead.touched",
    e.LeadLapsed: "lead.lapsed",
    e.AssignmentWithdrawn: "assignment.withdrawn",
    e.RequestClosed: "request.closed",
    e.LinkedRequested: "linked.requested",
    e.LinkedDecided: "linked.decided",
    e.LinkedChanged: "linked.changed",
    e.LinkedLeft: "linked.left",
    e.NoticeRequested: "notice.requested",
    e.NoticeWritten: "notice.written",
    e.NoticeLeft: "notice.left",
    e.CreditMoved: "credit.moved",
    e.TasksCounted: "tasks.counted",
    e.TimerScheduled: "timer.scheduled",
    e.RuleStalled: "rule.stalled",
    e.RuleRevived: "rule.revived",
    e.TriggerFellSilent: "trigger.fell_silent",
    e.TriggerHeard: "trigger.heard",
}
EVENT_VERSIONS: Mapping[str, int] = dict.fromkeys(EVENT_NAMES.values(), 1)
# (name, version) to the step that makes the next version of it.
EVENT_UPCASTS: Mapping[tuple[str, int], Upcast] = {}

# Of a shape that stayed while what a field means changed, so that its version stayed, too: an
# older release reads what this one writes (F80).
EVENT_READINGS: Mapping[str, Upcast] = {"command.refused": as_code}

INBOUND_NAMES: Mapping[type, str] = {
    i.TriggerFired: "trigger.fired",
    i.LeadReported: "lead.reported",
    i.LeadRemoved: "lead.removed",
    i.LeadAnnounced: "lead.announced",
    i.LeadObserved: "lead.observed",
    i.FactsRead: "facts.read",
    i.LinkedFound: "linked.found",
    i.LinkedSettled: "linked.settled",
    i.UndoTransfers: "undo.handovers",
    i.LeadMissing: "lead.missing",
    i.LeadsListed: "leads.listed",
    i.StayedSuspended: "account.stayed_suspended",
    i.NoticeSettled: "notice.settled",
    i.TouchReported: "touch.reported",
    i.TouchesRead: "touches.read",
    i.TaskReported: "task.reported",
    i.TaskRemoved: "task.removed",
    i.TasksListed: "tasks.listed",
    i.DescribeAccount: "describe.account",
    i.ApplyRules: "apply.rules",
    i.CarryTrigger: "carry.trigger",
    i.PauseManager: "pause.manager",
    i.ResumeManager: "resume.manager",
    i.TakeLead: "take.lead",
    i.PassLeadOn: "pass_on.lead",
    i.PostCorrection: "post.correction",
    i.DistributeLeads: "distribute.leads",
    i.HandOverLeads: "hand_over.leads",
    i.TimerDue: "timer.due",
    i.ResponsibleSet: "responsible.set",
    i.ResponsibleRefused: "responsible.refused",
}
INBOUND_VERSIONS: Mapping[str, int] = dict.fromkeys(INBOUND_NAMES.values(), 1)
INBOUND_UPCASTS: Mapping[tuple[str, int], Upcast] = {}

# Sorted keys: the rules of `RulesApplied` are a dict, and equal events must be equal bytes.
OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z

T = TypeVar("T")


class _Stored(msgspec.Struct, Generic[T]):
    """An event as it is stored."""

    v: int
    cause: str
    data: T


# Dicts come out with sorted keys, as `OPTIONS` has them; all else is in its order anyhow.
_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODERS = {
    name: msgspec.json.Decoder(_Stored[shape])  # type: ignore[valid-type]
    for shape, name in EVENT_NAMES.items()
    if name not in EVENT_READINGS
}
_EVENT_SHAPES = {name: shape for shape, name in EVENT_NAMES.items()}
_INBOUND_SHAPES = {name: shape for shape, name in INBOUND_NAMES.items()}
_INSTANT = TypeAdapter(datetime)
ACCOUNT_PREFIX = "account-"


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    """Made when the first such message comes: a command sees few of them, and no time is lost."""
    return TypeAdapter(shape)


def originator_id(account_id: int) -> str:
    """The name of an account's stream in the event store."""
    return f"{ACCOUNT_PREFIX}{account_id}"


def encode_event(recorded: e.Recorded) -> tuple[str, bytes]:
    """The stored name and bytes of an event; equal events give equal bytes."""
    name = EVENT_NAMES[type(recorded.event)]
    state = {"v": EVENT_VERSIONS[name], "cause": recorded.cause, "data": recorded.event}
    return name, _ENCODER.encode(state)


def decode_event(account_id: int, version: int, name: str, state: bytes) -> e.Recorded:
    """The event as the present code knows it, whatever version it was stored in.

    Raises:
        services.shared.errors.Malformed: The name or version is unknown to this release (F80), or
            the bytes are damaged. History is never skipped: the reader must stop.
    """
    if (decoder := _DECODERS.get(name)) is not None:
        try:
            stored = decoder.decode(state)
        except msgspec.MsgspecError:
            pass  # an older version, or damaged: the careful way tells
        else:
            if stored.v == EVENT_VERSIONS[name]:
                return e.Recorded(
                    account_id=account_id, version=version, cause=stored.cause, event=stored.data
                )
    return _decode_carefully(account_id, version, name, state)


def _decode_carefully(account_id: int, version: int, name: str, state: bytes) -> e.Recorded:
    """An event of any version, or what is wrong with it."""
    where = f"event {version} of account {account_id} ({name})"
    document = _document(state, where)
    data = _upcast(name, document, EVENT_VERSIONS, EVENT_UPCASTS, where)
    if name in EVENT_READINGS:
        data = EVENT_READINGS[name](data)
    try:
        event = _adapter(_EVENT_SHAPES[name]).validate_python(data)
        cause = document["cause"]
    except ValidationError as error:
        raise Malformed(f"{where}: {first_fault(error)}") from error
    except KeyError as error:
        raise Malformed(f"{where}: cause: expected a text") from error
    return e.Recorded(account_id=account_id, version=version, cause=cause, event=event)


def cause_of(state: bytes) -> str:
    """The id of the inbound message that a stored event answers, of whatever version it is."""
    cause: str = orjson.loads(state)["cause"]
    return cause


class RecordedMapper(Mapper[str]):
    """The eventsourcing library's view of the same: `Recorded` to `StoredEvent` and back."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:  # noqa: ANN401 - its signature
        """As a row of the event store."""
        name, state = encode_event(domain_event)
        return StoredEvent(
            originator_id(domain_event.account_id), domain_event.version, name, state
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:  # noqa: ANN401 - its signature
        """As the engine knows it."""
        account_id = int(str(stored_event.originator_id).removeprefix(ACCOUNT_PREFIX))
        return decode_event(
            account_id, stored_event.originator_version, stored_event.topic, stored_event.state
        )


def encode_inbound(message: i.Inbound) -> bytes:
    """The bytes of a message of the inbound log; equal messages give equal bytes."""
    name = INBOUND_NAMES[type(message.body)]
    document = {
        "v": INBOUND_VERSIONS[name],
        "type": name,
        "id": message.message_id,
        "account": message.account_id,
        "at": message.at,
        "data": message.body,
    }
    if message.is_once:
        document["once"] = True
    return orjson.dumps(document, _plain, OPTIONS)


def decode_inbound(value: bytes) -> i.Inbound:
    """The message in the bytes, every type checked strictly.

    Raises:
        services.shared.errors.Malformed: Not a message we know; names the field and what was
            expected there, never what was found (it may be personal).
    """
    document = _document(value, "message")
    name = document.get("type")
    if not isinstance(name, str) or name not in INBOUND_VERSIONS:
        raise Malformed("message: type: expected one of the known message types")
    data = _upcast(name, document, INBOUND_VERSIONS, INBOUND_UPCASTS, name)
    message_id, account_id = document.get("id"), document.get("account")
    if not isinstance(message_id, str) or not message_id:
        raise Malformed(f"{name}: id: expected a text")
    if type(account_id) is not int or account_id <= 0:
        raise Malformed(f"{name}: account: expected a positive whole number")
    is_once = document.get("once", False)
    if type(is_once) is not bool:
        raise Malformed(f"{name}: once: expected true or false")
    try:
        at = _INSTANT.validate_json(orjson.dumps(document.get("at")), strict=True)
        # Through JSON again: there, strict still reads a text as an instant and a list as a
        # tuple, and what orjson could only read as a float is no integer.
        body = _adapter(_INBOUND_SHAPES[name]).validate_json(orjson.dumps(data), strict=True)
    except ValidationError as error:
        raise Malformed(f"{name}: {first_fault(error)}") from error
    _refuse_naive(name, at, body)
    return i.Inbound(
        account_id=account_id, message_id=message_id, at=at, body=body, is_once=is_once
    )


def members(union: object) -> tuple[type, ...]:
    """The classes of a union such as `AllocationEvent`."""
    assert isinstance(union, UnionType), "a union of classes"  # noqa: S101 - an invariant
    return get_args(union)


def _plain(value: object) -> object:
    """What orjson does not know: named tuples, stored as lists."""
    if isinstance(value, tuple):
        return tuple(value)
    raise TypeError


def _document(value: bytes, where: str) -> Data:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{where}: expected JSON") from error
    if not isinstance(document, dict):
        raise Malformed(f"{where}: expected a JSON object")
    return document


def _upcast(
    name: str,
    document: Data,
    versions: Mapping[str, int],
    upcasts: Mapping[tuple[str, int], Upcast],
    where: str,
) -> Data:
    """The document's data in the present version of its shape."""
    if name not in versions:
        raise Malformed(f"{where}: unknown name; was it written by a newer release?")
    present, stored, data = versions[name], document.get("v"), document.get("data")
    if type(stored) is not int or not 1 <= stored <= present:
        raise Malformed(f"{where}: v: expected a version from 1 to {present}")
    if not isinstance(data, dict):
        raise Malformed(f"{where}: data: expected a JSON object")
    for version in range(stored, present):
        data = upcasts[name, version](data)
    return data


def first_fault(error: ValidationError) -> str:
    """Where the first fault is and what was expected there, never what was found."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'value'}: {first['msg']}"


def _refuse_naive(name: str, at: datetime, body: object) -> None:
    instants = {"at": at} | {f: getattr(body, f) for f in _INSTANTS[name]}
    for field_name, instant in instants.items():
        if instant is not None and instant.tzinfo is None:
            raise Malformed(f"{name}: {field_name}: expected an instant with its UTC offset")


_INSTANTS = {
    name: tuple(f.name for f in fields(shape) if f.type in {datetime, datetime | None})
    for shape, name in INBOUND_NAMES.items()
}
