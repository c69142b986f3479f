"""What was done to offered leads, read in bulk from a real HTTP server (D7.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.inbound import TouchesRead, TouchReported
from contracts.kommo.marks import marked
from projections.touches import Question
from services.gateway.rounds import Rounds
from services.gateway.touches import kind_of, newest, read_touches
from services.sandbox.cards import Card, CardPatch
from services.sandbox.model import Author, LeadPatch
from services.sandbox.sample import ACCOUNT_ID, SALES
from tests.services.gateway.world import World, running, utc_now, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANN, BOB = 501, 502
LATER_STAGE = 61_000_004


@dataclass
class Asked:
    """The work list of questions in memory; an answer settles its row."""

    here: World
    rows: list[Question] = field(default_factory=list)

    def ask(self, *lead_ids: int, **changes: Any) -> None:
        for lead_id in lead_ids:
            number = len(self.rows) + 1
            asked_at = utc_now() + timedelta(microseconds=number)
            row = Question(
                account_id=ACCOUNT_ID,
                lead_id=lead_id,
                request_id=f"{lead_id}.1",
                attempt=1,
                since=utc_now() - timedelta(minutes=30),
                asked_version=number,
                asked_at=asked_at,
                decide_at=asked_at + timedelta(minutes=10),
            )
            self.rows.append(replace(row, **changes))

    async def pending(
        self, limit: int, after: Question | None, but_for: Sequence[int]
    ) -> list[Question]:
        if ACCOUNT_ID in but_for:
            return []
        answered = {body.lead_id for body in self.here.books.bodies(TouchesRead)}
        rows = [row for row in self.rows if row.lead_id not in answered]
        start = 0 if after is None else rows.index(after) + 1 if after in rows else 0
        return rows[start : start + limit]

    def reader(self) -> Rounds[Question]:
        work = partial(read_touches, publisher=self.here.books, now=utc_now)
        return self.here.rounds(self.pending, work)

    async def answered(self) -> None:
        async with running(self.reader().run()):
            wanted = {row.lead_id for row in self.rows}
            await until(lambda: {b.lead_id for b in self.here.books.bodies(TouchesRead)} == wanted)


def told(here: World) -> set[tuple[int, str, int | None]]:
    return {(b.lead_id, b.kind, b.by) for b in here.books.bodies(TouchReported)}


async def test_D7_1_everything_that_may_be_a_touch_is_told_before_the_answer() -> None:
    async with world(6) as here:
        note, call, message, task, moved, quiet = here.lead_ids
        account, crm = here.sandbox.account, here.sandbox.crm
        contact = account.contacts.add(Card, {"responsible_user_id": ANN}, by=ANN, now=1)
        account.leads[message] = replace(account.leads[message], contact_ids=(contact,))
        for kind, lead_id in (("note", note), ("call", call), ("message", message)):
            crm.do(kind, [lead_id], user_id=ANN, silent=True)  # type: ignore[arg-type]
        crm.do("task", [task], user_id=BOB, silent=True)
        crm.do("task_completed", [task], user_id=ANN, silent=True)
        patch = LeadPatch(moved, {"pipeline_id": SALES, "status_id": LATER_STAGE, "price": 9})
        crm.change([patch], Author("human", BOB))
        crm.do("note", [quiet], user_id=0, silent=True)
        asked = Asked(here)
        asked.ask(*here.lead_ids)
        await asked.answered()

        assert told(here) == {
            (note, "note", ANN),
            (call, "call", ANN),
            (message, "message", ANN),
            (task, "task_added", BOB),
            (task, "task_completed", ANN),
            (moved, "stage_changed", BOB),
        }
        bodies = [message.body for message in here.books.messages]
        for lead_id in here.lead_ids:
            mine = [type(b) for b in bodies if getattr(b, "lead_id", None) == lead_id]
            assert mine[-1] is TouchesRead
            assert mine.count(TouchesRead) == 1


async def test_D7_1_notes_and_tasks_of_our_own_are_no_touches() -> None:
    """Whoever the token belongs to: here to the very manager who has the lead (D12.2)."""
    async with world(2) as here:
        ours, theirs = here.lead_ids
        desk, author = here.sandbox.crm.desk, Author("api", ANN)
        text = marked("Contact this lead.", f"{ours}.1/1")
        owner = {"responsible_user_id": ANN, "entity_type": "leads"}
        task = {**owner, "complete_till": 1_900_000_000}
        desk.add_tasks([{**task, "text": text, "entity_id": ours}], author)
        desk.add_tasks([{**task, "text": "Call", "entity_id": theirs}], author)
        note = {**owner, "note_type": "extended_service_message", "entity_id": ours}
        desk.add_notes([{**note, "params": {"service": "Fairlead", "text": text}}], author)
        asked = Asked(here)
        asked.ask(*here.lead_ids)
        await asked.answered()

        assert told(here) == {(theirs, "task_added", ANN)}


async def test_D12_2_doing_our_task_is_a_touch() -> None:
    async with world(1) as here:
        (lead,) = here.lead_ids
        crm, text = here.sandbox.crm, marked("Contact this lead.", f"{lead}.1/1")
        owner = {"responsible_user_id": ANN, "entity_type": "leads"}
        task = {**owner, "complete_till": 1_900_000_000}
        crm.desk.add_tasks([{**task, "text": text, "entity_id": lead}], Author("api", 0))
        crm.do("task_completed", [lead], user_id=ANN, silent=True)
        asked = Asked(here)
        asked.ask(lead)
        await asked.answered()

        assert told(here) == {(lead, "task_completed", ANN)}


async def test_D12_2_completing_a_task_for_the_next_decision_is_no_touch() -> None:
    """Whoever the token belongs to: here to the very manager who has the lead now."""
    async with world(1) as here:
        (lead,) = here.lead_ids
        desk, text = here.sandbox.crm.desk, marked("Contact this lead.", f"{lead}.1/1")
        owner = {"responsible_user_id": BOB, "entity_type": "leads", "entity_id": lead}
        task = {**owner, "complete_till": 1_900_000_000, "text": text}
        (made,) = desk.add_tasks([task], Author("api", ANN))
        done = {"is_completed": True, "result": marked("It went to Ann.", f"{lead}.1/2")}
        desk.change_tasks([CardPatch(made.id, done)], Author("api", ANN))
        asked = Asked(here)
        asked.ask(lead)
        await asked.answered()

        assert told(here) == set()


async def test_D7_1_a_call_to_the_contact_of_a_lead_is_work_on_the_lead() -> None:
    async with world(2) as here:
        account = here.sandbox.account
        contact = account.contacts.add(Card, {"responsible_user_id": ANN}, by=ANN, now=1)
        first, second = here.lead_ids
        account.leads[first] = replace(account.leads[first], contact_ids=(contact,))
        here.sandbox.crm.happenings.add(
            type="outgoing_call",
            entity_id=contact,
            entity_type="contact",
            created_by=ANN,
            created_at=int(utc_now().timestamp()),
        )
        asked = Asked(here)
        asked.ask(first, second)
        await asked.answered()

        assert told(here) == {(first, "call", ANN)}


async def test_D7_1_a_hundred_leads_cost_about_a_dozen_requests() -> None:
    async with world(100) as here:
        asked = Asked(here)
        asked.ask(*here.lead_ids)
        await asked.answered()

        paths = [urlsplit(row.path).path for row in here.requests("GET")]
        assert paths.count("/api/v4/events") == 10
        assert (paths.count("/api/v4/leads"), paths.count("/api/v4/tasks")) == (1, 1)
        assert len(paths) == 12


async def test_D7_1_only_what_happened_since_the_offer_is_asked_for() -> None:
    async with world(1) as here:
        asked = Asked(here)
        since = utc_now().replace(microsecond=0) - timedelta(minutes=7)
        asked.ask(*here.lead_ids, since=since)
        await asked.answered()

        queries = [
            parse_qs(urlsplit(row.path).query)
            for row in here.requests("GET")
            if "events" in row.path
        ]
        assert [query["filter[created_at][from]"] for query in queries] == [
            [str(int(since.timestamp()) - 1)]
        ]


async def test_D7_1_while_kommo_does_not_answer_nothing_is_told() -> None:
    async with world(1) as here:
        asked = Asked(here)
        asked.ask(*here.lead_ids)
        here.sandbox.knobs.turn({"error_next": 1_000})
        async with running(asked.reader().run()):
            await until(lambda: len(here.requests("GET")) >= 2)
            assert here.books.messages == []
            here.sandbox.knobs.turn({"error_next": 0})
            await until(lambda: len(here.books.bodies(TouchesRead)) == 1)


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("lead_status_changed", "stage_changed"),
        ("custom_field_184994_value_changed", "edited"),
        ("custom_field_value_changed", "edited"),
        ("outgoing_sms", "message"),
        ("incoming_call", None),
        ("incoming_chat_message", None),
        ("entity_responsible_changed", None),
        ("service_note_added", None),
        ("task_completed", None),
        ("something_new", None),
    ],
)
def test_D7_1_which_events_are_work_on_a_lead(event_type: str, expected: str | None) -> None:
    assert kind_of(event_type) == expected


def test_D7_1_of_many_touches_the_newest_of_each_kind_by_each_person_counts() -> None:
    noon = utc_now()
    touches: list[Any] = [
        (1, "note", ANN, noon),
        (1, "note", ANN, noon + timedelta(minutes=1)),
        (1, "note", BOB, noon),
        (2, "call", ANN, noon),
    ]

    assert newest(touches) == {1: [touches[2], touches[1]], 2: [touches[3]]}
