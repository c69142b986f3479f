"""What the doctor makes of what the gateway has read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.cli.doctor import webhooks_of
from services.storage.accounts import Account

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
AGAIN = "connect again: fairlead connect https://acme.kommo.com"


@pytest.mark.parametrize(
    ("directory", "found", "advice"),
    [
        ({"webhooks": "on"}, "subscribed", ""),
        ({"webhooks": "disabled"}, "switched off by Kommo", AGAIN),
        ({"webhooks": "missing"}, "not subscribed any more", AGAIN),
        ({"webhooks": "unknown"}, "not known yet", ""),
        ({}, "not known yet", ""),
    ],
)
def test_F31_a_hook_that_is_off_comes_with_what_to_do(
    directory: dict[str, Any], found: str, advice: str
) -> None:
    account = Account(
        account_id=7,
        subdomain="acme",
        base_url="https://acme.kommo.com",
        timezone="UTC",
        directory=directory,
        connected_at=NINE,
        updated_at=NINE,
    )

    finding = webhooks_of(account)
    assert (finding.subject, finding.found, finding.advice) == ("webhooks of 7", found, advice)
