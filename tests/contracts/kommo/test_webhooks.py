"""Bodies as Kommo sends them, as others might, and as nobody should."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.kommo.forms import encode_form
from contracts.kommo.notifications import IncomingNotification
from contracts.kommo.webhooks import (
    LeadNotification,
    LeadRemovedNotification,
    OtherNotification,
    Rejected,
    TriggerNotification,
    read_body,
)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

ACCOUNT = {
    "subdomain": "acme",
    "id": "32000001",
    "_links": {"self": "https://acme.kommo.com"},
}
LEAD = {
    "id": "900001",
    "name": "Site [request] №1",
    "status_id": "61000002",
    "price": "0",
    "responsible_user_id": "501",
    "last_modified": "1760000100",
    "modified_user_id": "0",
    "created_user_id": "502",
    "date_create": "1760000000",
    "pipeline_id": "7000001",
    "tags": {"0": {"id": "2164", "name": "vip"}, "1": {"id": "2165", "name": "web"}},
    "account_id": "32000001",
    "custom_fields": {
        "0": {"id": "184994", "name": "City", "values": {"0": {"value": "Lima", "enum": "9"}}},
        "1": {"id": "184995", "name": "Visit", "values": {"0": "1729717200"}},
        "2": {"id": "184996", "name": "Kind", "values": {"value": "A", "enum": "3"}},
    },
    "created_at": "1760000000",
    "updated_at": "1760000100",
}
READ_LEAD = LeadNotification(
    action="add",
    lead_id=900001,
    pipeline_id=7000001,
    status_id=61000002,
    responsible_user_id=501,
    old_status_id=None,
    old_responsible_user_id=None,
    modified_at=datetime.fromtimestamp(1760000100, UTC),
    created_at=datetime.fromtimestamp(1760000000, UTC),
    modified_user_id=0,
    created_user_id=502,
    account_id=32000001,
    price="0",
    tag_ids=(2164, 2165),
)
ENTERED = TriggerNotification(
    kind="plain",
    event="entered",
    event_type=None,
    lead_id=900001,
    pipeline_id=7000001,
    status_id=61000003,
    old_pipeline_id=7000001,
    old_status_id=61000002,
    occurred_at=None,
    settings=(),
)
MOVED = {
    "id": "900001",
    "status_id": "61000003",
    "pipeline_id": "7000001",
    "old_status_id": "61000002",
    "old_pipeline_id": "7000001",
}
WIDGET = {
    "event": {
        "type": "14",
        "type_code": "lead_status_changed",
        "time": "1760000200",
        "data": {
            "id": "900001",
            "element_type": "2",
            "status_id": "61000003",
            "pipeline_id": "7000001",
            "direction_of_movement": "went_to_trigger",
        },
    },
    "action": {"settings": {"widget": {"settings": {"rule": "new clients", "key": "k-1"}}}},
    "subdomain": "acme",
    "account_id": "32000001",
}
READ_WIDGET = replace(
    ENTERED,
    kind="widget",
    event_type=14,
    old_pipeline_id=None,
    old_status_id=None,
    occurred_at=datetime.fromtimestamp(1760000200, UTC),
    settings=(("rule", "new clients"), ("key", "k-1")),
)


def leads(**actions: Any) -> dict[str, Any]:
    return {"account": ACCOUNT, "leads": actions}


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def read(tree: dict[str, Any]) -> tuple[Any, ...]:
    reading = read_body(encode_form(tree), FORM)
    assert reading.rejected == ()
    return reading.notifications


def rejected(tree: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.path, one.reason) for one in read_body(encode_form(tree), FORM).rejected]


def test_a_new_lead_is_read_with_its_account() -> None:
    reading = read_body(encode_form(leads(add=[LEAD])), FORM)

    assert (reading.account_id, reading.subdomain) == (32000001, "acme")
    assert reading.notifications == (READ_LEAD,)
    assert reading.rejected == ()


@pytest.mark.parametrize("action", ["add", "update", "status", "responsible", "restore"])
def test_every_account_action_carries_the_present_fields(action: str) -> None:
    item = {**LEAD, "old_status_id": "61000001", "old_responsible_user_id": "503"}

    actual = read(leads(**{action: [item]}))

    expected = replace(READ_LEAD, old_status_id=61000001, old_responsible_user_id=503)
    assert actual == (replace(expected, action=action),)


def test_empty_values_and_nobody_are_absent_but_a_robot_is_not() -> None:
    empty = dict.fromkeys(
        ["price", "last_modified", "updated_at", "date_create", "created_at", "account_id"], ""
    )
    item = {**LEAD, **empty, "responsible_user_id": "0", "created_user_id": "", "tags": ""}

    assert read(leads(add=[without(item, "name")])) == (
        replace(
            READ_LEAD,
            responsible_user_id=None,
            modified_at=None,
            created_at=None,
            created_user_id=None,
            account_id=None,
            price=None,
            tag_ids=(),
        ),
    )


def test_times_come_from_either_of_their_two_names() -> None:
    older = read(leads(update=[without(LEAD, "updated_at", "created_at")]))
    newer = read(leads(update=[without(LEAD, "last_modified", "date_create")]))

    assert older == newer == (replace(READ_LEAD, action="update"),)


@pytest.mark.parametrize(
    ("item", "stage"),
    [
        ({"id": "7", "status_id": "143", "pipeline_id": "70"}, (70, 143)),
        ({"id": "7", "type": "lead"}, (None, None)),
    ],
)
def test_a_deletion_is_read_with_and_without_the_stage(
    item: dict[str, str], stage: tuple[int | None, int | None]
) -> None:
    pipeline_id, status_id = stage

    assert read(leads(delete=[item])) == (
        LeadRemovedNotification(
            lead_id=7, pipeline_id=pipeline_id, status_id=status_id, account_id=None
        ),
    )


def test_a_plain_trigger_is_told_from_an_account_webhook_of_the_same_name() -> None:
    plain = {"id": "32000001", "subdomain": "acme"}
    created = without(MOVED, "old_status_id", "old_pipeline_id")

    assert read({"leads": {"status": [MOVED]}, "account": plain}) == (ENTERED,)
    assert read({"leads": {"add": [created]}, "account": plain}) == (
        replace(ENTERED, old_pipeline_id=None, old_status_id=None),
    )


@pytest.mark.parametrize("mark", ["last_modified", "account_id", "updated_at"])
def test_one_mark_makes_an_account_webhook(mark: str) -> None:
    (notification,) = read(leads(status=[{**MOVED, mark: ""}]))

    assert isinstance(notification, LeadNotification)


@pytest.mark.parametrize("event", ["mail_in", "call_in", "site_visit", "chat"])
def test_other_plain_triggers_carry_their_event(event: str) -> None:
    (notification,) = read(leads(**{event: [MOVED]}))

    assert notification == replace(ENTERED, event=event)


@pytest.mark.parametrize(
    ("number", "code", "direction", "event"),
    [
        ("1", "lead_added", None, "entered"),
        ("14", "", "went_to_trigger", "entered"),
        ("15", "lead_appeared_in_status", "went_in_trigger", "entered"),
        ("15", "lead_appeared_in_status", "went_from_trigger", "left"),
        ("16", "mail_in", None, "mail_in"),
        ("17", "call_in", None, "call_in"),
        ("18", "site_visit", None, "site_visit"),
        ("", "chat", None, "chat"),
    ],
)
def test_a_widget_trigger_is_read_by_number_or_code(
    number: str, code: str, direction: str | None, event: str
) -> None:
    data = {**WIDGET["event"]["data"], "direction_of_movement": direction}  # type: ignore[index,dict-item] # the literal's type is too wide
    tree = {**WIDGET, "event": {"type": number, "type_code": code, "time": "", "data": data}}

    (notification,) = read(tree)

    assert (notification.event, notification.event_type) == (event, int(number or 19))


def test_a_widget_trigger_names_its_account_in_flat_keys() -> None:
    reading = read_body(encode_form(WIDGET), FORM)

    assert (reading.account_id, reading.subdomain) == (32000001, "acme")
    assert (reading.notifications, reading.rejected) == ((READ_WIDGET,), ())


def test_a_customer_in_a_widget_trigger_is_not_taken_for_a_lead() -> None:
    by_type = {"event": {"type": "20", "data": {"id": "5"}}}
    by_element = {"event": {"type": "16", "data": {"id": "5", "element_type": "12"}}}
    customer = OtherNotification(entity="customers", action="trigger", entity_id="5")

    assert read(by_type) == read(by_element) == (customer,)


@pytest.mark.parametrize(
    ("action", "item", "happened"),
    [
        (
            "add",
            {"uid": "ab12", "category": "forms", "lead_id": "7", "account_id": "32000001"},
            "added",
        ),
        ("add", {"uid": "ab12", "data": {"leads": {"0": {"id": "7", "name": "x"}}}}, "added"),
        (
            "delete",
            {"uid": "ab12", "action": "accept", "accept_result": {"leads": {"0": "7"}}},
            "accepted",
        ),
        (
            "delete",
            {"action": "accept", "accept_result": {"leads": [{"id": 7}, {"id": 8}]}},
            "accepted",
        ),
        ("delete", {"action": "decline", "decline_result": {"leads": {"0": "7"}}}, "declined"),
    ],
)
def test_D1_1_what_becomes_of_incoming_leads_is_read(
    action: str, item: dict[str, Any], happened: Any
) -> None:
    account_id = 32000001 if "account_id" in item else None

    assert read({"unsorted": {action: {"0": item}}}) == (
        IncomingNotification(happened=happened, lead_id=7, account_id=account_id),
    )


@pytest.mark.parametrize(
    ("tree", "other"),
    [
        ({"contacts": {"update": [{"id": "8", "type": "company"}]}}, ("contacts", "update", "8")),
        ({"task": {"add": [{"id": "8", "element_id": "9"}]}}, ("task", "add", "8")),
        (
            {"unsorted": {"delete": [{"uid": "ab12", "action": "accept"}]}},
            ("unsorted", "delete", "ab12"),
        ),
        (
            {"unsorted": {"delete": [{"uid": "a", "action": "accept", "accept_result": "x"}]}},
            ("unsorted", "delete", "a"),
        ),
        ({"unsorted": {"add": [{"uid": "a", "lead_id": ""}]}}, ("unsorted", "add", "a")),
        ({"unsorted": {"update": [{"uid": "a", "lead_id": "7"}]}}, ("unsorted", "update", "a")),
        ({"talk": {"update": [{"talk_id": "3"}]}}, ("talk", "update", "3")),
        ({"message": {"add": [{"id": "u-1", "text": "x"}]}}, ("message", "add", "u-1")),
        ({"outgoing_message": {"add": [{}, {"text": "x"}]}}, ("outgoing_message", "add", None)),
        ({"catalogs": {"add": [{"id": "4"}]}}, ("catalogs", "add", "4")),
        ({"customers": {"period": [{"id": "4", "period_id": "2"}]}}, ("customers", "period", "4")),
        ({"leads": {"note": [{"note": {"id": "6", "element_id": "7"}}]}}, ("leads", "note", "7")),
        (
            {"contacts": {"note": [{"note": {"element_id": "7"}, "type": "contact"}]}},
            ("contacts", "note", "7"),
        ),
    ],
)
def test_what_the_engine_does_not_use_is_understood_all_the_same(
    tree: dict[str, Any], other: tuple[str, str, str | None]
) -> None:
    entity, action, entity_id = other

    assert read(tree) == (OtherNotification(entity=entity, action=action, entity_id=entity_id),)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({}, (None, None)),
        ({"account": {"subdomain": "acme"}}, (None, "acme")),
        ({"account": {"id": "32000001"}}, (32000001, None)),
        ({"account": {"id": "", "subdomain": ""}}, (None, None)),
        ({"account": "acme"}, (None, None)),
    ],
)
def test_F32_the_account_block_may_be_partial_anywhere_or_missing(
    account: dict[str, Any], expected: tuple[int | None, str | None]
) -> None:
    for tree in ({**account, "leads": {"add": [LEAD]}}, {"leads": {"add": [LEAD]}, **account}):
        reading = read_body(encode_form(tree), FORM)

        assert (reading.account_id, reading.subdomain) == expected
        assert (reading.notifications, reading.rejected) == ((READ_LEAD,), ())


def test_F32_every_item_of_every_entity_is_read_in_the_order_of_the_body() -> None:
    tree = {
        "leads": {
            "status": [{**LEAD, "id": str(n)} for n in range(1, 251)],
            "delete": [{"id": "251"}],
        },
        "account": ACCOUNT,
        "contacts": {"add": [{"id": "252"}]},
    }

    notifications = read(tree)

    assert [n.lead_id for n in notifications[:251]] == list(range(1, 252))
    assert notifications[251] == OtherNotification(entity="contacts", action="add", entity_id="252")


def test_F32_bad_items_are_rejected_by_path_and_their_neighbours_survive() -> None:
    bad = {**LEAD, "id": "-5"}
    tree = leads(add=[bad, LEAD, "text", without(LEAD, "pipeline_id"), LEAD])

    reading = read_body(encode_form(tree), FORM)

    assert reading.notifications == (READ_LEAD, READ_LEAD)
    assert [(one.path, one.reason) for one in reading.rejected] == [
        ("leads[add][0]", "id: expected an id from 1 to 9007199254740991"),
        ("leads[add][2]", "item: expected fields"),
        ("leads[add][3]", "pipeline_id: expected an id from 1 to 9007199254740991"),
    ]
    assert json.loads(reading.rejected[0].fragment) == without(bad, "custom_fields")
    assert json.loads(reading.rejected[1].fragment) == "text"


def test_F32_an_unreadable_optional_field_is_reported_and_the_item_survives() -> None:
    item = {**LEAD, "last_modified": "2026-01-01 00:00:00", "responsible_user_id": {"x": "1"}}

    reading = read_body(encode_form(leads(add=[without(item, "updated_at")])), FORM)

    assert reading.notifications == (
        replace(READ_LEAD, modified_at=None, responsible_user_id=None),
    )
    assert reading.rejected == (
        Rejected(
            path="leads[add][0][responsible_user_id]",
            reason="responsible_user_id: expected an id from 1 to 9007199254740991",
            fragment='{"x": "1"}',
        ),
        Rejected(
            path="leads[add][0][last_modified]",
            reason="last_modified: expected unix seconds from 1 to 253402300799",
            fragment='"2026-01-01 00:00:00"',
        ),
    )


def test_F32_an_unknown_entity_or_action_is_reported_and_the_known_ones_are_read() -> None:
    tree = {"dreams": {"add": [{"id": "1"}]}, "version": "2"}
    reading = read_body(encode_form({**tree, **leads(praise=[LEAD], add=[LEAD])}), FORM)

    assert reading.notifications == (READ_LEAD,)
    assert [(one.path, one.reason) for one in reading.rejected] == [
        ("dreams", "entity: expected one that Kommo documents"),
        ("leads[praise]", "action: expected one that Kommo documents"),
    ]


@pytest.mark.parametrize(
    ("tree", "path", "reason"),
    [
        ({"leads": "x"}, "leads", "actions: expected names and items"),
        ({"leads": {"add": "x"}}, "leads[add]", "items: expected indexes and fields"),
        ({"contacts": {"sing": [{}]}}, "contacts[sing]", ""),
        ({"event": "x"}, "event", "item: expected fields"),
        ({"event": {"type": "99"}}, "event", "type: expected 1 or 14 to 22, or its code"),
        (
            {"event": {"type": "14", "data": {"id": "x"}}},
            "event",
            "data[id]: expected an id from 1 to 9007199254740991",
        ),
        (
            {"event": {"type": "14", "data": {"id": "1", "element_type": "3"}}},
            "event",
            "data[element_type]: expected 2 or 12",
        ),
    ],
)
def test_a_misshapen_part_is_rejected_where_it_stands(
    tree: dict[str, Any], path: str, reason: str
) -> None:
    body = encode_form(tree) if tree != {"contacts": {"sing": [{}]}} else b"contacts[sing][0]=1"

    ((actual_path, actual_reason),) = [
        (one.path, one.reason) for one in read_body(body, FORM).rejected
    ]

    assert actual_path == path
    assert actual_reason == (reason or "action: expected one that Kommo documents")


@pytest.mark.parametrize("tree", [leads(add=[LEAD], status=[{**LEAD, "id": "7"}]), WIDGET])
@pytest.mark.parametrize("declared", [FORM, JSON, "application/json; charset=utf-8", "x", None])
def test_form_and_json_say_the_same_whatever_is_declared(
    tree: dict[str, Any], declared: str | None
) -> None:
    numbers = json.loads(json.dumps(tree), object_hook=_with_numbers)
    expected = read_body(encode_form(tree), FORM)

    assert expected.rejected == ()
    assert read_body(encode_form(tree), declared) == expected
    assert read_body(json.dumps(tree).encode(), declared) == expected
    assert read_body(b" \n" + json.dumps(numbers).encode(), declared) == expected


def test_settings_that_are_no_text_are_kept_as_json_text() -> None:
    settings = {"rule": {"a": [1, None]}, "flag": True, "\ud800k\0": "v\ud83d"}
    tree = {**WIDGET, "action": {"settings": {"widget": {"settings": settings}}}}

    (notification,) = read_body(json.dumps(tree).encode(), JSON).notifications

    assert isinstance(notification, TriggerNotification)
    assert notification.settings == (
        ("rule", '{"a": ["1", null]}'),
        ("flag", "true"),
        ("\ufffdk\ufffd", "v\ufffd"),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&&&",
        b"hello",
        b"{}",
        b"[]",
        b"null",
        b'{"leads": []}',
        b'{"leads": {"add": []}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"account[id]=7&account[subdomain]=acme",
        b"account[id]=x",
        b"dreams[add][0][id]=7",
        b'--x\r\nContent-Disposition: form-data; name="leads[add][0][id]"\r\n\r\n7\r\n--x--',
        b"\xff" * 5_000,
    ],
)
@pytest.mark.parametrize("declared", [FORM, JSON])
def test_F34_a_body_without_anything_known_is_one_rejected_part(body: bytes, declared: str) -> None:
    reading = read_body(body, declared)

    assert reading.notifications == ()
    ((path, reason),) = [(one.path, one.reason) for one in reading.rejected]
    assert (path, reason) == ("", "body: expected an entity of Kommo, as leads[add][0]")


@pytest.mark.parametrize(
    "lead_id",
    [
        *("0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "٣", "1_0", "0x1", "", "id", "\0", "\ufffd"),
        *("9007199254740992", "9" * 30, "9" * 5_000),
    ],
)
def test_F34_an_id_out_of_range_rejects_its_item_only(lead_id: str) -> None:
    reading = read_body(encode_form(leads(add=[{**LEAD, "id": lead_id}, LEAD])), FORM)

    assert reading.notifications == (READ_LEAD,)
    assert [one.path for one in reading.rejected] == ["leads[add][0]"]


@pytest.mark.parametrize("lead_id", ["null", "true", "1.5", "[]", "{}", "[7]", "-7", "9" * 5_000])
def test_F34_a_json_value_that_is_no_id_rejects_its_item_only(lead_id: str) -> None:
    text = json.dumps(leads(add=[{**LEAD, "id": "@"}, LEAD])).replace('"@"', lead_id)

    reading = read_body(text.encode(), JSON)

    assert reading.notifications == (READ_LEAD,)
    assert [one.path for one in reading.rejected] == ["leads[add][0]"]


@pytest.mark.parametrize(
    "noise",
    [
        b"&name=%zz%",
        b"&leads[add][0][name]=\xff\xfe%FF%C0%80",
        b"&leads[add][0][name]=\0%00",
        b"&=&=x&&[]=1",
        b"&a[b]=1&a=2",
        b"&leads[add][0][tags][999999999][id]=2165",
        b"&leads[add][0][custom_fields][0]=1&leads[add][0][custom_fields][0][id]=2",
        b"&leads[add][0][__proto__][polluted]=1&leads[add][0][__class__]=1",
        b"&leads[add][0][name]='; DROP TABLE leads; --&../../etc/passwd=1",
    ],
)
def test_F34_S33_noise_in_a_body_changes_no_typed_field(noise: bytes) -> None:
    body = encode_form(leads(add=[without(LEAD, "tags")]))

    for noisy in (body + noise, noise + b"&" + body):
        (notification,) = read_body(noisy, FORM).notifications

        assert isinstance(notification, LeadNotification)
        assert replace(notification, tag_ids=()) == replace(READ_LEAD, tag_ids=())


def test_F34_deep_keys_are_reported_and_the_items_survive() -> None:
    body = encode_form(leads(add=[LEAD])) + b"&leads" + b"[x]" * 10_000 + b"=1"

    reading = read_body(body, FORM)

    assert reading.notifications == (READ_LEAD,)
    ((path, reason),) = [(one.path, one.reason) for one in reading.rejected]
    assert path.startswith("leads[x]")
    assert reason == "key: expected at most 16 names in whole brackets"


def test_F34_rejected_parts_and_their_fragments_are_bounded() -> None:
    items = "&".join(f"leads[add][{n}]=x" for n in range(5_000))
    quotes = '"' * 50_000
    body = f"{items}&leads[add][y][name]={quotes}&leads[add][z][id]=1".encode()

    reading = read_body(body, FORM)

    assert reading.notifications == ()
    assert len(reading.rejected) == 1_001
    assert reading.rejected[-1] == Rejected(
        path="", reason="body: 4002 more parts were not understood", fragment="null"
    )
    (first, *_) = read_body(body[len(items) :], FORM).rejected
    assert len(first.fragment) < 5_000
    assert isinstance(json.loads(first.fragment), str)


@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)),
    st.sampled_from([FORM, JSON, None, "", ";", "json", "\xff"]),
)
def test_F34_no_bytes_make_the_reader_raise(body: bytes, declared: str | None) -> None:
    reading = read_body(body, declared)

    assert reading.notifications or reading.rejected


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
vocabulary = st.sampled_from(
    [
        *("leads", "add", "status", "delete", "note", "0", "id", "status_id", "pipeline_id"),
        *("event", "data", "type", "account", "action", "settings", "widget", "contacts", ""),
    ]
)
bodies = st.dictionaries(
    vocabulary,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(vocabulary, inner, max_size=4),
        max_leaves=15,
    ),
    max_size=4,
)


@given(bodies)
def test_F34_S33_no_tree_makes_the_reader_raise(tree: dict[str, Any]) -> None:
    reading = read_body(json.dumps(tree).encode(), JSON)

    assert reading.notifications or reading.rejected
    for one in reading.rejected:
        json.loads(one.fragment)
        assert one.fragment.isascii()


good_or_bad = st.lists(st.sampled_from([LEAD, {**LEAD, "id": "x"}, "text", MOVED]), min_size=1)


@given(good_or_bad)
def test_F32_each_item_is_either_read_or_rejected(items: list[Any]) -> None:
    reading = read_body(encode_form(leads(add=items)), FORM)

    assert len(reading.notifications) == sum(item in (LEAD, MOVED) for item in items)
    assert len(reading.notifications) + len(reading.rejected) == len(items)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_F32_F34_one_bad_byte_costs_at_most_one_item(at: int, byte: int) -> None:
    body = bytearray(encode_form(leads(update=[{**LEAD, "id": str(n)} for n in range(1, 6)])))
    body[at % len(body)] = byte

    notifications = read_body(bytes(body), FORM).notifications

    assert sum(isinstance(one, LeadNotification) for one in notifications) >= 4


def _with_numbers(fields: dict[str, Any]) -> Any:
    """Make digits numbers and indexes lists, as a JSON sender would."""
    made = {
        k: int(v) if isinstance(v, str) and v.isdigit() and k != "price" else v
        for k, v in fields.items()
    }
    indexes = [str(n) for n in range(len(made))]
    return list(made.values()) if made and list(made) == indexes else made
