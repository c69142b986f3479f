"""What was not understood is sealed, bounded, and gone after two weeks."""

from dataclasses import replace
from typing import Any

import pytest

from services.shared.secrets import Vault
from services.storage.dead_letters import DeadLetter, DeadLetters, DeadLetterSettings, Dropped
from tests.support.vault import VAULT

WORDS = b"contacts[add][0][name]=Anna Kowalska"
MIB = 1_024 * 1_024
NOISY, QUIET = 1, 2


def letter(account_id: int | None = NOISY, body: bytes = WORDS) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        source="webhook",
        position=None,
        reason="body: expected an entity of Kommo",
        content_type="text/plain",
        body=body,
    )


def numbered(number: int, account_id: int = NOISY, size: int = 0) -> DeadLetter:
    return letter(account_id, b"%d " % number + b"x" * size)


async def numbers(letters: DeadLetters, account_id: int) -> list[int]:
    """Which of an account are kept, the oldest first."""
    page = await letters.page(limit=1_000)
    return sorted(int(kept.body.split()[0]) for kept in page if kept.account_id == account_id)


async def raw_bodies(pool: Any) -> bytes:
    return b"".join(row[0] for row in await pool.fetch("SELECT body FROM dead_letters"))


@pytest.mark.parametrize("account_id", [NOISY, None])
async def test_S21_a_letter_lies_sealed_and_is_read_as_it_came(
    pool: Any, account_id: int | None
) -> None:
    letters = DeadLetters(pool, VAULT)
    await letters.keep([letter(account_id)])

    (kept,) = await letters.page()
    assert (kept.body, kept.size, kept.is_cut) == (WORDS, len(WORDS), False)
    assert await letters.get(kept.id) == kept
    assert b"Anna" not in await raw_bodies(pool)


async def test_S21_S17_a_letter_moved_to_another_account_does_not_open(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT)
    await letters.keep([letter(NOISY), letter(QUIET, b"other words")])
    await pool.execute("UPDATE dead_letters SET account_id = $1", QUIET)

    page = {kept.body: kept.reason for kept in await letters.page()}
    assert page.keys() == {b"other words", b""}
    assert "damaged or moved" in page[b""]


async def test_attack_S21_an_account_has_so_many_letters_and_the_oldest_go(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT, DeadLetterSettings(per_account_max=3))
    await letters.keep([numbered(0, QUIET)])
    for number in range(5):
        await letters.keep([numbered(number)])

    assert await numbers(letters, NOISY) == [2, 3, 4]
    assert await numbers(letters, QUIET) == [0]
    (dropped,) = await letters.dropped()
    assert dropped == Dropped(account_id=NOISY, letters=2, last_at=dropped.last_at)


async def test_attack_S21_an_account_has_so_many_bytes_of_letters(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT, DeadLetterSettings(bytes_per_account_max=MIB))
    for number in range(10):
        await letters.keep([numbered(number, size=300_000)])

    assert await numbers(letters, NOISY) == [7, 8, 9]
    await letters.keep([numbered(10, size=2 * MIB)])
    assert await numbers(letters, NOISY) == [10]


async def test_attack_S21_of_all_letters_those_of_the_noisiest_go_first(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT, DeadLetterSettings(bytes_max=2 * MIB))
    await letters.keep([numbered(number, QUIET, 100_000) for number in range(3)])
    await letters.keep([numbered(number, NOISY, 100_000) for number in range(50)])
    await letters.tidy()

    assert await numbers(letters, QUIET) == [0, 1, 2]
    kept = await numbers(letters, NOISY)
    assert kept == [*range(50 - len(kept), 50)]
    assert MIB < len(await raw_bodies(pool)) <= 2 * MIB


async def test_S21_letters_go_after_two_weeks_whatever_became_of_them(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT)
    await letters.keep([numbered(days) for days in (13, 15, 16)])
    for kept in await letters.page():
        days = int(kept.body.split()[0])
        age = "UPDATE dead_letters SET received_at = now() - $2 * interval '1 day' WHERE id = $1"
        await pool.execute(age, kept.id, days)
        if days == 16:
            await letters.settle(kept.id, "dismissed", by="cli:root", why="a test")
    await letters.tidy()

    assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 1
    assert await numbers(letters, NOISY) == [13]
    assert await letters.dropped() == []


async def test_S21_what_lies_open_is_read_and_then_sealed(pool: Any) -> None:
    """Letters of an earlier release, or of its allocator beside ours."""
    await pool.execute(
        "INSERT INTO dead_letters (account_id, source, reason, body, size)"
        " VALUES (1, 'webhook', '', $1, $2)",
        WORDS,
        len(WORDS),
    )
    letters = DeadLetters(pool, VAULT)
    before = await letters.page()
    await letters.tidy()

    assert [kept.body for kept in before] == [WORDS]
    assert await letters.page() == before
    assert b"Anna" not in await raw_bodies(pool)


async def test_S17_letters_are_sealed_anew_with_the_newest_key(pool: Any) -> None:
    await DeadLetters(pool, VAULT).keep([letter(), letter()])
    both = DeadLetters(pool, Vault((b"n" * 32, *VAULT.keys)))

    assert (await both.reseal(), await both.reseal()) == (1, 0)  # of their day, one key
    newest = DeadLetters(pool, Vault((b"n" * 32,)))
    assert [kept.body for kept in await newest.page()] == [WORDS, WORDS]


async def test_S21_a_letter_is_sealed_only_once(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT)
    sealed = letters.sealed(letter())
    await letters.keep([sealed])

    assert letters.sealed(sealed) == sealed
    assert replace(sealed, body=b"") == replace(letter(), body=b"", size=len(WORDS), is_sealed=True)
    assert [kept.body for kept in await letters.page()] == [WORDS]
