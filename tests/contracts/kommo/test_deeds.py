"""Notes, calls, tasks and messages in hooks: who worked on which lead, and when (D7.1)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.inbound import SeenTask, TaskRemoved, TaskReported, TouchReported
from contracts.kommo.forms import encode_form
from contracts.kommo.marks import is_earlier
from contracts.kommo.notifications import (
    DeedNotification,
    OtherNotification,
    TaskNotification,
    TaskRemovedNotification,
)
from contracts.kommo.webhooks import read_body
from services.ingress.translate import fact_of, facts_of

FORM = "application/x-www-form-urlencoded"
MADE, DONE = 1_760_000_000, 1_760_000_600
NOTE = {
    "text": "Called back",
    "attachement": "",
    "date_create": "2025-10-09 11:53:20",
    "note_type": "4",
    "element_type": "2",
    "element_id": "900001",
    "account_id": "32000001",
    "metadata": '{"event_source":{"id":501,"author_name":"Ann","type":1}}',
    "created_by": "501",
    "modified_by": "501",
    "main_user_id": "501",
    "id": "42743871",
    "created_at": str(MADE),
    "updated_at": str(MADE),
}
TASK = {
    "id": "600001",
    "element_id": "900001",
    "element_type": "2",
    "task_type": "1",
    "date_create": "2025-10-09 08:53:20",
    "text": "Call",
    "status": "0",
    "account_id": "32000001",
    "created_user_id": "501",
    "last_modified": "2025-10-09 08:53:20",
    "responsible_user_id": "502",
    "complete_till": "2025-10-10 08:53:20",
    "created_at": str(MADE),
    "updated_at": str(DONE),
}
MESSAGE = {
    "id": "1508b51c-aab0-428e-9322-611d847ae747",
    "chat_id": "2c2f3d4e",
    "contact_id": "800001",
    "element_id": "900001",
    "element_type": "2",
    "text": "Hello",
    "type": "outgoing",
    "created_at": str(MADE),
    "author": {"id": "a-1", "type": "internal", "user_id": "501", "name": "Ann"},
}


def read(tree: dict[str, Any]) -> Any:
    reading = read_body(encode_form({"account": {"id": "32000001"}, **tree}), FORM)
    assert reading.rejected == ()
    (notification,) = reading.notifications
    return notification


def note(**changes: str) -> Any:
    return read({"leads": {"note": [{"note": {**NOTE, **changes}}]}})


def task(action: str, **changes: str) -> Any:
    return read({"task": {action: [{**TASK, **changes}]}})


def message(**changes: Any) -> Any:
    return read({"outgoing_message": {"add": [{**MESSAGE, **changes}]}})


def deed(
    kind: Any, *, by: int = 501, at: int = MADE, account_id: int | None = 32_000_001
) -> DeedNotification:
    return DeedNotification(
        deed=kind,
        lead_id=900_001,
        by=by,
        happened_at=datetime.fromtimestamp(at, UTC),
        account_id=account_id,
    )


def test_D7_1_notes_files_and_outgoing_calls_are_deeds() -> None:
    assert note() == note(note_type="5") == deed("note")
    assert note(note_type="11", text='{"UNIQ":"1","DURATION":"60"}') == deed("call")


@pytest.mark.parametrize(
    "changes",
    [
        {"note_type": "10"},
        {"note_type": "25"},
        {"note_type": ""},
        {"element_type": "1"},
        {"created_by": ""},
        {"created_at": ""},
    ],
    ids=["incoming call", "system", "untyped", "of a contact", "by whom", "when"],
)
def test_D7_1_other_notes_are_understood_and_no_deeds(changes: dict[str, str]) -> None:
    other = OtherNotification(entity="leads", action="note", entity_id="900001")

    assert note(**changes) == other


def test_D7_1_a_task_that_is_made_or_closed_is_a_deed() -> None:
    assert task("add").deed == deed("task_added")
    closing = {"action_close": "1", "status": "1", "modified_by": "503"}
    assert task("update", **closing).deed == deed("task_completed", by=503, at=DONE)


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        ("update", {"old_text": "Ring"}),
        ("update", {"action_close": "1", "status": "1"}),
        ("update", {"action_close": "0", "modified_by": "501"}),
        ("add", {"element_type": "3"}),
    ],
    ids=["edited", "closed by nobody knows whom", "not closed", "of a company"],
)
def test_D7_1_other_hooks_of_tasks_are_no_deeds(action: str, changes: dict[str, str]) -> None:
    assert task(action, **changes).deed is None


def test_D5_6_a_task_tells_whose_it_is_until_when_and_whether_it_is_done() -> None:
    made = task("add")
    assert (made.task_id, made.responsible_user_id, made.is_open) == (600_001, 502, True)
    assert made.due_at == datetime(2025, 10, 10, 8, 53, 20, tzinfo=UTC)
    assert made.modified_at == datetime.fromtimestamp(DONE, UTC)
    assert not task("update", status="1").is_open
    assert not task("update", action_close="1").is_open
    assert task("add", complete_till="soon", complete_before=str(DONE)).due_at == made.modified_at
    assert task("add", complete_till="").due_at is None


@pytest.mark.parametrize("changes", [{"id": ""}, {"updated_at": "", "created_at": ""}])
def test_D5_6_a_task_without_its_id_or_time_is_only_a_deed_if_anything(
    changes: dict[str, str],
) -> None:
    assert not isinstance(task("update", **changes), TaskNotification)


def test_D5_6_a_deleted_task_is_named() -> None:
    assert task("delete") == TaskRemovedNotification(task_id=600_001)
    assert task("delete", id="") == OtherNotification(
        entity="task", action="delete", entity_id=None
    )


def test_D5_6_a_task_is_two_facts_what_was_done_to_its_lead_and_how_it_is_now() -> None:
    due_at = datetime(2025, 10, 10, 8, 53, 20, tzinfo=UTC)
    seen = SeenTask(600_001, 502, due_at, datetime.fromtimestamp(DONE, UTC))

    touch, now = facts_of(task("add"))
    assert isinstance(touch, TouchReported)
    assert now == TaskReported(task=seen, is_open=True)
    assert list(facts_of(task("update", old_text="Ring"))) == [now]
    assert list(facts_of(task("delete"))) == [TaskRemoved(task_id=600_001)]


def test_D7_1_a_message_of_a_user_to_a_client_of_the_lead_is_a_deed() -> None:
    assert message() == deed("message", account_id=None)
    by_entity = {"element_id": "", "element_type": "", "entity_id": "900001", "entity_type": "lead"}
    assert message(**by_entity) == deed("message", account_id=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"author": {"id": "b-1", "type": "bot"}},
        {"author": ""},
        {"element_id": "", "element_type": ""},
    ],
    ids=["of a bot", "of nobody", "of no lead"],
)
def test_D7_1_other_messages_are_no_deeds(changes: dict[str, Any]) -> None:
    other = OtherNotification(
        entity="outgoing_message", action="add", entity_id="1508b51c-aab0-428e-9322-611d847ae747"
    )

    assert message(**changes) == other


def test_D7_1_a_persons_deed_is_a_fact_and_a_robots_is_none() -> None:
    assert fact_of(note()) == TouchReported(
        lead_id=900_001, kind="note", by=501, happened_at=datetime.fromtimestamp(MADE, UTC)
    )
    assert fact_of(note(created_by="0")) is None


@pytest.mark.parametrize(
    "told",
    [
        note(text="Ann got this lead. [fl:900001.7/1]"),
        note(text='{"service":"Fairlead","text":"Ann got it. [fl:900001.7/2]"}', note_type="26"),
    ],
)
def test_D7_1_our_own_notes_and_tasks_are_no_deeds_of_anybody(told: Any) -> None:
    assert isinstance(told, OtherNotification)
    assert task("add", text="Contact this lead. [fl:900001.7/1]").deed is None


@pytest.mark.parametrize("text", ["[fl:]", "[fl:1/1]", "fl:9.7/1", "[fl:9.7/x]", "[FL:1.1/1]"])
def test_D7_1_what_only_resembles_our_mark_is_a_persons_note(text: str) -> None:
    assert isinstance(note(text=text), DeedNotification)


def test_D12_2_a_task_of_ours_that_its_manager_closes_is_their_deed() -> None:
    closed = task("update", action_close="1", modified_by="502", text="Call. [fl:900001.7/1]")

    assert (closed.deed.deed, closed.deed.by) == ("task_completed", 502)


def test_D12_2_a_task_that_the_next_decision_completes_is_nobodys_deed() -> None:
    body = {**TASK, "action_close": "1", "modified_by": "502"}
    result = {"text": "The lead went to Bob. [fl:900001.7/2]"}

    assert read({"task": {"update": [{**body, "result": result}]}}).deed is None


@pytest.mark.parametrize(("one", "other"), [("7.9/1", "7.9/2"), ("7.9/2", "7.10/1")])
def test_D12_2_a_decision_is_earlier_by_its_request_and_then_by_its_attempt(
    one: str, other: str
) -> None:
    assert is_earlier(one, other)
    assert not is_earlier(other, one)


@pytest.mark.parametrize(("one", "other"), [("7.9/2", "7.9/2"), ("8.9/1", "7.10/1")])
def test_D12_2_a_decision_is_not_earlier_than_itself_or_one_of_another_lead(
    one: str, other: str
) -> None:
    assert not is_earlier(one, other)
