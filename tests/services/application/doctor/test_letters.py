"""What the doctor says of dead letters."""

from typing import Any

from contracts.sentences import sentence
from services.application.doctor import letters as doctor
from services.storage.dead_letters import DeadLetter, DeadLetters, DeadLetterSettings
from tests.support.vault import VAULT


async def test_S21_letters_that_had_to_go_early_are_told_with_their_account(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT, DeadLetterSettings(per_account_max=2))
    healthy = [each async for each in doctor.findings(letters)]
    for account_id in (7, 7, 7, None, None, None):
        await letters.keep(
            [
                DeadLetter(
                    account_id=account_id,
                    source="webhook",
                    position=None,
                    reason="",
                    content_type="",
                    body=b"x",
                )
            ]
        )

    assert [each.severity for each in healthy] == ["well"]
    found = [(each.subject, each.found) async for each in doctor.findings(letters)]
    early = sentence("doctor.letters_dropped", count=1)
    assert found == [
        (sentence("doctor.dead_letters"), sentence("doctor.dead_letters_kept", count=4)),
        (sentence("doctor.letters_of_nobody"), early),
        (sentence("doctor.letters_of", account=7), early),
    ]
