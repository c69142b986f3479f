"""What the doctor makes of what the gateway has read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.sentences import sentence
from services.application.doctor.accounts import (
    gone_of,
    refused_by_kommo,
    tasks_of,
    webhooks_of,
)
from services.application.doctor.finding import Severity
from services.gateway.stops import Cause, Stop
from services.gateway.task_readings import TasksRefused
from services.storage.accounts import RegisteredAccount
from services.storage.gone import GoneName, How
from services.words.catalogue import Words

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def acme(directory: dict[str, Any]) -> RegisteredAccount:
    return RegisteredAccount(
        account_id=7,
        subdomain="acme",
        base_url="https://acme.kommo.com",
        timezone="UTC",
        directory=directory,
        connected_at=NINE,
        updated_at=NINE,
    )


@pytest.mark.parametrize(
    ("directory", "found", "severity"),
    [
        ({"webhooks": "on"}, "doctor.webhooks_on", "well"),
        ({"webhooks": "disabled"}, "doctor.webhooks_disabled", "problem"),
        ({"webhooks": "missing"}, "doctor.webhooks_missing", "problem"),
        ({"webhooks": "unknown"}, "doctor.webhooks_unknown", "well"),
        ({}, "doctor.webhooks_unknown", "well"),
    ],
)
def test_F31_a_hook_that_is_off_comes_with_what_to_do(
    directory: dict[str, Any], found: str, severity: Severity
) -> None:
    finding = webhooks_of(acme(directory), NINE)

    again = sentence("remedy.connect_again", address="https://acme.kommo.com")
    assert finding.subject == sentence("doctor.webhooks", account=7)
    assert (finding.found.id, finding.severity) == (found, severity)
    assert finding.remedy == (again if severity == "problem" else None)


def test_F31_a_hook_that_was_off_is_told_for_a_day_though_it_is_on_again() -> None:
    account = acme({"webhooks": "on", "subscribed_again_at": NINE.isoformat()})
    found = webhooks_of(account, NINE + timedelta(hours=23))

    assert (found.found.id, found.severity) == ("doctor.webhooks_again", "passing")
    assert webhooks_of(account, NINE + timedelta(hours=24)).found.id == "doctor.webhooks_on"


@pytest.mark.parametrize(
    ("how", "name", "told"),
    [
        ("left", "Ana", "site, vip names Ana (501), whom Kommo lets in no more: they get no leads"),
        (
            "left",
            "",
            "site, vip names manager 501 (501), whom Kommo lets in no more: they get no leads",
        ),
        (
            "archived",
            "Sales / Old",
            "site, vip is for Sales / Old, whose pipeline was put away: no lead comes there",
        ),
        ("deleted", "", "site, vip is for stage 7/501, which Kommo has no more"),
    ],
)
def test_D2_1_whom_the_rules_name_in_vain_is_told_by_name(how: How, name: str, told: str) -> None:
    pipeline_id = 0 if how == "left" else 7
    named = GoneName(
        account_id=7, pipeline_id=pipeline_id, id=501, how=how, name=name, rule_ids=("site", "vip")
    )

    finding = gone_of(named)

    assert finding.severity == "problem"
    assert Words().say(finding.found) == told


@pytest.mark.parametrize(
    ("status", "cause", "found", "remedy"),
    [
        (401, "token", "doctor.token_not_valid", "remedy.new_token"),
        (402, "unpaid", "doctor.account_unpaid", "remedy.pay"),
        (403, "rights", "doctor.token_lacks_rights", "remedy.new_token"),
        (403, "blocked", "doctor.account_blocked", "remedy.ask_kommo"),
    ],
)
def test_F58_an_account_that_kommo_refuses_is_named_with_cause_and_remedy(
    status: int, cause: Cause, found: str, remedy: str
) -> None:
    stop = Stop(account_id=7, status=status, cause=cause, since=NINE)
    finding = refused_by_kommo(acme({}), stop)

    assert finding.subject == sentence("doctor.kommo_of", account=7)
    assert (finding.found.id, finding.found.arguments) == (found, {"since": NINE})
    assert finding.remedy is not None
    assert (finding.remedy.id, finding.severity) == (remedy, "problem")


def test_F58_kommos_own_words_and_the_next_try_are_told() -> None:
    stop = Stop(
        account_id=7,
        status=402,
        cause="unpaid",
        since=NINE,
        words="Trial is over",
        until=NINE + timedelta(hours=1),
    )
    finding = refused_by_kommo(acme({}), stop)

    assert Words().say(finding.found) == (
        "Kommo refuses every call since 2026-03-02 09:00 UTC, because the account is not"
        " paid (402); in Kommo's words: Trial is over; what waits is tried again"
        " at 2026-03-02 10:00 UTC"
    )


def test_D5_6_tasks_that_kommo_does_not_show_are_told_with_what_to_do() -> None:
    finding = tasks_of(acme({}), TasksRefused(account_id=7, status=403, since=NINE))

    assert finding.severity == "problem"
    assert finding.remedy == sentence("remedy.tasks_refused", address="https://acme.kommo.com")
    assert Words().say(finding.found).startswith("Kommo does not let us read tasks since ")
