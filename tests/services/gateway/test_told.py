"""What only hooks tell is read in the turn in which it is written, or is not written (S2)."""

from datetime import timedelta

import pytest

from contracts.inbound import ResponsibleRefused, ResponsibleSet
from contracts.stage import Stage
from tests.services.gateway.world import World, running, utc_now, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANA = 501


def stage_of(here: World, lead_id: int) -> Stage:
    lead = here.sandbox.account.leads[lead_id]
    return Stage(lead.pipeline_id, lead.status_id)


def tell(here: World, lead_ids: list[int], stage: Stage | None = None, **rest: object) -> None:
    """Decide leads that hooks say are in a stage, by default where they are."""
    for lead_id in lead_ids:
        where = stage or stage_of(here, lead_id)
        here.books.decide([lead_id], ANA, stage=where, is_told=True, **rest)


async def settled(here: World, **settings: object) -> None:
    async with running(here.pusher(**settings).run()):
        await until(here.books.is_settled)


async def test_S2_leads_that_lie_where_hooks_say_take_one_reading_for_each_write() -> None:
    async with world(500) as here:
        tell(here, here.lead_ids)
        await settled(here, flights_max=1, batch_size=250)

        methods = [row.method for row in here.requests()]
        assert methods == ["GET", "PATCH"] * 2
        assert {here.owner(each) for each in here.lead_ids} == {ANA}
        assert len(here.books.bodies(ResponsibleSet)) == 500


async def test_S2_of_a_batch_only_what_hooks_alone_tell_is_read() -> None:
    async with world(40) as here:
        hearsay, sure = here.lead_ids[:3], here.lead_ids[3:]
        async with running(here.pusher().run()):
            await until(lambda: here.books.readings > 1)
            tell(here, hearsay)
            here.books.decide(sure, ANA)
            await until(here.books.is_settled)

        (reading,) = here.requests("GET")
        assert reading.path.count("filter[id]") == len(hearsay)
        assert sorted(here.patched_ids()) == here.lead_ids


async def test_S2_of_leads_that_lie_elsewhere_nothing_is_written() -> None:
    async with world(40) as here:
        forged, true = here.lead_ids[:4], here.lead_ids[4:]
        before = {each: here.owner(each) for each in forged}
        tell(here, forged, Stage(1, 2))
        tell(here, true)
        await settled(here)

        assert sorted(here.patched_ids()) == true
        assert {each: here.owner(each) for each in forged} == before
        refused = here.books.bodies(ResponsibleRefused)
        assert [(each.lead_id, each.reason) for each in refused] == [
            (lead_id, "not_there") for lead_id in forged
        ]


async def test_S2_a_lead_that_nobody_has_touched_did_not_come_when_a_hook_says() -> None:
    async with world(2) as here:
        (untouched, true) = here.lead_ids
        tell(here, [untouched], told_at=utc_now() + timedelta(seconds=5))
        tell(here, [true], told_at=utc_now() - timedelta(days=900))
        await settled(here)

        assert here.patched_ids() == [true]
        (refused,) = here.books.bodies(ResponsibleRefused)
        assert (refused.lead_id, refused.reason) == (untouched, "not_there")
