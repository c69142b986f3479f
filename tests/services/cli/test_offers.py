"""`fairlead take` and `fairlead pass-on`: a lead that was offered to a manager (D7.6)."""

import asyncio

from services.demo.sample import NEW_REQUEST, SALES
from tests.services.cli.conftest import Here, Said
from tests.support.running import ADMIN_ID
from tests.support.waiting import until

LINES = (
    "version: 1",
    "rules:",
    "  - id: only",
    f"    stages: [{{pipeline: {SALES}, stage: {NEW_REQUEST}}}]",
    "    participants: [{manager: 501}, {manager: 502}]",
)
PASSED_ON = "    redistribution: {after_minutes: 30, accept: required}"


def under(here: Here, *lines: str) -> int:
    """A lead of these rules whose manager Kommo shows, and whose clock runs if any does."""
    applied = here.say("rules", "apply", here.file("only.yaml", "\n".join((*LINES, *lines))))
    assert applied.status == 0, applied
    (lead_id,) = here.do(here.system.new_leads(1))

    async def is_set() -> bool:
        return (await here.system.owners())[lead_id] != ADMIN_ID

    here.do(here.system.move([lead_id]))
    here.do(until(is_set))
    return lead_id


def owner(here: Here, lead_id: int) -> int:
    found: dict[int, int] = here.do(here.system.owners())
    return found[lead_id]


def test_D7_6_a_lead_is_passed_on_then_taken(here: Here) -> None:
    lead_id = under(here, PASSED_ON)
    first = owner(here, lead_id)

    async def is_passed_on() -> bool:
        said = await _said(here, "pass-on", lead_id, "--reason", "speaks Thai")
        return said.status == 0 and "speaks Thai" in said.out

    async def is_the_others() -> bool:
        return (await here.system.owners())[lead_id] not in (first, ADMIN_ID)

    # Until Kommo's answer has come, the lead is still on its way.
    here.do(until(is_passed_on))
    here.do(until(is_the_others))
    taken = here.say("take", lead_id)

    assert (taken.status, taken.out) == (
        0,
        f"Lead {lead_id} stays with its manager; it is no longer passed on.\n",
    )
    assert here.say("take", lead_id).error.startswith(f"Lead {lead_id} is not being passed on: ")
    assert "speaks Thai" in here.say("explain", lead_id).out


def test_D7_6_what_may_not_be_is_refused_with_its_reason(here: Here) -> None:
    lead_id = under(here, PASSED_ON)
    other = 501 + 502 - owner(here, lead_id)

    assert here.say("take", lead_id, "--manager", other).error.startswith(f"Lead {lead_id} is ")
    assert here.say("pass-on", lead_id).error.startswith("--reason: A reason is needed")
    assert here.say("pass-on", lead_id, "--reason", "x" * 501).status == 1
    assert here.say("take", 0).status == 2
    assert here.say("take", lead_id, "--manager", "Ana").status == 2


def test_D7_6_under_a_rule_that_passes_nothing_on_there_is_nothing_to_take(here: Here) -> None:
    lead_id = under(here)

    assert here.say("take", lead_id).error.startswith(f"Lead {lead_id} is not being passed on: ")


async def _said(here: Here, *words: object) -> Said:
    return await asyncio.to_thread(here.say, *words)
