"""What Kommo refuses, in every way in which it says so (F52, F59)."""

from collections.abc import Callable

import pytest

from contracts.inbound import ResponsibleRefused
from services.sandbox.sample import ADMIN_ID
from tests.services.gateway.test_pusher import settle_fresh
from tests.services.gateway.world import PERSON, World, running, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANA, BRUNO, CARLA = 501, 502, 503
WORDS = "The value you selected is not a valid choice."


def decided(here: World, manager_id: int = ANA) -> Callable[[], None]:
    return lambda: here.books.decide(here.lead_ids, manager_id)


def refused(here: World) -> list[ResponsibleRefused]:
    found: list[ResponsibleRefused] = here.books.bodies(ResponsibleRefused)
    return found


def calls(here: World) -> list[str]:
    paths = [(row.method, row.path.partition("?")[0]) for row in here.requests()]
    return [f"{method} {path.rpartition('/')[2]}" for method, path in paths]


async def test_F59_a_lead_that_may_not_have_an_active_manager_says_nothing_of_the_manager() -> None:
    async with world(30) as here:
        bad = here.lead_ids[7]
        here.sandbox.knobs.turn({"refuse_any_user_lead_ids": (bad,)})
        await settle_fresh(here, decided(here))

        (told,) = refused(here)
        assert (told.lead_id, told.reason, told.is_active) == (bad, "manager_refused", True)
        assert told.detail == WORDS
        assert {here.owner(each) for each in here.lead_ids if each != bad} == {ANA}


async def test_F59_each_lead_of_an_active_manager_is_proven_for_itself() -> None:
    async with world(10) as here:
        bad = here.lead_ids[2:5]
        here.sandbox.knobs.turn({"refuse_pairs": tuple((each, ANA) for each in bad)})
        await settle_fresh(here, decided(here))

        assert [(each.lead_id, each.is_active) for each in refused(here)] == [
            (each, True) for each in bad
        ]
        # All, the good ones, a reading of the bad, each alone, and once who is active.
        assert sorted(calls(here)) == ["GET leads", "GET users", *["PATCH leads"] * 5]


async def test_F59_while_the_users_cannot_be_read_nobody_is_called_inactive() -> None:
    async with world(5) as here:
        here.sandbox.account.users[ADMIN_ID].is_admin = False
        here.sandbox.account.users[BRUNO].is_active = False
        await settle_fresh(here, decided(here, BRUNO))

        assert {(each.reason, each.is_active) for each in refused(here)} == {
            ("manager_refused", None)
        }


@pytest.mark.parametrize("style", ["by_index", "first", "by_id", "unnamed"])
async def test_F59_a_manager_who_left_is_told_however_kommo_words_it(style: str) -> None:
    async with world(12) as here:
        here.sandbox.account.users[BRUNO].is_active = False
        here.sandbox.knobs.turn({"refusals": style})
        theirs = here.lead_ids[::3]

        def decide() -> None:
            here.books.decide([each for each in here.lead_ids if each not in theirs], ANA)
            here.books.decide(theirs, BRUNO)

        await settle_fresh(here, decide)

        told = {each.lead_id: (each.reason, each.is_active) for each in refused(here)}
        assert told == dict.fromkeys(theirs, ("manager_refused", False))
        assert {here.owner(each) for each in here.lead_ids if each not in theirs} == {ANA}


@pytest.mark.parametrize("style", ["by_index", "by_id"])
async def test_F52_a_reason_by_lead_id_is_told_with_its_lead(style: str) -> None:
    async with world(20) as here:
        bad = tuple(here.lead_ids[5:7])
        here.sandbox.knobs.turn({"refuse_lead_ids": bad, "refusals": style})
        await settle_fresh(here, decided(here))

        assert [(each.lead_id, each.reason, each.detail) for each in refused(here)] == [
            (each, "rejected", WORDS) for each in bad
        ]


def bad_ones(here: World, *places: int) -> tuple[int, ...]:
    return tuple(here.lead_ids[place] for place in places)


@pytest.mark.parametrize(("places", "patches_max"), [((6,), 7), ((0,), 3), ((0, 6), 10)])
async def test_F52_a_complaint_that_always_names_the_first_costs_little(
    places: tuple[int, ...], patches_max: int
) -> None:
    async with world(10) as here:
        bad = bad_ones(here, *places)
        here.sandbox.knobs.turn({"refuse_lead_ids": bad, "refusals": "first"})
        await settle_fresh(here, decided(here))

        assert sorted(each.lead_id for each in refused(here)) == list(bad)
        assert {here.owner(each) for each in here.lead_ids if each not in bad} == {ANA}
        assert len(here.requests("PATCH")) <= patches_max


async def test_F52_deleted_leads_are_found_by_one_reading_whatever_kommo_says() -> None:
    async with world(50) as here:
        gone = here.lead_ids[20:23]
        here.sandbox.crm.delete(gone, PERSON)
        here.sandbox.knobs.turn({"refusals": "unnamed"})
        await settle_fresh(here, decided(here))

        assert [(each.lead_id, each.reason) for each in refused(here)] == [
            (each, "lead_gone") for each in gone
        ]
        assert calls(here) == ["PATCH leads", "GET leads", "PATCH leads"]


async def test_F33_one_lead_that_nobody_may_have_never_parks_the_account() -> None:
    async with world(2) as here:
        bad, good = here.lead_ids
        here.sandbox.knobs.turn({"refuse_any_user_lead_ids": (bad,)})
        async with running(here.pusher(rejected_max=3).run()):
            await until(lambda: here.books.readings > 1)
            for attempt in range(1, 9):  # one manager after another
                here.books.decide([bad], ANA, attempt=attempt)
                await until(lambda attempt=attempt: len(refused(here)) == attempt)  # type: ignore[misc]
            here.books.decide([good], CARLA)
            await until(here.books.is_settled)

        assert here.owner(good) == CARLA
