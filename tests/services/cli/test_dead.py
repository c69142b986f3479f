"""Dead letters as the command line deals with them."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.cli import dead
from services.cli.installation import Wrong
from services.codec import decode_inbound
from services.log.postgres import PostgresLogWriter
from services.storage.dead_letters import DeadLetter, DeadLetters
from tests.services.ingress.harness import ACCOUNT, FORM, form, lead

BODY = form(*lead("add"))


async def kept(pool: Any, **changes: Any) -> tuple[Any, int]:
    """An installation with one letter in it, and the letter's number."""
    letters = DeadLetters(pool)
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "source": "webhook",
        "position": None,
        "reason": "a bug of ours",
        "content_type": FORM,
        "body": BODY,
    }
    await letters.keep([DeadLetter(**values | changes)])
    (letter,) = await letters.page()
    installation = SimpleNamespace(pool=pool, dead_letters=letters, log=PostgresLogWriter(pool))
    return installation, letter.id


async def test_F33_a_letter_that_is_understood_now_is_published(pool: Any) -> None:
    installation, letter_id = await kept(pool)

    assert await dead.retry(installation, letter_id) == "Published again: 1 message(s)."
    (value,) = [row["value"] for row in await pool.fetch("SELECT value FROM inbound_log")]
    assert decode_inbound(value).account_id == ACCOUNT
    with pytest.raises(Wrong, match="was replayed before"):
        await dead.retry(installation, letter_id)


async def test_F35_half_a_body_is_never_published_as_if_it_were_whole(pool: Any) -> None:
    installation, letter_id = await kept(pool, size=3_000_020)

    with pytest.raises(Wrong, match=f"3000020 bytes came, the first {len(BODY)} are kept"):
        await dead.retry(installation, letter_id)

    assert await pool.fetchval("SELECT count(*) FROM inbound_log") == 0
    assert (await dead.get(installation, letter_id)).state == "kept"
    assert await dead.drop(installation, letter_id) == f"Dead letter {letter_id} is dropped."
