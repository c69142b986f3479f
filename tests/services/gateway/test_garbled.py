"""One thing that makes no sense never stops the others, in any bulk reading (F63)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.inbound import (
    DescribeAccount,
    LeadMissing,
    LeadObserved,
    LeadsListed,
    LinkedFound,
    LinkedSettled,
    ResponsibleSet,
)
from services.gateway.taken import taken_since
from services.sandbox.sample import ACCOUNT_ID, ADMIN_ID, MANAGER_IDS
from tests.services.gateway.test_linked import Lists, card, finding, link, setting
from tests.services.gateway.test_readers import Asked, Memory, directory_of, reader, sweeper
from tests.services.gateway.world import World, running, utc_now, world
from tests.support.waiting import more, until

pytestmark = pytest.mark.server

ANA, BRUNO = 501, 502


@contextmanager
def named(*ids: int) -> Iterator[None]:
    """What makes no sense is named in the log."""
    with capture_logs() as lines:
        yield
    told = [line for line in lines if line["event"] == "element_unreadable"]
    assert {(line["account_id"], line["id"]) for line in told} == {(ACCOUNT_ID, i) for i in ids}


@pytest.mark.parametrize("knob", ["garbled_ids", "blank_ids"])
async def test_F63_one_garbled_lead_of_thirty_does_not_keep_the_others(knob: str) -> None:
    async with world(30) as here:
        odd, *others = here.lead_ids
        here.sandbox.knobs.turn({knob: (odd,)})
        here.books.decide(here.lead_ids, ANA)  # older than the process: read before it is sent
        async with running(here.pusher(poll_ms=500).run()):
            await until(lambda: len(here.books.bodies(ResponsibleSet)) == 29)
            await more(lambda: here.books.readings)

        assert here.patched_ids() == others
        assert here.books.rows[odd].state == "pending"
        # All together, the odd one alone, the others set; and the odd one a while later.
        assert [row.method for row in here.requests()][:3] == ["GET", "GET", "PATCH"]


async def test_F63_a_lead_that_makes_sense_alone_is_settled_with_the_others() -> None:
    async with world(30) as here:
        here.sandbox.knobs.turn({"garbled_ids": tuple(here.lead_ids[:2]), "alone_is_whole": True})
        here.books.decide(here.lead_ids, ANA)
        with named(*here.lead_ids[:2]):
            async with running(here.pusher().run()):
                await until(here.books.is_settled)

        assert {here.owner(each) for each in here.lead_ids} == {ANA}
        # All together, the two alone, all set.
        methods = [row.method for row in here.requests()]
        assert methods[:4] == ["GET", "GET", "GET", "PATCH"]
        assert methods.count("PATCH") == 1


async def test_F63_an_answer_to_a_patch_that_is_garbled_is_read_for_that_lead_alone() -> None:
    async with world(3) as here:
        odd = here.lead_ids[1]
        async with running(here.pusher(retry_first_s=1.0).run()):
            await until(lambda: here.books.readings > 1)
            here.sandbox.knobs.turn({"garbled_ids": (odd,)})
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: len(here.books.bodies(ResponsibleSet)) == 2)
            here.sandbox.knobs.turn({"garbled_ids": ()})
            await until(here.books.is_settled)

        how = {each.lead_id: each.how for each in here.books.bodies(ResponsibleSet)}
        assert how == {**dict.fromkeys(here.lead_ids, "answered"), odd: "read"}
        assert here.patched_ids() == here.lead_ids


async def test_F63_lookups_of_the_others_are_answered() -> None:
    async with world(5) as here:
        odd, *others = here.lead_ids
        here.sandbox.knobs.turn({"blank_ids": (odd,)})
        asked = Asked(here)
        asked.ask(here.lead_ids, at=utc_now())
        async with running(reader(here, asked).run()):
            await until(lambda: len(here.books.messages) == 4)

        assert [each.lead_id for each in here.books.bodies(LeadObserved)] == others
        assert here.books.bodies(LeadMissing) == []


async def test_F63_a_sweep_reads_the_garbled_lead_alone_and_lists_it_either_way() -> None:
    async with world(5) as here:
        odd = here.lead_ids[2]
        for knobs in ({"garbled_ids": (odd,)}, {"alone_is_whole": True}):
            here.sandbox.knobs.turn(knobs)
            here.books.messages.clear()
            store = Memory()
            with named(odd):
                async with running(sweeper(here, store).run()):
                    await until(lambda store=store: store.progress.watermark is not None)  # type: ignore[misc]

            (listed,) = here.books.bodies(LeadsListed)
            assert listed.lead_ids == tuple(here.lead_ids)
            is_whole = here.sandbox.knobs.alone_is_whole
            seen = [each.lead_id for each in here.books.bodies(LeadObserved)]
            assert (odd in seen, len(seen)) == (is_whole, 5 if is_whole else 4)


def active(here: World) -> list[int]:
    return list(here.books.bodies(DescribeAccount)[-1].active_user_ids)


@pytest.mark.parametrize("knob", ["garbled_ids", "blank_ids"])
async def test_F63_a_user_who_makes_no_sense_stays_as_they_were_known(knob: str) -> None:
    async with world(rate_per_s=600.0) as here:
        directory = directory_of(here)
        async with running(directory.run()):
            await until(lambda: bool(here.books.messages))
        here.sandbox.knobs.turn({knob: (ANA,)})
        here.sandbox.account.users[BRUNO].is_active = False
        async with running(directory_of(here).run()):
            await until(lambda: len(here.books.messages) == 2)

        assert active(here) == sorted({ADMIN_ID, *MANAGER_IDS} - {BRUNO})
        assert {user["id"] for user in here.accounts.directory["users"]} == {ADMIN_ID, *MANAGER_IDS}


async def test_F63_a_user_who_makes_sense_alone_is_known_by_that() -> None:
    async with world(rate_per_s=600.0) as here:
        here.sandbox.knobs.turn({"garbled_ids": (ANA,), "alone_is_whole": True})
        async with running(directory_of(here).run()):
            await until(lambda: bool(here.books.messages))

        assert active(here) == sorted({ADMIN_ID, *MANAGER_IDS})


async def test_F63_a_pipeline_that_makes_no_sense_keeps_its_names() -> None:
    async with world(rate_per_s=600.0) as here:
        async with running(directory_of(here).run()):
            await until(lambda: bool(here.books.messages))
        known = here.accounts.directory["pipelines"]
        here.sandbox.knobs.turn({"blank_ids": (known[0]["id"],)})
        async with running(directory_of(here).run()):
            await until(lambda: len(here.books.messages) == 2)

        now = here.accounts.directory["pipelines"]
        assert sorted(now, key=lambda each: each["id"]) == known


async def test_F63_contacts_companies_and_tasks_are_handed_over_beside_one_garbled() -> None:
    async with world(1) as here:
        lists = Lists(here)
        kept: dict[Any, list[int]] = {}
        odd: list[int] = []
        for kind in ("contact", "company", "task"):
            is_task = kind == "task"
            fields = {"entity_id": here.lead_ids[0], "complete_till": 9} if is_task else {}
            ids = [card(here, kind, ANA, **fields) for _ in range(3)]  # type: ignore[arg-type]
            odd.append(ids[0])
            kept[kind] = ids[1:]
            lists.hand_over(kind, *ids, before=ANA, to=BRUNO, age_s=3_600)  # type: ignore[arg-type]
        here.sandbox.knobs.turn({"garbled_ids": tuple(odd)})
        async with running(setting(here, lists).run()):
            await until(lambda: len(here.books.bodies(LinkedSettled)) == 6)

        ended = {
            (result.kind, result.entity_id)
            for body in here.books.bodies(LinkedSettled)
            for result in body.results
        }
        assert ended == {(kind, each) for kind, ids in kept.items() for each in ids}


async def test_F63_what_belongs_to_the_other_leads_is_found() -> None:
    async with world(3) as here:
        odd, *others = here.lead_ids
        for lead_id in here.lead_ids:
            link(here, lead_id, contact_ids=(card(here, "contact", ANA),))
        here.sandbox.knobs.turn({"garbled_ids": (odd,)})
        lists = Lists(here)
        lists.search(*here.lead_ids, objects=("contacts",))
        async with running(finding(here, lists).run()):
            await until(lambda: len(here.books.bodies(LinkedFound)) == 2)

        found = {body.order_id: len(body.things) for body in here.books.bodies(LinkedFound)}
        assert found == {f"{lead_id}.1/1": 1 for lead_id in others}


async def test_F79_a_lead_with_an_event_that_makes_no_sense_counts_as_taken() -> None:
    async with world(15, rate_per_s=600.0) as here:
        since = utc_now().replace(microsecond=0)
        odd, given, *_ = here.lead_ids
        here.person_takes([odd, given], ANA)
        here.sandbox.knobs.turn({"garbled_ids": (odd,)})
        (connection,) = here.connections.all()

        assert await taken_since(connection.client, here.lead_ids, since) == {odd, given}
        # Ten at once, the ten alone, and the other five.
        assert len(here.requests()) == 12
