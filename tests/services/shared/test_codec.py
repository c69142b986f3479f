"""Stored bytes: every shape has a name, and comes back equal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import orjson
import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import IntegrityError, JSONTranscoder, StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import AllocationEvent, Recorded
from contracts.inbound import ApplyRules, Inbound, InboundBody, LeadObserved
from services.shared import codec
from services.shared.codec import (
    EVENT_NAMES,
    INBOUND_NAMES,
    RecordedMapper,
    decode_event,
    decode_inbound,
    encode_event,
    encode_inbound,
    members,
    originator_id,
)
from services.shared.errors import Malformed
from tests.support.samples import NINE, assigned, fired, looked_up


def of(hint: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one per kind of hint
    """Values of a type hint; nothing is registered, which would reach other tests."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in {Union, UnionType}:
        return st.one_of([of(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of, arguments))
    if origin is dict:
        key, value = arguments
        return JSON if value is Any else st.dictionaries(of(key), of(value), max_size=3)
    return st.builds(hint, **{name: of(part) for name, part in get_type_hints(hint).items()})


INTEGERS = st.integers(-(2**53), 2**53)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.dictionaries(TEXTS, st.recursive(st.none() | INTEGERS | TEXTS, st.lists), max_size=3)

PLAIN = {
    int: INTEGERS,
    str: TEXTS,
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}
EVENTS = st.one_of([of(shape) for shape in members(AllocationEvent)])
BODIES = st.one_of([of(shape) for shape in members(InboundBody)])


def test_every_event_and_message_has_a_name_of_its_own() -> None:
    assert set(EVENT_NAMES) == set(members(AllocationEvent))
    assert set(INBOUND_NAMES) == set(members(InboundBody))
    assert len(set(EVENT_NAMES.values())) == len(EVENT_NAMES)
    assert len(set(INBOUND_NAMES.values())) == len(INBOUND_NAMES)


def test_every_old_version_has_its_upcast() -> None:
    for versions, upcasts in (
        (codec.EVENT_VERSIONS, codec.EVENT_UPCASTS),
        (codec.INBOUND_VERSIONS, codec.INBOUND_UPCASTS),
    ):
        wanted = {(name, old) for name, now in versions.items() for old in range(1, now)}
        assert set(upcasts) == wanted


@given(EVENTS)
def test_an_event_comes_back_equal(event: AllocationEvent) -> None:
    recorded = Recorded(account_id=1, version=2, cause="m1", event=event)
    name, state = encode_event(recorded)

    assert decode_event(1, 2, name, state) == recorded
    assert encode_event(decode_event(1, 2, name, state)) == (name, state)


@given(EVENTS)
def test_I7_the_quick_way_to_an_event_is_the_careful_one(event: AllocationEvent) -> None:
    name, state = encode_event(Recorded(account_id=1, version=2, cause="m", event=event))
    quick, careful = decode_event(1, 2, name, state), codec._decode_carefully(1, 2, name, state)

    assert quick == careful
    assert repr(quick.event).replace("datetime.timezone.utc", "TzInfo(0)") == repr(careful.event)


@given(EVENTS)
def test_I7_the_bytes_of_an_event_are_those_that_were_always_written(
    event: AllocationEvent,
) -> None:
    document = {"v": 1, "cause": "m", "data": event}
    _, state = encode_event(Recorded(account_id=1, version=2, cause="m", event=event))

    assert state == orjson.dumps(document, codec._plain, codec.OPTIONS)


@given(BODIES, st.booleans())
def test_a_message_comes_back_equal(body: InboundBody, is_once: bool) -> None:  # noqa: FBT001
    message = Inbound(account_id=1, message_id="m1", at=NINE, body=body, is_once=is_once)
    value = encode_inbound(message)

    assert decode_inbound(value) == message
    assert encode_inbound(decode_inbound(value)) == value


def test_equal_messages_are_equal_bytes_whatever_the_order_of_keys() -> None:
    def applied(rules: dict[str, Any]) -> Inbound:
        return Inbound(
            account_id=1, message_id="m", at=NINE, body=ApplyRules(rules=rules, by="ann")
        )

    assert encode_inbound(applied({"a": 1, "b": [{"d": 1, "c": 2}]})) == encode_inbound(
        applied({"b": [{"c": 2, "d": 1}], "a": 1})
    )


def test_what_is_no_command_of_a_person_is_written_as_always() -> None:
    assert b"once" not in encode_inbound(fired())


def test_an_old_version_is_upcast_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "EVENT_VERSIONS", {"lookup.requested": 3})
    upcasts = {
        ("lookup.requested", 1): lambda data: {"lead_id": data["lead"], "at": data["at"]},
        ("lookup.requested", 2): lambda data: {**data, "reason": "in doubt"},
    }
    monkeypatch.setattr(codec, "EVENT_UPCASTS", upcasts)
    old = b'{"v":1,"cause":"m1","data":{"lead":7,"at":"2026-01-05T09:00:00Z"}}'

    assert decode_event(1, 1, "lookup.requested", old) == looked_up(1, 1)


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    message = replace(fired(), at=NINE.astimezone(timezone(timedelta(hours=3))))

    assert decode_inbound(encode_inbound(message)) == fired()


def _changed(**changes: Any) -> bytes:
    document = orjson.loads(encode_inbound(fired()))
    data = {**document["data"], **changes.pop("data", {})}
    return orjson.dumps({**document, "data": data, **changes})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "expected JSON"),
        (b"\xff\x00", "expected JSON"),
        (encode_inbound(fired())[:-5], "expected JSON"),
        (b"[" * 10_000, "expected JSON"),
        (b"[1]", "expected a JSON object"),
        (_changed(type="lead.teleported"), "type: expected one of"),
        (_changed(type=7), "type: expected one of"),
        (_changed(v=2), "v: expected a version from 1 to 1"),
        (_changed(v=0), "v: expected a version"),
        (_changed(v=True), "v: expected a version"),
        (_changed(id=""), "id: expected a text"),
        (_changed(account="1"), "account: expected a positive whole number"),
        (_changed(account=-1), "account: expected a positive whole number"),
        (_changed(once="yes"), "once: expected true or false"),
        (_changed(at="yesterday"), "trigger.fired: value: Input should be a valid datetime"),
        (_changed(at="2026-01-05T09:00:00"), "at: expected an instant with its UTC offset"),
        (_changed(data={"occurred_at": "2026-01-05T09:00:00"}), "occurred_at: expected an inst"),
        (_changed(data={"lead_id": "7"}), "lead_id: Input should be a valid integer"),
        (_changed(data={"lead_id": True}), "lead_id: Input should be a valid integer"),
        (_changed(data={"lead_id": 1e30}), "lead_id: Input should be a valid integer"),
        (_changed(data={"lead_id": None}), "lead_id: Input should be a valid integer"),
        (_changed(data={"stage": [1]}), "stage"),
        (_changed(data={"source": "smoke"}), "source: Input should be"),
    ],
)
def test_F33_what_is_no_message_names_the_field_and_what_was_expected(
    value: bytes, expected: str
) -> None:
    with pytest.raises(Malformed) as caught:
        decode_inbound(value)

    assert expected in str(caught.value)
    assert "yesterday" not in str(caught.value)


def test_F33_a_number_of_thirty_digits_is_malformed() -> None:
    value = encode_inbound(fired()).replace(b'"lead_id":7', b'"lead_id":' + b"9" * 30)

    with pytest.raises(Malformed, match="lead_id"):
        decode_inbound(value)


def test_F80_unknown_fields_of_a_newer_release_are_no_fault() -> None:
    assert decode_inbound(_changed(data={"colour": "red"})) == fired()


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("lead.teleported", b'{"v":1,"cause":"m","data":{}}'),
        ("lookup.requested", b'{"v":2,"cause":"m","data":{}}'),
        ("lookup.requested", b'{"v":1,"cause":"m","data":{}}'),
        ("lookup.requested", b'{"v":1,"data":{"lead_id":1,"reason":"","at":"2026-01-05T09:00Z"}}'),
        ("lookup.requested", b"{"),
    ],
)
def test_F80_history_that_is_not_understood_stops_the_reader(name: str, state: bytes) -> None:
    with pytest.raises(Malformed, match=r"event 3 of account 1"):
        decode_event(1, 3, name, state)


class Accounts(Application[str]):
    name = "account"
    env: ClassVar[dict[str, str]] = {
        "MAPPER_TOPIC": "services.shared.codec:RecordedMapper",
        "ORIGINATOR_ID_TYPE": "text",
    }


def test_the_library_stores_and_reads_our_events_through_the_mapper() -> None:
    accounts = Accounts()
    written = [assigned(1, 1), looked_up(1, 2)]
    accounts.events.put(written)

    assert list(accounts.events.get(originator_id(1))) == written
    with pytest.raises(IntegrityError):
        accounts.events.put([looked_up(1, 2)])
    with pytest.raises(AggregateNotFoundError):
        accounts.repository.get(originator_id(2), projector_func=lambda state, _: state)


def test_the_mapper_keeps_place_and_cause() -> None:
    mapper = RecordedMapper(JSONTranscoder())
    stored = mapper.to_stored_event(assigned(31, 5, cause="m9"))

    assert isinstance(stored, StoredEvent)
    assert (stored.originator_id, stored.originator_version, stored.topic) == (
        "account-31",
        5,
        "lead.assigned",
    )
    assert mapper.to_domain_event(stored) == assigned(31, 5, cause="m9")


def test_a_naive_observation_is_malformed() -> None:
    body = LeadObserved(
        lead_id=1,
        stage=fired().body.stage,  # type: ignore[union-attr]
        responsible_id=1,
        modified_at=NINE.replace(tzinfo=None),
        created_at=NINE,
        reason="sweep",
    )
    with pytest.raises(Malformed, match="modified_at"):
        decode_inbound(encode_inbound(replace(fired(), body=body)))
