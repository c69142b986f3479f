"""The whole story of a lead, as `explain` tells it (D10.2)."""

import json

from tests.services.cli.conftest import Here, Said
from tests.services.cli.test_ledger import shown


def told(here: Here, lead: int, *words: object) -> Said:
    """Once Kommo's answer is projected."""
    return shown(here, "Set in Kommo at ", "explain", lead, *words)


def test_D10_2_a_story_begins_with_the_lead_and_ends_in_kommo(here: Here) -> None:
    lead = here.assigned_lead()

    lines = told(here, lead).out.splitlines()

    heads = [line.split(": ", 1)[1] for line in lines if not line.startswith("  ")]
    assert heads[0].startswith(f"lead {lead} is in stage ")
    assert heads[-4].startswith(f"it asks for a manager: request {lead}.")
    assert heads[-3].startswith("Kommo is asked first about the lead; ")
    assert heads[-2].startswith(f"Request {lead}.")
    assert heads[-2].endswith(' falls under rule "Requests from the site".')
    assert f" got lead {lead} under rule " in heads[-1]
    why = [line.strip() for line in lines if line.startswith("  ")]
    assert why[0].startswith("Of the people with priority 1, ")
    assert any(line.startswith("Not ") for line in why)
    assert why[-3].startswith("Credit afterwards: ")
    assert why[-2].startswith("Set in Kommo at ")
    assert why[-1].endswith("; decided again from what it recorded: the same decision.")


def test_D10_2_one_event_of_it_can_be_asked_for(here: Here) -> None:
    lead = here.assigned_lead()
    whole = told(here, lead).out
    version = whole.split("  Event ")[1].split(";")[0]

    one = here.say("explain", lead, "--decision", version)
    unknown = here.say("explain", lead, "--decision", "1")

    assert one.out in whole
    assert one.out.count(f" got lead {lead} ") == 1
    assert unknown.error.startswith(
        f"--decision: Event 1 is not part of the story of lead {lead}. Its events are: "
    )


def test_D10_2_as_json_it_is_every_event_whole_and_in_words(here: Here) -> None:
    lead = here.assigned_lead()
    told(here, lead)

    story = json.loads(here.say("explain", lead, "--json").out)

    events = [part["event"] for part in story]
    read = ["request.opened", "reading.requested", "request.prepared", "lead.assigned"]
    assert events[-4:] == read
    assert story[-1]["data"]["lead_id"] == lead
    assert len(story[-1]["data"]["standings"]) > 1
    assert story[-1]["is_reproduced"] is True
    assert story[-1]["in_words"][0].split(" got ")[1].startswith(f"lead {lead} under rule")
    versions = [part["version"] for part in story]
    assert versions == sorted(versions)
