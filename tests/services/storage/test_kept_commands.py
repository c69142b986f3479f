"""What was asked for under which key is kept once, for a week, and then forgotten (A5.2)."""

import asyncio
from datetime import timedelta
from typing import Any

from services.storage.kept_commands import KeptCommand, KeptCommands

WEEK, MINUTE = timedelta(days=7), timedelta(minutes=1)
AGE = "UPDATE kept_commands SET given_at = now() - $1::interval"
COUNT = "SELECT count(*) FROM kept_commands"


async def keep(pool: Any, digest: bytes, operation_id: str = "op-1") -> tuple[KeptCommand, bool]:
    return await KeptCommands(pool).keep(
        7, operation_id, given_by="cli:root", digest=digest, messages=[b"m1", b"m2" + digest]
    )


async def test_A5_2_of_two_who_come_at_once_one_keeps_its_own_and_both_get_the_same(
    pool: Any,
) -> None:
    (first, first_is_new), (second, second_is_new) = await asyncio.gather(
        keep(pool, b"1"), keep(pool, b"2")
    )

    assert first == second
    assert first.messages == (b"m1", b"m2" + first.digest)
    assert sorted((first_is_new, second_is_new)) == [False, True]


async def test_what_is_kept_is_found_by_account_and_id(pool: Any) -> None:
    kept, _ = await keep(pool, b"1")
    commands = KeptCommands(pool)

    assert await commands.find(7, "op-1") == kept
    assert await commands.find(8, "op-1") is None
    assert await commands.find(7, "op-2") is None


async def test_A5_2_after_a_week_an_id_is_free_again(pool: Any) -> None:
    await keep(pool, b"1")
    await pool.execute(AGE, WEEK - MINUTE)
    kept, is_new = await keep(pool, b"2")
    assert (kept.digest, is_new) == (b"1", False)
    await pool.execute(AGE, WEEK)

    assert await KeptCommands(pool).find(7, "op-1") is None
    kept, is_new = await keep(pool, b"2")
    assert (kept.digest, kept.messages[1], is_new) == (b"2", b"m22", True)


async def test_I13_what_is_over_is_removed_by_the_next(pool: Any) -> None:
    for number in range(3):
        await keep(pool, b"1", f"op-{number}")
    await pool.execute(AGE, WEEK + 120 * MINUTE)
    await keep(pool, b"1", "op-9")

    assert await pool.fetchval(COUNT) == 1
