"""`fairlead distribute` and `fairlead handover`: shown first, asked, carried out (D1.1, D9.3)."""

import asyncio
import re
from datetime import UTC, datetime

from contracts.events import DistributionOrdered, RequestOpened
from contracts.stage import Stage
from services.cli.explain_order import ordered
from services.cli.sample import NEW_REQUEST, SALES
from tests.services.cli.conftest import Here
from tests.support.running import ADMIN_ID, until

CARLA = 503
BEYOND = 2**63


def owners(here: Here) -> dict[int, int]:
    found: dict[int, int] = here.do(here.system.owners())
    return found


def gets(text: str) -> dict[str, int]:
    """Manager to leads, as the preview has it."""
    lines = re.findall(r"^(.+) would get (\d+) leads?\.$", text, re.MULTILINE)
    return {name: int(leads) for name, leads in lines}


async def given_to_carla(here: Here, leads: int) -> list[int]:
    """Leads that a person gave her after they were distributed, and our side knows it."""
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
        "Left alone, not an open lead that is known here: 7.",
        "Nothing to do.",
    ]


def test_D1_3_a_lead_that_is_decided_already_is_shown_and_not_decided_twice(here: Here) -> None:
    lead_id = here.assigned_lead()
    before = owners(here)
    said = here.say("distribute", lead_id, "--yes")

    assert "Left alone, decided already for its stage (fairlead explain LEAD)" in said.out
    assert owners(here) == before


def test_D1_1_what_is_ordered_must_be_clear(here: Here) -> None:
    either = "name leads by their ids, or all of a stage: --stage PIPELINE/STAGE"
    ids = "--stage: expected ids like 7000001/61000002, got 'Inbox'"

    assert here.say("distribute").error == either
    assert here.say("distribute", 1, "--stage", "1/2").error == either
    assert here.say("distribute", "--stage", "Inbox").error == ids
    assert here.say("distribute", "--stage", "1/2").error == "--stage: no open lead is in 1/2"
    assert here.say("distribute", BEYOND).status == 2
    assert here.say("distribute", "seven").status == 2


def test_D9_3_a_handover_shows_asks_and_gives_all_leads_to_others(here: Here) -> None:
    lead_ids = here.do(given_to_carla(here, 6))
    shown = here.say("handover", CARLA, typed="n\n")
    foreseen = gets(shown.out)

    assert re.search(r"Pause Carla.* and hand over \d+ leads\? \[y/N\]", shown.out)
    assert shown.out.endswith("Nothing was changed.\n")
    assert {owners(here)[lead_id] for lead_id in lead_ids} == {CARLA}

    said = here.say("handover", CARLA, typed="y\n")
    assert (said.status, said.err) == (0, "")
    assert (gets(said.out), said.out.splitlines()[-1]) == (foreseen, "Done.")

    async def are_gone() -> bool:
        return CARLA not in (await here.system.owners()).values()

    here.do(until(are_gone))
    again = here.say("handover", CARLA).error
    assert re.fullmatch(r"Carla.* has no open leads here", again)
    for lead_id in lead_ids:
        words = here.say("explain", lead_id).out
        assert re.search(
            rf"^Request {lead_id}\.\d+ came from a handover on 20\d\d-\d\d-\d\d at [\d:]+ UTC:"
            r" administrator \w+ handed over the open leads of Carla Mendes\.$",
            words,
            re.MULTILINE,
        )
        # Before what became of it, and not for what Kommo asked for before.
        assert words.index("came from a handover") > words.index("got lead")
        assert words.count("came from") == 1
    assert "takes leads again" in here.say("resume", CARLA).out


def test_D1_1_an_explanation_tells_who_had_the_lead_distributed() -> None:
    at = datetime(2026, 10, 12, 9, tzinfo=UTC)
    order = DistributionOrdered(by="administrator zoe", lead_ids=(7,), skipped=(), at=at)
    request = RequestOpened(
        request_id="7.1",
        lead_id=7,
        rule_id="site",
        stage=Stage(SALES, NEW_REQUEST),
        source="operator",
        at=at,
    )

    assert ordered(request, order, str) == (
        "Request 7.1 came from an order on 2026-10-12 at 09:00:00 UTC:"
        " administrator zoe had the lead distributed."
    )


def test_D9_3_an_unknown_rule_or_manager_is_named(here: Here) -> None:
    assert here.say("handover", 999).error == "user 999 has no open leads here"
    known = "site, tenders, fair, night, evening, partners, renewals, offers"
    unknown = f"--rule: there is no rule 'sight'; known: {known}"
    assert here.say("handover", 501, "--rule", "sight").error == unknown
