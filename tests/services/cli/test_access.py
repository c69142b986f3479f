"""`fairlead access-log`: who looked at what (A9.3)."""

import json

from services.demo.week.sample import ANA
from tests.services.cli.week import KeptWeek


def test_looks_at_explanations_and_statements_are_kept_with_who_and_whence(
    kept: KeptWeek,
) -> None:
    kept.say("explain", 900_002)
    kept.say("statement", ANA)
    kept.say("explain", 999)  # there is no such lead; it was looked for

    found = json.loads(kept.say("access-log", "--json").out)

    looks = [(each["what"], each["ids"]) for each in found[:3]]
    assert looks == [
        ("explanation", [999]),
        ("statement", [ANA]),
        ("explanation", [900_002]),
    ]
    assert {(each["principal"].partition(":")[0], each["whence"]) for each in found} == {
        ("cli", "terminal")
    }
    by = found[0]["principal"]
    assert json.loads(kept.say("access-log", "--json").out)[0]["what"] == "access_log"
    assert len(json.loads(kept.say("access-log", "--by", by, "--limit", 2, "--json").out)) == 2
    assert kept.say("access-log", "--by", "person:9").out == "Nobody looked in this time.\n"
    assert "explanation" in kept.say("access-log").out


def test_a_time_without_looks_is_said(kept: KeptWeek) -> None:
    said = kept.say("access-log", "--from", "2020-01-01", "--to", "2020-01-02")

    assert said.out == "Nobody looked in this time.\n"
    assert kept.say("access-log", "--from", "soon").error.startswith("--from: ")


def test_A9_3_looks_that_belong_to_no_account_are_shown_apart(kept: KeptWeek) -> None:
    first = json.loads(kept.say("access-log", "--installation", "--json").out)
    again = json.loads(kept.say("access-log", "--installation", "--json").out)

    assert [(each["account_id"], each["what"]) for each in again[:1]] == [(None, "access_log")]
    assert len(again) == len(first) + 1
    assert json.loads(kept.say("access-log", "--json").out)[0]["account_id"] is not None
