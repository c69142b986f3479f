"""What belongs to leads, read and handed over in bulk on a real HTTP server (D6.4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, get_args

import orjson
import pytest

from contracts.events import LinkedKind, LinkedObject
from contracts.inbound import Linked, LinkedFound, LinkedSettled
from contracts.kommo.marks import marked
from contracts.stage import WON
from projections.linked import PendingTransfer, Search
from services.gateway.linked import find_linked
from services.gateway.rounds import Rounds
from services.gateway.transfers import TransferWriter
from services.sandbox.cards import Card, Task
from services.sandbox.sample import ACCOUNT_ID
from tests.services.gateway.world import World, running, utc_now, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANN, BOB, CEM, DAN = 501, 502, 503, 504
EVERYTHING: tuple[LinkedObject, ...] = get_args(LinkedObject)
BOXES: dict[LinkedKind, Any] = {"contact": "contacts", "company": "companies", "task": "tasks"}


@dataclass
class Lists:
    """Both work lists in memory; an answer settles its rows."""

    here: World
    searches: list[Search] = field(default_factory=list)
    handovers: list[PendingTransfer] = field(default_factory=list)

    def search(self, *lead_ids: int, objects: tuple[LinkedObject, ...] = EVERYTHING) -> None:
        self.searches += [
            Search(
                account_id=ACCOUNT_ID,
                order_id=f"{lead_id}.1/1",
                lead_id=lead_id,
                objects=objects,
                asked_version=number,
                asked_at=utc_now() + timedelta(microseconds=number),
            )
            for number, lead_id in enumerate(lead_ids, 1)
        ]

    def hand_over(
        self,
        kind: LinkedKind,
        *ids: int,
        before: int,
        to: int,
        age_s: float = -1.0,
        is_undo: bool = False,
    ) -> None:
        """Newer than the worker, so that it knows that nothing was sent; or older."""
        self.handovers += [
            PendingTransfer(
                account_id=ACCOUNT_ID,
                kind=kind,
                entity_id=entity_id,
                order_id=f"{entity_id}.1/1",
                responsible_before=before,
                manager_id=to,
                is_undo=is_undo,
                asked_version=number,
                asked_at=utc_now() - timedelta(seconds=age_s) + timedelta(microseconds=number),
            )
            for number, entity_id in enumerate(ids, 1)
        ]

    async def to_find(
        self, limit: int, after: Search | None, but_for: Sequence[int]
    ) -> list[Search]:
        if ACCOUNT_ID in but_for:
            return []
        found = {body.order_id for body in self.here.books.bodies(LinkedFound)}
        rows = [row for row in self.searches if row.order_id not in found]
        return [row for row in rows if after is None or row.asked_at > after.asked_at][:limit]

    async def to_set(
        self, limit: int, after: PendingTransfer | None, but_for: Sequence[int]
    ) -> list[PendingTransfer]:
        if ACCOUNT_ID in but_for:
            return []
        ended = {
            (result.kind, result.entity_id)
            for body in self.here.books.bodies(LinkedSettled)
            for result in body.results
        }
        rows = [row for row in self.handovers if (row.kind, row.entity_id) not in ended]
        return [row for row in rows if after is None or row.asked_at > after.asked_at][:limit]


def finding(here: World, lists: Lists) -> Rounds[Search]:
    work = partial(find_linked, publisher=here.books, now=utc_now)
    return here.rounds(lists.to_find, work)


def setting(here: World, lists: Lists) -> Rounds[PendingTransfer]:
    transfers = TransferWriter(publisher=here.books, now=utc_now)
    return here.rounds(lists.to_set, transfers.hand_over)


def card(here: World, kind: LinkedKind, user_id: int, **fields: Any) -> int:
    shape = Task if kind == "task" else Card
    box = here.sandbox.account.box(BOXES[kind])
    return box.add(shape, {"responsible_user_id": user_id, **fields}, by=0, now=1)


def link(here: World, lead_id: int, **fields: Any) -> None:
    leads = here.sandbox.account.leads
    leads[lead_id] = replace(leads[lead_id], **fields)


def owner(here: World, kind: LinkedKind, entity_id: int) -> int:
    if kind == "lead":
        return here.owner(entity_id)
    found: int = here.sandbox.account.box(BOXES[kind]).by_id[entity_id].responsible_user_id
    return found


async def find(here: World, lists: Lists, count: int) -> list[LinkedFound]:
    async with running(finding(here, lists).run()):
        await until(lambda: len(here.books.bodies(LinkedFound)) == count)
    return here.books.bodies(LinkedFound)


async def hand_over(here: World, lists: Lists, count: int) -> dict[int, str]:
    def ended() -> dict[int, str]:
        bodies = here.books.bodies(LinkedSettled)
        return {result.entity_id: result.how for body in bodies for result in body.results}

    async with running(setting(here, lists).run()):
        await until(lambda: len(ended()) == count)
    return ended()


async def test_D6_4_everything_that_belongs_to_a_lead_is_found() -> None:
    async with world(4) as here:
        lead, of_contact, of_company, closed = here.lead_ids
        main, other = card(here, "contact", BOB), card(here, "contact", 0)
        company = card(here, "company", CEM)
        link(here, lead, contact_ids=(main, other), company_id=company)
        link(here, of_contact, contact_ids=(main,), responsible_user_id=BOB)
        link(here, of_company, company_id=company, responsible_user_id=CEM)
        link(here, closed, contact_ids=(main,), company_id=company, status_id=WON)
        task = card(here, "task", DAN, entity_id=lead, complete_till=9)
        card(here, "task", DAN, entity_id=lead, complete_till=9, is_completed=True)
        ours = marked("Contact this lead.", f"{lead}.1/1")  # ends with its decision (D12.2)
        card(here, "task", DAN, entity_id=lead, complete_till=9, text=ours)
        lists = Lists(here)
        lists.search(lead)
        (found,) = await find(here, lists, 1)

        assert set(found.things) == {
            Linked("contact", main, BOB),
            Linked("contact", other, 0),
            Linked("company", company, CEM),
            Linked("task", task, DAN),
            Linked("lead", of_contact, BOB),
            Linked("lead", of_company, CEM),
        }
        assert len(here.requests()) == 5


async def test_D6_4_only_what_is_switched_on_is_read() -> None:
    async with world(1) as here:
        contact = card(here, "contact", BOB)
        link(here, here.lead_ids[0], contact_ids=(contact,), company_id=card(here, "company", CEM))
        lists = Lists(here)
        lists.search(here.lead_ids[0], objects=("contacts",))

        assert (await find(here, lists, 1))[0].things == (Linked("contact", contact, BOB),)
        assert len(here.requests()) == 2


async def test_D6_4_things_are_handed_over_in_bulk_kind_by_kind() -> None:
    async with world(3) as here:
        things: dict[LinkedKind, list[int]] = {
            "contact": [card(here, "contact", BOB) for _ in range(120)],
            "company": [card(here, "company", BOB) for _ in range(5)],
            "task": [card(here, "task", BOB, entity_id=1, complete_till=9) for _ in range(5)],
            "lead": here.lead_ids,
        }
        lists = Lists(here)
        for kind, ids in things.items():
            lists.hand_over(kind, *ids, before=500 if kind == "lead" else BOB, to=ANN)
        ended = await hand_over(here, lists, 133)

        assert set(ended.values()) == {"answered"}
        assert {owner(here, kind, i) for kind, ids in things.items() for i in ids} == {ANN}
        # Fifty in a call, and nothing but the responsible.
        assert (len(here.requests("PATCH")), here.requests("GET")) == (6, [])
        for row in here.requests("PATCH"):
            assert {frozenset(each) for each in orjson.loads(row.body)} == {
                frozenset({"id", "responsible_user_id"})
            }


async def test_F8_what_may_have_been_sent_is_read_first_and_a_person_wins() -> None:
    async with world() as here:
        ours, still, persons = (
            card(here, "contact", ANN),
            card(here, "contact", BOB),
            card(here, "contact", DAN),
        )
        lists = Lists(here)
        lists.hand_over("contact", ours, still, persons, 42, before=BOB, to=ANN, age_s=300)
        ended = await hand_over(here, lists, 4)

        assert ended == {ours: "read", still: "answered", persons: "changed_since", 42: "gone"}
        assert [owner(here, "contact", each) for each in (ours, still, persons)] == [ANN, ANN, DAN]


async def test_F60_what_is_put_back_is_read_first_however_fresh_the_order() -> None:
    async with world() as here:
        ours, persons = card(here, "contact", ANN), card(here, "contact", DAN)
        lists = Lists(here)
        lists.hand_over("contact", ours, persons, before=ANN, to=BOB, is_undo=True)
        ended = await hand_over(here, lists, 2)

        assert ended == {ours: "answered", persons: "changed_since"}
        assert [owner(here, "contact", each) for each in (ours, persons)] == [BOB, DAN]


async def test_F50_a_cut_answer_is_read_before_it_is_sent_again() -> None:
    async with world() as here:
        contact = card(here, "contact", BOB)
        here.sandbox.knobs.turn({"cut_next": 1})
        lists = Lists(here)
        lists.hand_over("contact", contact, before=BOB, to=ANN)

        assert await hand_over(here, lists, 1) == {contact: "read"}
        assert [row.method for row in here.requests()] == ["PATCH", "GET"]


async def test_F52_one_bad_thing_does_not_keep_the_others() -> None:
    async with world() as here:
        contacts = [card(here, "contact", BOB) for _ in range(8)]
        lists = Lists(here)
        lists.hand_over("contact", *contacts, 42, before=BOB, to=ANN)
        lists.hand_over("company", card(here, "company", BOB), before=BOB, to=999)
        ended = await hand_over(here, lists, 10)

        assert ended[42] == "gone"
        assert [ended[each] for each in contacts] == ["answered"] * 8
        assert list(ended.values()).count("refused") == 1


@pytest.mark.parametrize("refusals", ["by_index", "by_id"])
async def test_F59_a_contact_that_may_not_have_a_manager_says_nothing_of_the_others(
    refusals: str,
) -> None:
    async with world(1) as here:
        contacts = [card(here, "contact", ANN) for _ in range(8)]
        bad = contacts[3]
        here.sandbox.knobs.turn({"refuse_pairs": ((bad, BOB),), "refusals": refusals})
        lists = Lists(here)
        lists.hand_over("contact", *contacts, before=ANN, to=BOB)
        async with running(setting(here, lists).run()):
            await until(lambda: len(here.books.bodies(LinkedSettled)) == 8)

        results = [each for body in here.books.bodies(LinkedSettled) for each in body.results]
        refused = [each for each in results if each.how == "refused"]
        assert [each.entity_id for each in refused] == [bad]
        assert refused[0].detail == "The value you selected is not a valid choice."
        assert {owner(here, "contact", each) for each in contacts if each != bad} == {BOB}
