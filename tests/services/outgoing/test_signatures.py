"""What we sign, any library of Standard Webhooks verifies (A8.4)."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from services.outgoing.signatures import PREFIX, headers_of, new_secret

BODIES = [b"{}", b'{"type":"lead.assigned"}', '{"a":"Ünï 🚀"}'.encode(), b"x" * 100_000]
ID = "32000001-512"


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_A8_4_what_is_sent_is_verified_by_their_library(body: bytes) -> None:
    secret = new_secret()
    headers = headers_of(ID, body, [secret], at=datetime.now(UTC))

    verified = Webhook(secret.get_secret_value()).verify(body, headers, json_parse=False)
    assert verified is None  # what does not verify is raised
    assert headers["webhook-id"] == ID


def test_A8_4_the_example_of_the_specification_has_its_signature() -> None:
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], at=at)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_A8_4_while_a_secret_is_rotated_both_verify_and_a_third_does_not() -> None:
    present, former, strange = new_secret(), new_secret(), new_secret()
    headers = headers_of(ID, b"{}", [present, former], at=datetime.now(UTC))

    for secret in (present, former):
        assert Webhook(secret.get_secret_value()).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(strange.get_secret_value()).verify(b"{}", headers)


@pytest.mark.parametrize("change", ["body", "id", "timestamp"])
def test_A8_4_whatever_is_altered_does_not_verify(change: str) -> None:
    secret, body = new_secret(), b'{"version":7}'
    headers = headers_of(ID, body, [secret], at=datetime.now(UTC))
    match change:
        case "body":
            body = b'{"version":8}'
        case "id":
            headers["webhook-id"] = "32000001-513"
        case _:
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 1)

    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(secret.get_secret_value()).verify(body, headers)


def test_A8_4_what_was_sent_long_ago_cannot_be_sent_again_by_somebody_else() -> None:
    secret = new_secret()
    headers = headers_of(ID, b"{}", [secret], at=datetime.now(UTC) - timedelta(minutes=6))

    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret.get_secret_value()).verify(b"{}", headers)


def test_A8_4_a_secret_has_256_bits_and_does_not_show() -> None:
    first, second = new_secret(), new_secret()

    assert first != second
    assert len(base64.b64decode(first.get_secret_value().removeprefix(PREFIX))) == 32
    assert PREFIX not in repr(first)
