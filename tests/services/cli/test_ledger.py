"""Statements and corrections, beside a running fairlead and in what may be typed (D3.8)."""

import asyncio

import pytest

from contracts.events import LEAD
from services.cli.installation import Wrong
from services.cli.ledger import parse_leads
from services.sandbox.sample import MANAGER_IDS, sample_account
from tests.services.cli.conftest import Here, Said
from tests.support.running import until


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
    assert "1 leads of a fair share of 0." in lines[0]
    given = next(line for line in lines if f"lead {lead} given to him" in line)
    posted = next(line for line in lines if "corrected by administrator" in line)
    assert ": two for one" in posted
    assert lines.index(given) < lines.index(posted)
    assert posted.count("-0.500") == 1


def test_D3_8_others_see_their_share_of_a_lead_and_what_they_bear(here: Here) -> None:
    lead = here.assigned_lead()
    here.say("correct", 501, "1", "--reason", "sick")

    others = [shown(here, ": sick", "statement", manager).out for manager in (501, 502)]

    assert any(f"lead {lead} given to another: his share" in out for out in others)


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
    assert "administrator" in row
    assert "2099-12-01 15:00" in row
    here.say("resume", 501)
    shown(here, "Nobody is paused.", "pauses")


def test_D3_8_what_cannot_be_corrected_is_said(here: Here) -> None:
    why = ("--reason", "why")

    assert here.say("correct", 9999, "1", *why).error == (
        "refused: manager: 9999 takes part in no rule"
    )
    assert here.say("correct", 501, "1", "--ledger", "vpi", *why).error == (
        "refused: ledger: no rule shares its leads by 'vpi'"
    )
    assert "LEADS: expected a number" in here.say("correct", 501, "much", *why).error
    assert "--reason: expected why" in here.say("correct", 501, "1", "--reason", " ").error
    assert here.say("correct", 501, "1").status == 2
    assert "no movement in ledger 'account'" in here.say("statement", 9999).error
    assert "his ledgers: account" in here.say("statement", 501, "--ledger", "vip").error


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1", LEAD),
        ("-1.5", -3 * LEAD // 2),
        ("0.000000001", 1),
        ("+2", 2 * LEAD),
        ("1e3", 1000 * LEAD),
    ],
)
def test_D3_8_leads_are_exact(text: str, units: int) -> None:
    assert parse_leads(text) == units


@pytest.mark.parametrize("text", ["", "two", "0", "nan", "inf", "-1000.1", "0.0000000001", "1,5"])
def test_D3_8_no_number_of_leads_is_refused(text: str) -> None:
    with pytest.raises(Wrong, match="LEADS: expected"):
        parse_leads(text)
