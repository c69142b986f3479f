"""Statements and corrections, beside a running fairlead and in what may be typed (D3.8)."""

import asyncio
import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from services.sandbox.sample import MANAGER_IDS, sample_account
from tests.services.cli.conftest import Here, Said
from tests.support.waiting import until


def sample_managers() -> dict[int, str]:
    """The account's managers by id."""
    users = sample_account().users
    return {manager_id: users[manager_id].name for manager_id in MANAGER_IDS}


def shown(here: Here, text: str, *words: object) -> Said:
    """What a command says once the projections have caught up."""
    said = here.say(*words)

    async def is_there() -> bool:
        nonlocal said
        said = await asyncio.to_thread(here.say, *words)
        return text in said.out

    here.do(until(is_there))
    return said


def test_D3_8_a_statement_reads_like_a_bank_account(here: Here) -> None:
    lead = here.assigned_lead()
    answer = here.say("explain", lead).out
    winner = next(i for i, name in sample_managers().items() if f"{name} got lead" in answer)

    corrected = here.say("correct", winner, "-0.5", "--reason", "two for one")
    said = shown(here, ": two for one", "statement", winner)

    assert corrected.status == 0
    assert "-0.500 leads; " in corrected.out
    lines = said.out.splitlines()
    assert "1 lead; the fair share is 0." in lines[0]
    given = next(line for line in lines if f"got lead {lead}" in line)
    posted = next(line for line in lines if "corrected by cli:" in line)
    assert ": two for one" in posted
    assert lines.index(given) < lines.index(posted)
    assert posted.count("-0.500") == 1


def test_D3_8_others_see_their_share_of_a_lead_and_what_they_bear(here: Here) -> None:
    lead = here.assigned_lead()
    here.say("correct", 501, "1", "--reason", "sick")

    others = [shown(here, ": sick", "statement", manager).out for manager in (501, 502)]

    assert any(f"their share of lead {lead}, which somebody else got" in out for out in others)


def test_D3_8_the_newest_lines_are_shown_and_older_ones_are_told_of(here: Here) -> None:
    here.say("correct", 501, "1", "--reason", "one")
    here.say("correct", 501, "2", "--reason", "two")

    said = shown(here, ": two", "statement", 501, "--limit", "1")

    assert ": one" not in said.out
    assert "Older lines are left out" in said.out


def test_D9_2_who_is_paused_by_whom_until_when_and_why_is_shown(here: Here) -> None:
    assert here.say("pauses").out == "Nobody is paused.\n"

    here.say("pause", 501, "--until", "2099-12-01T15:00", "--reason", "sabbatical")
    row = next(
        line for line in shown(here, "sabbatical", "pauses").out.splitlines() if "501" in line
    )
    assert "cli:" in row
    assert "2099-12-01 15:00" in row
    here.say("resume", 501)
    shown(here, "Nobody is paused.", "pauses")


def test_D3_8_what_cannot_be_corrected_is_said(here: Here) -> None:
    why = ("--reason", "why")

    assert here.say("correct", 9999, "1", *why).error == ("user 9999 takes part in no rule.")
    assert here.say("correct", 501, "1", "--ledger", "vpi", *why).error == (
        '--ledger: No rule shares its leads by the ledger "vpi".'
    )
    assert "LEADS: Expected a number" in here.say("correct", 501, "much", *why).error
    assert "--reason: A reason is needed" in here.say("correct", 501, "1", "--reason", " ").error
    assert here.say("correct", 501, "1").status == 2
    assert "has no movement in any ledger" in here.say("statement", 9999).error
    here.say("correct", 501, "1", *why)
    shown(here, ": why", "statement", 501)
    assert "Known: account." in here.say("statement", 501, "--ledger", "vip").error


# Long enough ago for any zone.
RECENTLY = f"{datetime.now(UTC) - timedelta(hours=30):%Y-%m-%dT%H:%M}"


def test_S31_a_statement_as_csv_has_every_line_and_no_formula(here: Here) -> None:
    here.say("correct", 501, "1", "--reason", '=HYPERLINK("https://evil.example")')
    here.say("correct", 501, "-0.25", "--reason", "\tand\u202e more")
    said = shown(here, "more", "statement", 501, "--csv", "--limit", "1")

    rows = list(csv.DictReader(io.StringIO(said.out)))
    first, second = rows[-2:]
    assert len(rows) > 2
    assert [*first] == ["at", "event", "reason", "lead_id", "what", "leads", "balance"]
    assert (first["reason"], first["lead_id"], first["leads"]) == ("corrected", "", "1.000000000")
    assert second["leads"] == "-0.250000000"
    assert Decimal(first["balance"]) + Decimal(second["leads"]) == Decimal(second["balance"])
    assert first["what"].startswith("corrected by cli:")
    assert "\\u202e more" in second["what"]


def test_D3_8_a_range_of_a_statement_tells_its_balances(here: Here) -> None:
    here.say("correct", 501, "1", "--reason", "today's")

    said = shown(here, "today's", "statement", 501, "--from", RECENTLY)
    before = here.say("statement", 501, "--from", "2020-01-01", "--to", "2020-01-02")

    assert said.out.count("Balance at ") == before.out.count("Balance at 2020-01-0") == 2
    assert "today's" not in before.out


def test_D2_2_why_not_tells_how_somebody_stood_to_each_lead(here: Here) -> None:
    lead = here.assigned_lead()
    answer = here.say("explain", lead).out
    winner = next(i for i, name in sample_managers().items() if f"{name} got lead" in answer)

    said = shown(here, str(lead), "why-not", winner, "--from", RECENTLY, "--limit", "1000")
    data = json.loads(here.say("why-not", winner, "--from", RECENTLY, "--json").out)
    listed = here.say("why-not", winner, "--from", RECENTLY, "--line", "got", "--limit", "1")
    stranger = here.say("why-not", 9999, "--from", RECENTLY)

    name = sample_managers()[winner]
    assert said.out.startswith(f"{name} got ")
    assert data["got"] >= 1
    assert sum(data["counts"].values()) == data["given"]
    newest = data["lines"]["got"]["leads"][0]
    assert newest["got_by"] == winner
    assert str(newest["lead_id"]) in listed.out
    assert f"0 of {data['given']} lead" in stranger.out
    assert "under rules in which they take no part" in stranger.out


def test_D2_2_what_why_not_cannot_answer_is_said(here: Here) -> None:
    here.assigned_lead()
    shown(here, "given out", "why-not", 501)

    assert here.say("why-not", 501, "--rule", "nwe").error.startswith(
        '--rule: No lead was ever given out by a rule "nwe".'
    )
    assert here.say("why-not", 501, "--from", "yore").error.startswith("--from: ")
    assert here.say("why-not", 501, "--from", "2020-01-01", "--to", "2020-01-31").out == (
        "No lead was given out from 2020-01-01 00:00 UTC-3 to 2020-02-01 00:00 UTC-3.\n"
    )
    assert here.say("why-not", 501, "--line", "lazy").status == 2


def test_D3_9_what_is_told_apart_is_in_the_explanation_and_the_statement(here: Here) -> None:
    """The sample's rules tell leads apart by source and stage."""
    lead = here.assigned_lead()
    answer = here.say("explain", lead).out
    winner = next(i for i, name in sample_managers().items() if f"{name} got lead" in answer)

    said = shown(here, f"lead {lead} (from no source, in stage", "statement", winner)

    assert "was owed the most, in all and in this kind of lead:" in answer.replace("\n", " ")
    assert "of the leads in stage" in answer.replace("\n", " ")
    rows = [line for line in said.out.splitlines() if "in stage" in line and "lead" not in line]
    assert sum(int(row.strip("│").split("│")[1]) for row in rows) >= 1


def test_D1_2_the_connected_accounts_are_listed(here: Here) -> None:
    said = here.say("accounts", "list")
    (found,) = json.loads(here.say("accounts", "list", "--json").out)

    assert str(found["account_id"]) in said.out
    assert found["subdomain"] in said.out
    assert found["troubles"] == []


def test_the_connection_of_an_account_is_told_with_when_hooks_of_each_kind_last_came(
    here: Here,
) -> None:
    here.assigned_lead()

    async def is_told() -> bool:
        said = await asyncio.to_thread(here.say, "accounts", "show")
        (line,) = [each for each in said.out.splitlines() if each.startswith("Webhooks last came")]
        return re.match(r"Webhooks last came: leads \d{4}-.+, notes and calls .+", line) is not None

    here.do(until(is_told))
