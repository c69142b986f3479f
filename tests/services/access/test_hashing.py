"""Passwords are hashed beside the loop, with a bound on what waits (S29)."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Literal

import argon2
import pytest

from services.access.hashing import Hashing, TooManyAtOnce
from services.access.settings import AccessSettings
from services.access.wiring import Access
from tests.services.conftest import QUICK
from tests.support.vault import VAULT
from tests.support.waiting import until


class Held(argon2.PasswordHasher):
    """A hasher that works when it is let, and counts."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.may_go = threading.Event()
        self.begun = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's
        self.begun += 1
        assert self.may_go.wait(30)
        return super().verify(hash, password)


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    made = Hashing(threads=2, queue_max=32, hasher=QUICK)
    yield made
    made.close()


async def test_S29_a_password_is_known_again_however_it_was_typed(hashing: Hashing) -> None:
    kept = await hashing.hash("caf\u00e9 au lait")

    assert await hashing.verify(kept, "cafe\u0301 au lait")
    assert not await hashing.verify(kept, "cafe au lait")
    assert "au lait" not in kept


async def test_S29_nobody_has_the_password_of_nobody(hashing: Hashing) -> None:
    assert not await hashing.verify(None, "anything at all")
    assert not await hashing.verify("no hash", "anything at all")


async def test_S29_what_was_hashed_in_another_way_is_told(hashing: Hashing) -> None:
    assert not hashing.is_outdated(QUICK.hash("a password"))
    assert hashing.is_outdated(
        argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("a password")
    )


def test_S29_real_passwords_are_hashed_as_is_advised() -> None:
    """RFC 9106's second choice: 64 MiB, three passes, argon2id."""
    made = Access(None, VAULT, AccessSettings())
    try:
        parameters = argon2.extract_parameters(made.hashing._hasher.hash("a password"))
    finally:
        made.hashing.close()

    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (
        argon2.Type.ID,
        65_536,
        3,
    )


async def test_attack_S29_a_flood_of_sign_ins_waits_within_a_bound() -> None:
    hasher = Held()
    kept = hasher.hash("a password")
    hashing = Hashing(threads=2, queue_max=3, hasher=hasher)
    try:
        waiting = [asyncio.create_task(hashing.verify(kept, "a password")) for _ in range(5)]
        await until(lambda: hasher.begun == 2)

        for _ in range(100):
            with pytest.raises(TooManyAtOnce):
                await hashing.verify(kept, "a password")
        assert hasher.begun == 2

        # Who hangs up makes no room: the work is still to be done.
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        with pytest.raises(TooManyAtOnce):
            await hashing.verify(kept, "a password")

        hasher.may_go.set()
        assert await asyncio.gather(*waiting[1:]) == [True] * 4
        assert await hashing.verify(kept, "a password")
    finally:
        hasher.may_go.set()
        hashing.close()
