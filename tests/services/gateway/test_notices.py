"""Notes and tasks that tell people of decisions, written once on a real HTTP server (D12.2)."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from contracts.events import NoticeKind
from contracts.inbound import NoticeSettled
from projections.notices import PendingNotice
from services.gateway.connections import Connection
from services.gateway.notices import NoticeWriter
from services.gateway.rounds import Rounds
from services.gateway.task_ends import TaskEnds
from services.kommo.client import KommoClient
from services.kommo.errors import MalformedAnswer
from services.kommo.limiter import Limiter, Priority
from services.kommo.notices import find_notes
from services.kommo.settings import LimiterSettings
from services.kommo.starts import Lease
from services.sandbox.cards import CardPatch, Task
from services.sandbox.model import Author
from services.sandbox.notes import Note
from services.sandbox.sample import ACCOUNT_ID
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE, arm
from tests.services.gateway.world import PERSON, World, running, utc_now, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANN, BOB = 501, 502
AFTER = "gateway.after_notice"
DUE = datetime(2030, 1, 7, 9, 30, tzinfo=UTC)
NAMES = {"users": [{"id": ANN, "name": "Ann Lee"}]}
RULES = {"vip": "VIP clients"}


@dataclass
class Orders:
    """The work list in memory; an answer settles its row."""

    here: World
    rows: list[PendingNotice] = field(default_factory=list)
    writer: NoticeWriter | None = None

    def add(
        self,
        kind: NoticeKind,
        *lead_ids: int,
        manager: int = ANN,
        age_s: float = -1.0,
        wording: str = "",
        rule: str = "new",
        attempt: int = 1,
    ) -> None:
        """Newer than the writer, so that it knows that nothing was sent; or older."""
        for lead_id in lead_ids:
            number = len(self.rows) + 1
            self.rows.append(
                PendingNotice(
                    account_id=ACCOUNT_ID,
                    order_id=f"{lead_id}.1/{attempt}",
                    kind=kind,
                    lead_id=lead_id,
                    manager_id=manager,
                    rule_id=rule,
                    reason="largest_credit",
                    because=None,
                    due_at=DUE if kind == "task" else None,
                    wording=wording,
                    target="",
                    asked_version=number,
                    asked_at=utc_now() - timedelta(seconds=age_s) + timedelta(microseconds=number),
                )
            )

    def ended(self) -> dict[tuple[str, NoticeKind], NoticeSettled]:
        bodies = self.here.books.bodies(NoticeSettled)
        return {(body.order_id, body.kind): body for body in bodies}

    async def pending(
        self, limit: int, after: PendingNotice | None, but_for: Sequence[int]
    ) -> list[PendingNotice]:
        if ACCOUNT_ID in but_for:
            return []
        ended = self.ended()
        rows = [row for row in self.rows if (row.order_id, row.kind) not in ended]
        return [row for row in rows if after is None or row.asked_at > after.asked_at][:limit]

    @asynccontextmanager
    async def written(self, count: int) -> AsyncIterator[list[NoticeSettled]]:
        """All of them settled, by a gateway that has just begun unless one is given."""
        writer = self.writer or new_writer(self.here)
        work: Rounds[PendingNotice] = self.here.rounds(self.pending, writer.write)
        async with running(work.run()):
            await until(lambda: len(self.ended()) == count)
        yield list(self.ended().values())


def new_writer(here: World) -> NoticeWriter:
    async def names_of(account_id: int) -> Mapping[str, Any]:
        assert account_id == ACCOUNT_ID
        return NAMES

    async def rule_names_of(account_id: int) -> Mapping[str, str]:
        assert account_id == ACCOUNT_ID
        return RULES

    return NoticeWriter(
        publisher=here.books, now=utc_now, names_of=names_of, rule_names_of=rule_names_of
    )


def mocked(answer: Callable[[httpx.Request], httpx.Response]) -> KommoClient:
    return KommoClient(
        base_url="http://127.0.0.1:1",
        token=SecretStr("t"),
        limiter=Limiter(LimiterSettings()),
        transport=httpx.MockTransport(answer),
    )


def notes(here: World) -> list[Note]:
    return list(here.sandbox.account.notes.by_id.values())


def tasks(here: World) -> list[Task]:
    return list(here.sandbox.account.tasks.by_id.values())


def texts(here: World) -> list[str]:
    return sorted(note.params["text"] for note in notes(here))


def calls(here: World) -> list[str]:
    return [row.method for row in here.requests()]


async def test_D12_2_a_note_says_in_a_line_who_got_the_lead_and_why() -> None:
    async with world(1) as here:
        orders = Orders(here)
        orders.add("note", *here.lead_ids)
        async with orders.written(1) as (settled,):
            (note,) = notes(here)

        assert (note.entity_id, note.note_type) == (here.lead_ids[0], "extended_service_message")
        assert note.params == {
            "service": "Fairlead",
            "text": "Ann Lee got this lead by the rule new: they were owed the most."
            f" [fl:{here.lead_ids[0]}.1/1]",
        }
        assert (settled.how, settled.entity_id) == ("answered", note.id)


async def test_D12_2_a_note_names_the_rule_as_people_do_and_by_its_id_if_it_has_no_name() -> None:
    async with world(2) as here:
        orders, (named, unnamed) = Orders(here), here.lead_ids
        orders.add("note", named, rule="vip")
        orders.add("note", unnamed, rule="gone")
        async with orders.written(2):
            pass
        told = {note.entity_id: note.params["text"] for note in notes(here)}

    assert "by the rule VIP clients: " in told[named]
    assert "by the rule gone: " in told[unnamed]


async def test_D12_2_a_task_is_its_managers_with_the_deadline_of_the_order() -> None:
    async with world(2) as here:
        orders, (own, ours) = Orders(here), here.lead_ids
        orders.add("task", own, wording="Ask for the size")
        orders.add("task", ours, manager=BOB)
        async with orders.written(2):
            found = {task.entity_id: task for task in tasks(here)}

        assert found[own].text == f"Ask for the size [fl:{own}.1/1]"
        assert found[ours].text == f"Contact this lead. [fl:{ours}.1/1]"
        assert [found[each].responsible_user_id for each in (own, ours)] == [ANN, BOB]
        assert {task.complete_till for task in found.values()} == {int(DUE.timestamp())}


async def test_D12_2_many_are_written_in_bulk() -> None:
    async with world(120) as here:
        orders = Orders(here)
        orders.add("note", *here.lead_ids)
        orders.add("task", *here.lead_ids)
        async with orders.written(240) as settled:
            pass

        assert {each.how for each in settled} == {"answered"}
        assert (len(notes(here)), len(tasks(here))) == (120, 120)
        assert calls(here) == ["POST"] * 6


@pytest.mark.parametrize("kind", ["note", "task"])
async def test_F50_a_cut_answer_is_looked_for_before_it_is_written_again(kind: NoticeKind) -> None:
    async with world(2) as here:
        here.sandbox.knobs.turn({"cut_next": 1})
        orders = Orders(here)
        orders.add(kind, *here.lead_ids)
        async with orders.written(2) as settled:
            pass

        assert {each.how for each in settled} == {"read"}
        assert len(notes(here)) + len(tasks(here)) == 2
        assert calls(here) == ["POST", "GET"]
        held = {note.id for note in notes(here)} | {task.id for task in tasks(here)}
        assert {each.entity_id for each in settled} == held


@pytest.mark.parametrize("kind", ["note", "task"])
async def test_F8_killed_between_the_write_and_its_confirmation_it_is_written_once(
    kind: NoticeKind,
) -> None:
    armed = {
        PROFILE_VARIABLE: TEST_PROFILE,
        POINTS_VARIABLE: f"{AFTER}@1=raise:OSError",
    }
    async with world(3) as here:
        orders = Orders(here)
        orders.add(kind, *here.lead_ids)
        arm(armed)
        (connection,) = here.connections.all()
        with pytest.raises(OSError, match="armed"):
            await new_writer(here).write(connection, orders.rows)
        assert orders.ended() == {}
        # The process that comes after it has begun later than the orders.
        orders.rows = [replace(row, asked_at=utc_now()) for row in orders.rows]
        async with orders.written(3) as settled:
            pass

        assert {each.how for each in settled} == {"read"}
        assert len(notes(here)) + len(tasks(here)) == 3


async def test_F14_after_a_lease_changed_hands_what_the_other_wrote_is_looked_for() -> None:
    async with world(1) as here:
        orders, (own,) = Orders(here), here.connections.all()
        orders.add("note", *here.lead_ids, age_s=1.0)
        other, ours = new_writer(here), new_writer(here)
        ours._began_at = other._began_at = utc_now() - timedelta(minutes=5)  # both are there
        await other.write(_leased(own, 1), orders.rows)
        here.books.messages.clear()  # it died before its answer was durable
        await ours.write(_leased(own, 2), orders.rows)

        assert [each.how for each in orders.ended().values()] == ["read"]
        assert len(notes(here)) == 1


async def test_D12_2_nothing_is_looked_for_by_whoever_has_been_alone_since_the_order() -> None:
    async with world(2) as here:
        orders, (own,) = Orders(here), here.connections.all()
        writer = new_writer(here)
        await writer.write(_leased(own, 1), [])
        orders.add("note", *here.lead_ids, age_s=0.0)
        await writer.write(_leased(own, 1), orders.rows)

        assert calls(here) == ["POST"]


async def test_D12_2_each_decision_about_a_lead_is_told_for_itself() -> None:
    async with world(1) as here:
        orders = Orders(here)
        orders.add("note", *here.lead_ids)
        orders.add("note", *here.lead_ids, attempt=2, manager=BOB)
        orders.rows = [replace(row, asked_at=utc_now()) for row in orders.rows]
        async with orders.written(2):
            pass
        later = Orders(here, rows=orders.rows)
        here.books.messages.clear()
        async with later.written(2) as settled:
            pass

        assert {each.how for each in settled} == {"read"}
        assert len(notes(here)) == 2


async def test_F79_an_old_note_of_a_restored_past_is_not_taken_for_this_one() -> None:
    async with world(1) as here:
        orders = Orders(here)
        orders.add("note", *here.lead_ids)
        async with orders.written(1):
            pass
        account = here.sandbox.account
        (note,) = notes(here)
        account.notes.by_id[note.id] = replace(note, created_at=note.created_at - 7_200)
        here.books.messages.clear()
        orders.rows = [replace(row, asked_at=utc_now()) for row in orders.rows]
        async with orders.written(1) as (settled,):
            pass

        assert settled.how == "answered"
        assert len(notes(here)) == 2


async def test_F52_what_kommo_refuses_does_not_keep_the_others() -> None:
    async with world(6) as here:
        orders = Orders(here)
        gone, *leads = here.lead_ids
        here.sandbox.crm.delete([gone], PERSON)
        orders.add("task", gone, *leads[:3])
        orders.add("task", *leads[3:], manager=999)
        async with orders.written(6) as settled:
            pass

        how = {each.order_id: each.how for each in settled}
        assert how[f"{gone}.1/1"] == "gone"
        assert [how[f"{each}.1/1"] for each in leads] == ["answered"] * 3 + ["refused"] * 2
        words = {each.detail for each in settled if each.how == "refused"}
        assert words == {"The value you selected is not a valid choice."}


async def test_D12_2_a_list_of_other_leads_proves_nothing() -> None:
    """Kommo ignores filters that it does not know."""
    stranger = {"id": 5, "entity_id": 8, "created_at": 1_900_000_000, "params": {"text": "Hello"}}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"_embedded": {"notes": [stranger]}})

    async with mocked(answer) as client:
        with pytest.raises(MalformedAnswer, match="not asked for"):
            await find_notes(client, [7], since=DUE, priority=Priority.LINKED)
        assert await find_notes(client, [8], since=DUE, priority=Priority.LINKED) == {}


def _leased(connection: Connection, epoch: int) -> Connection:
    return replace(connection, lease=Lease(partition=0, epoch=epoch))


async def _ended(here: World, *, of: int = 1) -> tuple[Orders, list[Task]]:
    """Bob has a task of each lead; the leads go on to Ann, who is to have one as well."""
    orders = Orders(here)
    orders.add("task", *here.lead_ids, manager=BOB)
    async with orders.written(of):
        made = tasks(here)
    orders.add("task_end", *here.lead_ids, attempt=2)
    orders.add("task", *here.lead_ids, attempt=2)
    return orders, made


async def test_D12_2_whoever_gets_the_lead_next_has_the_only_open_task_of_it() -> None:
    async with world(1) as here:
        orders, (first,) = await _ended(here)
        async with orders.written(3):
            done, following = tasks(here)

        lead = here.lead_ids[0]
        assert (done.id, done.is_completed, done.responsible_user_id) == (first.id, True, BOB)
        assert done.result == f"The lead went to Ann Lee. [fl:{lead}.1/2]"
        assert (following.is_completed, following.responsible_user_id) == (False, ANN)
        ended = orders.ended()[f"{lead}.1/2", "task_end"]
        assert (ended.how, ended.entity_id) == ("answered", first.id)
        assert calls(here)[-2:] == ["GET", "PATCH"]


async def test_D12_2_a_task_that_a_person_has_completed_or_changed_stays_as_it_is() -> None:
    async with world(3) as here:
        orders, (done, moved, given) = await _ended(here, of=3)
        desk, person = here.sandbox.crm.desk, Author("human", BOB)
        changes = ({"is_completed": True, "result": "Called"}, {"complete_till": 9_999_999_999})
        for task, change in zip((done, moved, given), (*changes, {"text": "Mine"}), strict=True):
            desk.change_tasks([CardPatch(task.id, change)], person)
        before = tasks(here)[:3]
        async with orders.written(9):
            after = tasks(here)

        assert after[:3] == before
        how = [orders.ended()[f"{each}.1/2", "task_end"].how for each in here.lead_ids]
        assert how == ["read", "task_changed", "read"]
        assert "PATCH" not in calls(here)


async def test_F8_killed_before_its_confirmation_a_task_is_completed_once() -> None:
    armed = {PROFILE_VARIABLE: TEST_PROFILE, POINTS_VARIABLE: f"{AFTER}@2=raise:OSError"}
    async with world(2) as here:
        orders, _ = await _ended(here, of=2)
        (connection,) = here.connections.all()
        rows = [row for row in orders.rows if row.order_id.endswith("/2")]
        arm(armed)
        with pytest.raises(OSError, match="armed"):
            await new_writer(here).write(connection, rows)
        async with orders.written(6):
            pass

        ends = [each for each in orders.ended().values() if each.kind == "task_end"]
        assert [each.how for each in ends] == ["read", "read"]
        assert [task.is_completed for task in tasks(here)] == [True, True, False, False]
        assert calls(here).count("PATCH") == 1


async def test_D12_2_an_order_that_is_late_does_not_complete_a_newer_task() -> None:
    async with world(1) as here:
        orders, _ = await _ended(here)
        orders.rows = [row for row in orders.rows if row.kind == "task"]
        async with orders.written(2):
            pass
        orders.add("task_end", *here.lead_ids, attempt=1)
        async with orders.written(3):
            pass

        assert [task.is_completed for task in tasks(here)] == [False, False]


async def test_F52_a_task_that_kommo_will_not_complete_does_not_keep_the_others() -> None:
    stubborn, complaint = 902, {"code": "NotSupportedChoice", "path": "id", "detail": "No."}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            made = {"created_at": 9, "updated_at": 9, "created_by": BOB, "updated_by": BOB}
            listed = [
                {"id": 900 + lead, "entity_id": lead, "text": f"[fl:{lead}.1/1]", **made}
                for lead in (1, 2, 3)
            ]
            return httpx.Response(200, json={"_embedded": {"tasks": listed}})
        ids = [each["id"] for each in json.loads(request.content)]
        if stubborn in ids:
            errors = [{"request_id": str(ids.index(stubborn)), "errors": [complaint]}]
            return httpx.Response(400, json={"status": 400, "validation-errors": errors})
        done = [{"id": each, "updated_at": 10} for each in ids]
        return httpx.Response(200, json={"_embedded": {"tasks": done}})

    async with world(0) as here, mocked(answer) as client:
        orders = Orders(here)
        orders.add("task_end", 1, 2, 3, attempt=2)
        ends = TaskEnds(client, lambda row: row.order_id)
        await ends.end(orders.rows)

    how = {each.order_id: (each.how, each.detail) for each in ends.results}
    assert how == {
        "1.1/2": ("answered", ""),
        "2.1/2": ("refused", "No."),
        "3.1/2": ("answered", ""),
    }
