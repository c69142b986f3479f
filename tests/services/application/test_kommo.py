"""Kommo's no, as whoever asked is told of it."""

import pytest
from structlog.testing import capture_logs

from services.application.kommo import refusals_of_kommo
from services.application.refused import Refused
from services.kommo.errors import Rejected
from services.words.catalogue import Words

KOMMOS_WORDS = "Hooks limit of ana@acme.com exceeded"


def test_S20_what_kommo_says_is_for_the_log_and_not_for_whoever_asked() -> None:
    no = Rejected("POST /api/v4/webhooks: 422", status=422, detail=KOMMOS_WORDS, complaints=())

    with (
        capture_logs() as logged,
        pytest.raises(Refused) as refused,
        refusals_of_kommo("https://acme.kommo.com"),
    ):
        raise no

    told = Words().say(refused.value.sentence)
    assert told == "Kommo refused what it was asked for (status 422); the log has its words."
    assert [(line["event"], line["said"]) for line in logged] == [("kommo_refused", KOMMOS_WORDS)]
