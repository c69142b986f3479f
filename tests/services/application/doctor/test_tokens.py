"""What the doctor says of tokens that end (S17's other half: nobody is surprised)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.application.doctor.finding import Severity
from services.application.doctor.tokens import token_of
from services.storage.consents import RefusedConsent
from tests.services.application.kit import account_of

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
ACME = account_of(7)


@pytest.mark.parametrize(
    ("left", "found", "severity"),
    [
        (timedelta(days=31), "doctor.token_ends", "well"),
        (timedelta(days=30), "doctor.token_ends", "passing"),
        (timedelta(days=7, seconds=1), "doctor.token_ends", "passing"),
        (timedelta(days=7), "doctor.token_ends", "problem"),
        (timedelta(days=1), "doctor.token_ends_within_a_day", "problem"),
        (timedelta(), "doctor.token_ended", "problem"),
    ],
)
def test_F54_a_token_that_nobody_renews_is_told_of_before_it_ends(
    left: timedelta, found: str, severity: Severity
) -> None:
    finding = token_of(replace(ACME, token_expires_at=NINE + left), None, NINE)

    assert (finding.found.id, finding.severity) == (found, severity)
    assert (finding.remedy is None) == (severity == "well")


def test_F54_F57_one_that_is_renewed_ends_only_when_nobody_lets_us_in() -> None:
    soon = NINE + timedelta(hours=1)
    renewed = replace(ACME, client_id="client-1", token_expires_at=soon)
    refused = RefusedConsent(account_id=7, refused_at=NINE, refused_because="spent")
    findings = [
        token_of(renewed, None, NINE),
        token_of(renewed, refused, NINE),
        token_of(replace(renewed, suspended_at=NINE), None, NINE),
        token_of(ACME, None, NINE),
    ]

    assert [(each.found.id, each.severity) for each in findings] == [
        ("doctor.token_renewed", "well"),
        ("doctor.consent_refused", "problem"),
        ("doctor.suspended", "problem"),
        ("doctor.token_end_unknown", "well"),
    ]
