"""Growing waits after failures (S29)."""

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

from services.access.delays import ADDRESS_FACTOR, Delays
from services.access.settings import AccessSettings
from services.access.wiring import Access

_numbers = count(1)
LATER = """
UPDATE sign_in_delays SET last_at = last_at - $1::interval, free_at = free_at - $1::interval
"""


def somewhere() -> tuple[str, str]:
    number = next(_numbers)
    return f"login {number}", f"address {number}"


async def failed(access: Access, login: str, address: str) -> int:
    """One failure, and how long the next attempt waits then."""
    assert await access.delays.attempt(login, address) == 0
    row = await access.pool.fetchval(
        "SELECT extract(epoch FROM free_at - last_at)::int FROM sign_in_delays WHERE place = $1",
        await access.digests.of("delay login", login),
    )
    return int(row)


async def test_S29_the_first_failures_are_free_and_each_one_more_doubles_the_wait(
    access: Access, owner: Any
) -> None:
    login, address = somewhere()
    waits = []
    for _ in range(14):
        waits.append(await failed(access, login, address))
        await owner.execute(LATER, timedelta(seconds=waits[-1]))

    assert waits == [0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


async def test_S29_whoever_has_to_wait_is_told_how_long_and_nothing_is_looked_at(
    access: Access,
) -> None:
    login, address = somewhere()
    for _ in range(4):
        await failed(access, login, address)

    assert 1 <= await access.delays.attempt(login, address) <= 2
    assert 1 <= await access.delays.attempt(login, "elsewhere") <= 2
    assert await access.delays.attempt("another login", address) == 0


async def test_S29_success_forgets_a_logins_failures_and_not_the_address_s(
    access: Access, owner: Any
) -> None:
    login, address = somewhere()
    for _ in range(3):
        await failed(access, login, address)
    await access.delays.succeeded(login, address)

    assert await failed(access, login, address) == 0
    left = await owner.fetchval(
        "SELECT failures FROM sign_in_delays WHERE place = $1",
        await access.digests.of("delay address", address),
    )
    assert left == 3


async def test_S29_an_address_that_tries_many_logins_waits_and_locks_none(
    access: Access,
) -> None:
    _, address = somewhere()
    free = AccessSettings().delay_after * ADDRESS_FACTOR
    for number in range(free + 1):
        assert await access.delays.attempt(f"one of many {number}", address) == 0

    login, elsewhere = somewhere()
    for _ in range(10):
        assert await access.delays.attempt(login, address) > 0
    assert await access.delays.attempt(login, elsewhere) == 0


async def test_attack_S29_of_a_hundred_guesses_at_once_the_free_ones_are_looked_at(
    access: Access,
) -> None:
    login, address = somewhere()
    waits = await asyncio.gather(
        *(access.delays.attempt(login, f"{address} {n}") for n in range(100))
    )

    # One more than are free: the one that begins the wait.
    assert waits.count(0) == AccessSettings().delay_after + 1


async def test_S29_failures_of_yesterday_are_forgotten(access: Access, owner: Any) -> None:
    login, address = somewhere()
    for _ in range(4):
        await failed(access, login, address)
    await owner.execute(LATER, timedelta(hours=25))

    assert await failed(access, login, address) == 0


async def test_a_reset_ends_the_wait_of_a_login(access: Access) -> None:
    login, address = somewhere()
    for _ in range(4):
        await failed(access, login, address)

    await access.delays.forget(login)

    assert await access.delays.attempt(login, address) == 0


async def test_S21_neither_logins_nor_addresses_are_kept_in_clear(
    access: Access, owner: Any
) -> None:
    await access.delays.attempt("canary-login", "canary-address")

    kept = await owner.fetch("SELECT sign_in_delays::text FROM sign_in_delays")
    assert kept
    for word in ("canary-login", "canary-address"):
        assert not any(word in row[0] or word.encode().hex() in row[0] for row in kept)
    other = Delays(access.pool, access.digests, AccessSettings(delay_max_s=30))
    assert await other.attempt("canary-login", "canary-address") == 0


async def test_S29_the_free_attempts_are_free_also_at_once(access: Access) -> None:
    for _ in range(5):
        login, address = somewhere()
        free = AccessSettings().delay_after

        waits = await asyncio.gather(*(access.delays.attempt(login, address) for _ in range(free)))

        assert waits == [0] * free
