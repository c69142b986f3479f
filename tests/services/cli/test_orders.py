"""`fairlead distribute` and `fairlead handover`: shown first, asked, carried out (D1.1, D9.3)."""

import asyncio
import re

import pytest

from services.demo.sample import NEW_REQUEST, SALES
from tests.services.cli.conftest import Here
from tests.support.running import ADMIN_ID
from tests.support.waiting import until

CARLA = 503
BEYOND = 2**63


def owners(here: Here) -> dict[int, int]:
    found: dict[int, int] = here.do(here.system.owners())
    return found


def gets(text: str) -> dict[str, int]:
    """Manager to leads, as the preview has it."""
    lines = re.findall(r"^(.+) would get (\d+) leads?\.$", text, re.MULTILINE)
    return {name: int(leads) for name, leads in lines}


def given_to_carla(here: Here, leads: int) -> list[int]:
    """Leads that a person gave her after they were distributed, and our side knows it.

    The rules ask nothing of Kommo first, so that a preview tells who would get them.
    """
    rules_for(here)
    given: list[int] = here.do(_given_to_carla(here, leads))
    return given


async def _given_to_carla(here: Here, leads: int) -> list[int]:
    system = here.system
    lead_ids = await system.new_leads(leads)
    await system.move(lead_ids)

    async def are_set() -> bool:
        found = await system.owners()
        return all(found[lead_id] != ADMIN_ID for lead_id in lead_ids)

    async def are_hers() -> bool:
        hers = sum(1 for owner in (await system.owners()).values() if owner == CARLA)
        said = await asyncio.to_thread(here.say, "handover", CARLA, typed="n\n")
        return sum(gets(said.out).values()) == hers >= leads

    await until(are_set)
    order = {"lead_ids": lead_ids, "responsible_user_id": CARLA}
    await system.kommo.post("/leads/responsible", order)
    await until(are_hers)
    return lead_ids


def test_D1_1_leads_that_are_unknown_are_named(here: Here) -> None:
    said = here.say("distribute", 7, "--yes")

    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "Left alone, not known here as open leads: 7.",
        "Nothing to do.",
    ]


def test_D1_3_a_lead_that_is_decided_already_is_shown_and_not_decided_twice(here: Here) -> None:
    lead_id = here.assigned_lead()
    before = owners(here)
    said = here.say("distribute", lead_id, "--yes")

    assert "Left alone, already decided for their stage: " in said.out
    assert owners(here) == before


def test_D1_1_what_is_ordered_must_be_clear(here: Here) -> None:
    either = (
        "Name either leads, or a stage, or all that have no manager.\n"
        "See: fairlead distribute --help"
    )
    ids = (
        '--stage: Expected a pipeline and a stage by their ids, like 7000001/61000002, got "Inbox".'
    )

    assert here.say("distribute").error == either
    assert here.say("distribute", 1, "--stage", "1/2").error == either
    assert here.say("distribute", "--unassigned", "--stage", "1/2").error == either
    assert here.say("distribute", "--stage", "Inbox").error == ids
    assert (
        here.say("distribute", "--stage", "1/2").error
        == "--stage: No open lead is in stage 2 of pipeline 1."
    )
    assert here.say("distribute", BEYOND).status == 2
    assert here.say("distribute", "seven").status == 2


def test_D1_6_a_lead_whose_manager_a_person_chose_is_left_alone_with_that_reason(
    here: Here,
) -> None:
    (lead_id,) = given_to_carla(here, 1)

    said = here.say("distribute", lead_id, "--yes")

    assert said.out.startswith("Left alone, somebody chose their manager by hand: ")


def rules_for(here: Here, *conditions: str) -> None:
    """One rule for the sample's stage, for the first two managers, at all hours."""
    lines = [
        "version: 1",
        "rules:",
        "  - id: only",
        f"    stages: [{{pipeline: {SALES}, stage: {NEW_REQUEST}}}]",
        "    participants: [{manager: 501}, {manager: 502}]",
        *conditions,
    ]
    applied = here.say("rules", "apply", here.file("only.yaml", "\n".join(lines)))
    assert applied.status == 0, applied


def test_D1_6_leads_without_a_manager_are_listed_and_ordered_again_in_bulk(here: Here) -> None:
    assert here.say("distribute", "--unassigned").error == "No open lead is without a manager."
    rules_for(here, "    conditions: {tags: [nobody has it]}")
    lead_ids = here.do(here.system.new_leads(3))
    here.do(here.system.move(lead_ids))

    async def are_closed() -> bool:
        said = await asyncio.to_thread(here.say, "doctor")
        return "3 leads that no rule takes" in said.out

    here.do(until(are_closed))
    rules_for(here)
    said = here.say("distribute", "--unassigned", "--yes")

    assert (said.status, said.err) == (0, "")
    assert sum(gets(said.out).values()) == 3

    async def are_given() -> bool:
        found = await here.system.owners()
        return {found[lead_id] for lead_id in lead_ids} <= {501, 502}

    async def are_off_the_list() -> bool:
        said = await asyncio.to_thread(here.say, "distribute", "--unassigned")
        return said.status == 1 and said.error == "No open lead is without a manager."

    here.do(until(are_given))
    # Kommo may have them before the list does.
    here.do(until(are_off_the_list))


def test_D9_3_S32_a_handover_shows_asks_and_gives_all_leads_to_others(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_ACCESS_WIDE_LEADS", "2")
    lead_ids = given_to_carla(here, 6)
    shown = here.say("handover", CARLA, typed="n\n")
    foreseen = gets(shown.out)

    assert re.search(r"Pause Carla.* and hand over \d+ leads\? \[y/N\]", shown.out)
    assert shown.out.endswith("Nothing was changed.\n")
    assert {owners(here)[lead_id] for lead_id in lead_ids} == {CARLA}

    unsaid = here.say("handover", CARLA, "--yes").err
    wrong = here.say("handover", CARLA, "--confirm", "1").err
    (count,) = re.findall(r"--confirm: This is about (\d+) leads\.", unsaid)
    assert f"--confirm: It is about {count} leads by now, not 1." in wrong

    said = here.say("handover", CARLA, typed=f"y\n{count}\n")
    assert (said.status, said.err) == (0, "")
    assert f"Type the number of leads to go on: {count}" in said.out
    assert (gets(said.out), said.out.splitlines()[-1]) == (foreseen, "Done.")

    async def are_gone() -> bool:
        return CARLA not in (await here.system.owners()).values()

    here.do(until(are_gone))
    again = here.say("handover", CARLA).error
    assert re.fullmatch(r"Carla.* has no open leads here\.", again)
    for lead_id in lead_ids:
        words = here.say("explain", lead_id).out
        assert re.search(
            rf"^20\d\d-\d\d-\d\d [\d:]+ UTC\S*: Request {lead_id}\.\d+ comes from a handover:"
            r" cli:\w+ handed over the open leads of Carla Mendes\.$",
            words,
            re.MULTILINE,
        )
        # Before what became of it, and not for what Kommo asked for before.
        assert words.index("comes from a handover") > words.index("got lead")
        assert words.count("comes from") == 1
    assert "takes leads again" in here.say("resume", CARLA).out


def test_D9_3_an_unknown_rule_or_manager_is_named(here: Here) -> None:
    assert here.say("handover", 999).error == "user 999 has no open leads here."
    unknown = '--rule: No rule "sight" is in force.\nSee: fairlead rules show'
    assert here.say("handover", 501, "--rule", "sight").error == unknown
