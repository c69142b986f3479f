"""What the doctor makes of what the gateway has read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.sentences import sentence
from services.application.doctor.accounts import refused_by_kommo, webhooks_of
from services.application.doctor.finding import Severity
from services.gateway.stops import Cause, Stop
from services.storage.accounts import RegisteredAccount
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
    finding = webhooks_of(acme(directory))

    again = sentence("remedy.connect_again", address="https://acme.kommo.com")
    assert finding.subject == sentence("doctor.webhooks", account=7)
    assert (finding.found.id, finding.severity) == (found, severity)
    assert finding.remedy == (again if severity == "problem" else None)


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
