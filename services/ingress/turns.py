"""Bodies are read a piece at a time, and accounts take turns (F34, F70).

A body of 1 MB is some 100 ms of work. Done at once it is what everybody else waits for; done in a
thread it is no better, for threads of Python share one core and hand it over every 5 ms.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from contracts.kommo.steps import Steps
from services.shared.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Work(Generic[T]):
    steps: Steps[T]
    deadline: float
    done: asyncio.Future[T]


class Turns:
    """Does work in steps: one of each account, then one of each again.

    Work of one account is done in the order in which it came, and never mixed.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, deque[_Work[Any]]] = {}  # in the order of their turns
        self._is_running = False

    async def take(self, account_id: int, steps: Steps[T], *, deadline: float) -> T:
        """Do the work.

        What is done in one step, as most bodies are, is done at once if nothing waits.

        Args:
            account_id: Whose turns it takes.
            steps: The work.
            deadline: In the loop's time.

        Raises:
            services.shared.errors.Unavailable: It was not done in time, and is given up.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
        done: asyncio.Future[T] = loop.create_future()
        work = _Work(steps, deadline, done)
        self._waiting.setdefault(account_id, deque()).append(work)
        self._go_on()
        return await done

    def _go_on(self) -> None:
        if self._waiting and not self._is_running:
            self._is_running = True
            # Whatever arrived meanwhile is read by the loop before the next step.
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._is_running = False
        account_id = next(iter(self._waiting))
        queue = self._waiting.pop(account_id)
        if _advanced(queue[0]):
            queue.popleft()
        if queue:
            self._waiting[account_id] = queue
        self._go_on()


def _advanced(work: _Work[Any]) -> bool:
    """Whether it is done after one more step."""
    if work.done.done():  # nobody waits for it any more
        work.steps.close()
        return True
    if asyncio.get_running_loop().time() > work.deadline:
        work.steps.close()
        work.done.set_exception(Unavailable("the body could not be read in time"))
        return True
    try:
        next(work.steps)
    except StopIteration as end:
        work.done.set_result(end.value)
    except Exception as error:  # noqa: BLE001  # whoever waits for it has it
        work.done.set_exception(error)
    else:
        return False
    return True
