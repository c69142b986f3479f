"""Dead letters as the command line deals with them."""

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.access.roles import ROLES
from services.application import dead_letters
from services.application.principal import Principal
from services.application.refused import Refused
from services.log.postgres import PostgresLogWriter
from services.shared.codec import decode_inbound
from services.storage.dead_letters import DeadLetter, DeadLetters
from tests.services.ingress.harness import ACCOUNT, FORM, form, lead
from tests.support.vault import VAULT

OPERATOR = Principal(id="person:7", scopes=ROLES["operator"])
ADMINISTRATOR = Principal(id="person:8", scopes=ROLES["administrator"])
BODY = form(*lead("add"))


def letter(**changes: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "source": "webhook",
        "position": None,
        "reason": "a bug of ours",
        "content_type": FORM,
        "body": BODY,
    }
    return DeadLetter(**values | changes)


async def kept(pool: Any, **changes: Any) -> tuple[Any, int]:
    """An installation with one letter in it, and the letter's number."""
    letters = DeadLetters(pool, VAULT)
    await letters.keep([letter(**changes)])
    (found,) = await letters.page()
    installation = SimpleNamespace(pool=pool, dead_letters=letters, log=PostgresLogWriter(pool))
    return installation, found.id


async def test_F33_a_letter_that_is_understood_now_is_published(pool: Any) -> None:
    installation, letter_id = await kept(pool)

    assert await dead_letters.retry(installation, OPERATOR, letter_id) == 1
    (value,) = [row["value"] for row in await pool.fetch("SELECT value FROM inbound_log")]
    assert decode_inbound(value).account_id == ACCOUNT
    with pytest.raises(Refused, match="letter_replayed"):
        await dead_letters.retry(installation, OPERATOR, letter_id)


async def test_F35_half_a_body_is_never_published_as_if_it_were_whole(pool: Any) -> None:
    installation, letter_id = await kept(pool, size=3_000_020)

    with pytest.raises(Refused, match="letter_not_whole") as refused:
        await dead_letters.retry(installation, OPERATOR, letter_id)
    assert refused.value.sentence.arguments == {
        "letter": letter_id,
        "came": 3_000_020,
        "kept": len(BODY),
    }

    assert await pool.fetchval("SELECT count(*) FROM inbound_log") == 0
    assert (await dead_letters.get(installation, OPERATOR, letter_id)).state == "kept"
    await dead_letters.drop(installation, OPERATOR, letter_id, why="a copy")
    with pytest.raises(Refused, match="letter_dropped"):
        await dead_letters.drop(installation, OPERATOR, letter_id, why="a copy")


async def test_S8_dead_letters_are_the_operators(pool: Any) -> None:
    installation, letter_id = await kept(pool)

    for order in (
        dead_letters.page(installation, ADMINISTRATOR, limit=1),
        dead_letters.get(installation, ADMINISTRATOR, letter_id),
        dead_letters.retry(installation, ADMINISTRATOR, letter_id),
        dead_letters.drop(installation, ADMINISTRATOR, letter_id, why="x"),
    ):
        with pytest.raises(Refused, match="not_allowed"):
            await order


async def test_F33_a_letter_that_fails_as_nobody_expected_keeps_no_other_from_being_tried(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation, broken_id = await kept(pool)
    await installation.dead_letters.keep([letter()])
    replay = dead_letters.replay

    async def fail_for_one(place: Any, found: Any, account_id: int, *, by: str) -> int:
        if found.id == broken_id:
            raise ZeroDivisionError
        return await replay(place, found, account_id, by=by)

    monkeypatch.setattr(dead_letters, "replay", fail_for_one)
    with capture_logs() as logged:
        tried = await dead_letters.retry_all(installation, OPERATOR)

    assert (tried.published, tried.still, tried.failed) == (1, 1, 1)
    assert [each.id for each in await installation.dead_letters.page()] == [broken_id]
    assert [(each["event"], each["letter"]) for each in logged if "letter" in each] == [
        ("letter_not_tried", broken_id)
    ]
