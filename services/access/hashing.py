"""Passwords are hashed beside the loop, a few at once: a flood cannot take the memory (S29)."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from services.access.tokens import new_token
from services.shared.errors import Unavailable

T = TypeVar("T")

WITHIN_S = 10.0


class TooManyAtOnce(Unavailable):
    """Others wait to have their passwords checked; the same may be tried again soon."""


class Hashing:
    """argon2id in threads of its own.

    Each hash takes 64 MiB for a twentieth of a second of a core, so that guessing is dear.
    """

    def __init__(
        self, *, threads: int, queue_max: int, hasher: argon2.PasswordHasher | None = None
    ) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._under_way_max = threads + queue_max
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            TooManyAtOnce: It was not tried.
        """
        return await self._beside_loop(self._hash, password)

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; the same work is done when none is kept.

        Raises:
            TooManyAtOnce: It was not tried.
        """
        return await self._beside_loop(self._verify, kept, password)

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed in another way than is done now."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """Take no more; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _nobodys(self) -> str:
        """Of a password that nobody has, for logins that nobody has."""
        return self._hasher.hash(new_token())

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_same(password))

    def _verify(self, kept: str | None, password: str) -> bool:
        try:
            self._hasher.verify(kept or self._nobodys, _same(password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    async def _beside_loop(self, work: Callable[..., T], *arguments: object) -> T:
        if self._under_way >= self._under_way_max:
            raise TooManyAtOnce("many sign in at this moment")
        self._under_way += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        # Whoever hung up is waited for by the thread, not by us: it counts until it is done.
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), WITHIN_S)
        except TimeoutError as error:
            raise TooManyAtOnce("many sign in at this moment") from error

    def _done(self, future: asyncio.Future[T]) -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # whoever waited has seen it


def _same(password: str) -> str:
    """One form of what keyboards write in several."""
    return unicodedata.normalize("NFKC", password)
