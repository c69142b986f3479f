"""`audit` and `state` beside a running fairlead (I7, S23)."""

import json
from typing import Any

from ruamel.yaml import YAML

from services.runtime.installation import open_installation
from tests.services.cli.conftest import Here, command

FLIP = """
UPDATE account_events SET state = set_byte(state, 25, get_byte(state, 25) # 1)
WHERE originator_version = 2
"""


def do(here: Here, statement: str) -> None:
    """What a superuser of the database does to it."""

    async def done() -> None:
        async with open_installation(here.data) as installation:
            assert await installation.pool.execute(statement) != "UPDATE 0"

    here.do(done())


def test_I7_S23_an_audit_tells_that_all_is_as_it_was(here: Here) -> None:
    here.assigned_lead()

    said = here.say("audit")
    part = here.say("audit", here.system.account_id, "--from", "2", "--to", "3")

    assert said.status == 0, said
    assert "decisions taken again" in said.out
    assert "Everything is as it was recorded. The chain ends with " in said.out
    assert "Replayed 2 events, 2 to 3; " in part.out


def test_S23_a_byte_that_a_superuser_altered_is_named(here: Here) -> None:
    here.assigned_lead()
    do(here, FLIP)

    said = here.say("audit")
    path = here.folder / "broken.audit"
    exported = here.say("audit", "--export", path)

    do(here, FLIP)
    assert (said.status, exported.status) == (1, 1)
    assert "Here it first differs from what was recorded:\nEvent 2 was altered" in said.out
    assert "Event 2 was altered" in exported.out
    assert not path.exists()
    assert here.say("audit").status == 0


def test_F80_what_an_event_does_not_say_any_more_is_told_in_a_line(here: Here) -> None:
    here.assigned_lead()
    name = "UPDATE account_events SET topic = '{}' WHERE originator_version = 1"
    do(here, name.format("account.sold"))

    said = here.say("state", "--at", 1)

    do(here, name.format("account.described"))
    assert said.error.startswith("event 1 of account ")
    assert "unknown name" in said.error
    assert here.say("state", "--at", 1).status == 0


def test_S23_an_exported_audit_is_verified_where_nothing_is_installed(here: Here) -> None:
    path = here.folder / "acme.audit"

    exported = here.say("audit", "--export", path)
    elsewhere = here.folder / "another-machine"
    verified = command(elsewhere, "audit", path)
    key = exported.out.split("signed with the key ")[1].split(".")[0]

    assert (exported.status, verified.status) == (0, 0), (exported, verified)
    assert f"Account {here.system.account_id}, exported at " in verified.out
    assert f"the key is {key}" in verified.out
    assert exported.out.splitlines()[:2] == verified.out.splitlines()[1:3]
    assert not elsewhere.exists()
    assert command(elsewhere, "audit", path, "--key", key).status == 0
    refused = command(elsewhere, "audit", path, "--key", "0000").error
    assert refused == f"{path}: signed with the key {key}, not with the one that was asked for"


def test_S23_hostile_files_are_one_line(here: Here) -> None:
    path = here.folder / "acme.audit"
    here.say("audit", "--export", path)
    whole = path.read_bytes()

    for content, words in (
        (whole[:-20], "the file is not whole"),
        (whole[:400] + bytes([whole[400] ^ 1]) + whole[401:], "altered after it was signed"),
        (b"rules:\n", "no exported audit"),
    ):
        path.write_bytes(content)
        assert words in here.say("audit", path).error
    assert here.say("audit", "nowhere.audit").error == "nowhere.audit: No such file or directory"
    assert "--key: Only for an exported file" in here.say("audit", "--key", "0000").error
    assert "--from: " in here.say("audit", "--from", "2", "--export", path).error
    assert "a file is audited as a whole" in here.say("audit", path, "--to", "2").error


def test_a_state_of_the_past_is_yaml_or_json(here: Here) -> None:
    lead = here.assigned_lead()
    audited = here.say("audit").out
    last = audited.split(" to ")[1].split(";")[0]

    as_yaml: Any = YAML(typ="safe").load(here.say("state", "--at", last).out)
    as_json = json.loads(here.say("state", here.system.account_id, "--at", last, "--json").out)

    assert str(lead) in as_json["leads"]
    assert as_json["digest"] in audited
    assert as_yaml["leads"].keys() == as_json["leads"].keys()
    assert as_yaml["digest"] == as_json["digest"]


def test_what_changed_between_two_moments_is_a_line_each(here: Here) -> None:
    lead = here.assigned_lead()
    last = here.say("audit").out.split(" to ")[1].split(";")[0]

    said = here.say("state", "--at", 1, "--diff", last)
    as_json = json.loads(here.say("state", "--at", 1, "--diff", last, "--json").out)

    assert f"version: 1 -> {last}" in said.out.splitlines()
    assert any(line.startswith(f"leads.{lead}: nothing -> ") for line in said.out.splitlines())
    assert {"path": "version", "before": 1, "after": int(last)} in as_json
    assert len(as_json) == len(said.out.splitlines()) - 1


def test_what_is_no_moment_is_told_in_a_line(here: Here) -> None:
    assert "--at: Expected the version" in here.say("state").error
    assert here.say("state", "--at", "yesterday").error.endswith('T09:00, not "yesterday".')
    assert "There is no event 999999999 yet; the last one is " in (
        here.say("state", "--at", "999999999").error
    )
