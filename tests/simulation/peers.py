"""Servers that others call over a network: the log, the database, each with its bad days.

A request that was sent arrives whatever becomes of its sender, and takes effect as a whole or not
at all. What may get lost is the answer, and then the sender cannot know (F19, F38).
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from services.shared.errors import Unavailable
from tests.simulation.faults import Faults
from tests.simulation.loop import Process

GIVES_UP_S = 10.0


class Peer:
    """A server whose state outlives everything.

    Attributes:
        is_down: Refuses every call.
        is_hanging: Takes calls, says nothing.
        slow_s: Up to so long for each way.
        lost_answers: Share of the calls that take effect and are not answered.
    """

    def __init__(self, name: str, process: Process, random: Random, faults: Faults) -> None:
        self.name = name
        self._loop = process.loop
        self._context = process.context
        self._draw = random.random
        self._faults = faults
        self.is_down = False
        self.is_hanging = False
        self.slow_s = 0.0
        self.lost_answers = 0.0

    def heal(self) -> None:
        """Answer at once, whatever was asked."""
        self.is_down = self.is_hanging = False
        self.slow_s = self.lost_answers = 0.0

    def call(self, act: Callable[[], Any]) -> asyncio.Future[Any]:
        """What the act returns or raises; `Unavailable` on a bad day."""
        future = self._loop.create_future()
        self._loop.call_later(self._way_s(), self._arrive, future, act, context=self._context)
        return future

    def _way_s(self) -> float:
        way_s = 0.002 * self._draw()
        if self.slow_s:
            self._faults.note(f"{self.name}.slow")
            way_s += self.slow_s * self._draw()
        return way_s

    def _arrive(self, future: asyncio.Future[Any], act: Callable[[], Any]) -> None:
        if self.is_down or self.is_hanging:
            self._faults.note(f"{self.name}.down")
            wait_s = GIVES_UP_S if self.is_hanging else 0.01
            self._answer_later(wait_s, future, None, Unavailable(f"{self.name} is away"))
            return
        result, error = None, None
        try:
            result = act()
        except Exception as raised:  # noqa: BLE001 - the caller's
            error = raised
        if self.lost_answers and self._draw() < self.lost_answers:
            self._faults.note(f"{self.name}.unknown")
            wait_s = GIVES_UP_S * self._draw()
            self._answer_later(wait_s, future, None, Unavailable(f"{self.name}: no answer"))
            return
        self._answer_later(self._way_s(), future, result, error)

    def _answer_later(
        self, wait_s: float, future: asyncio.Future[Any], result: Any, error: Exception | None
    ) -> None:
        self._loop.call_later(wait_s, _answer, future, result, error, context=self._context)


def _answer(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
