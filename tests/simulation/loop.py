"""An event loop without a world: time is virtual, and the order of things comes from a seed.

The roles run on it as they are. Each belongs to a *process*, which its callbacks inherit by their
context. Within a process callbacks run in the order in which they were scheduled, as asyncio
promises; which process goes next is drawn. When no process has anything to do, the time jumps to
the next timer, so that a week costs no more than what happens in it.

A process can be killed before any of its callbacks: none of them ever runs again, no `finally`
either, as with SIGKILL. It can be frozen, as with SIGSTOP: its callbacks wait, timers included.
"""

import asyncio
import contextlib
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from random import Random
from typing import Any, NoReturn

STEPS_MAX = 2_000_000
CLOSINGS_MAX = 5


class Stuck(Exception):
    """Nothing can ever happen again, or too much does."""


class Process:
    """One process of the simulated machines: alive, frozen or dead.

    Attributes:
        steps: How many callbacks it has run.
        dies_at: It is killed before its callback of this number.
        on_death: Called once it is dead, by the loop.
        on_freeze: Called each time it is stopped.
        on_thaw: Called each time it goes on.
        skew_s: How far its wall clock is from the true one.
    """

    def __init__(self, name: str, loop: "SimulatedLoop") -> None:
        self.name = name
        self.loop = loop
        self.is_alive = True
        self.is_frozen = False
        self.is_listed = False
        self.steps = 0
        self.dies_at = -1
        self.skew_s = 0.0
        self.on_death: list[Callable[[], None]] = []
        self.on_freeze: list[Callable[[], None]] = []
        self.on_thaw: list[Callable[[], None]] = []
        self.ready: deque[_Turn] = deque()
        self.context = contextvars.Context()
        self.context.run(_PROCESS.set, self)
        self._tasks: list[asyncio.Task[Any]] = []
        self._prune_at = 64

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine in this process."""
        return self.loop.create_task(work, context=self.context.copy())

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold a task, so that the death of its process leaves it where it stands."""
        self._tasks.append(task)
        if len(self._tasks) >= self._prune_at:
            self._tasks = [each for each in self._tasks if not each.done()]
            self._prune_at = 2 * len(self._tasks) + 64

    def kill(self) -> None:
        """Let nothing of it run any more."""
        if not self.is_alive:
            return
        self.is_alive = False
        self.ready.clear()
        callbacks, self.on_death = self.on_death, []
        for callback in callbacks:
            callback()

    def freeze(self) -> None:
        """Stop running it; what becomes due waits."""
        self.is_frozen = True
        for callback in self.on_freeze:
            callback()

    def thaw(self) -> None:
        """Let it go on with all that waited."""
        self.is_frozen = False
        self.loop.list_runnable(self)
        for callback in self.on_thaw:
            callback()

    def bury(self) -> None:
        """Close what was left unfinished, without a word of complaint."""
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                for _ in range(CLOSINGS_MAX):  # an await in a `finally` takes another one
                    with contextlib.suppress(BaseException):
                        coroutine.close()  # type: ignore[union-attr]
                        break


class _Turn(asyncio.TimerHandle):
    """A callback of a process, at once or later.

    Made without what asyncio does for debuggers, which took a tenth of a seed.
    """

    __slots__ = ("process",)

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "SimulatedLoop",
        context: contextvars.Context | None,
        when: float,
    ) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = contextvars.copy_context() if context is None else context
        self._cancelled = self._scheduled = False
        self._repr = self._source_traceback = None
        self._when = when
        self.process: Process = self._context.get(_PROCESS) or loop.harness


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs the processes of one seed."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random.random
        self._now = 0.0
        self._numbers = count()
        self._timers: list[tuple[float, int, _Turn]] = []
        self._runnable: list[Process] = []
        self._processes: list[Process] = []
        self._is_over = False
        self._thread_free_at: dict[object, float] = {}
        self.steps = 0
        self.errors: list[dict[str, Any]] = []
        self.set_task_factory(_make_task)
        self.set_exception_handler(lambda _, context: self.errors.append(context))
        self.harness = self.process("harness")

    def process(self, name: str) -> Process:
        """A new process."""
        process = Process(name, self)
        self._processes.append(process)
        return process

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run to the end of the work, then end everything else."""
        try:
            self.run_until_complete(self.harness.spawn(work))
        finally:
            self._is_over = True
            for process in self._processes:
                process.bury()
            self.close()

    # What asyncio asks of a loop.

    def time(self) -> float:
        """The virtual time, in seconds since the begin of the seed."""
        return self._now

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Schedule a callback in the process of its context."""
        turn = _Turn(callback, args, self, context, self._now)
        if not self._is_over:
            self._enqueue(turn)
        return turn

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule a callback for a virtual time."""
        timer = _Turn(callback, args, self, context, when)
        if not self._is_over:
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule a callback for so many virtual seconds later."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        """There are no threads."""
        raise NotImplementedError

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Do the work of a thread a little later, one thing after the other per executor.

        It happens in between the begin and the end of the wait: a process that is killed may or
        may not have done it.
        """
        future = self.create_future()
        begins = max(self._now, self._thread_free_at.get(executor, 0.0)) + 0.01 * self._random()
        ends = begins + 0.01 * self._random()
        self._thread_free_at[executor] = ends
        self.call_at(begins, self._work, future, ends, func, args)
        return future

    def _work(
        self, future: asyncio.Future[Any], ends: float, func: Callable[..., Any], args: Any
    ) -> None:
        try:
            result, error = func(*args), None
        except Exception as raised:  # noqa: BLE001 - a thread's error goes to whoever waits
            result, error = None, raised

        def tell() -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.call_at(ends, tell)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers fall off the heap when they come due."""

    def _asyncgen_firstiter_hook(self, agen: Any) -> None:
        """Generators die with their process."""

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """Generators die with their process."""

    def _run_once(self) -> None:
        runnable, draw = self._runnable, self._random
        while not self._stopping:  # type: ignore[attr-defined]
            if not runnable:
                self._jump()
                continue
            place = int(draw() * len(runnable)) if len(runnable) > 1 else 0
            process = runnable[place]
            if not process.ready or process.is_frozen:
                runnable[place] = runnable[-1]
                runnable.pop()
                process.is_listed = False
                continue
            turn = process.ready.popleft()
            process.steps += 1
            self.steps += 1
            if process.steps == process.dies_at:
                process.kill()
                continue
            if not turn._cancelled:
                turn._run()
            if self.steps >= STEPS_MAX:
                raise Stuck(f"{STEPS_MAX} steps, and no end at {self._now:.0f} s")

    def _jump(self) -> None:
        """Go to the next timer, and take all of that moment."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Stuck("nothing is left to happen")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            _, _, timer = heapq.heappop(timers)
            if not timer._cancelled:
                self._enqueue(timer)

    def _enqueue(self, turn: _Turn) -> None:
        process = turn.process
        if process.is_alive:
            process.ready.append(turn)
            if not process.is_listed:
                self.list_runnable(process)

    def list_runnable(self, process: Process) -> None:
        """Let a process have its turns, if there is something for it to do."""
        if process.ready and not process.is_listed and not process.is_frozen:
            process.is_listed = True
            self._runnable.append(process)


_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


def running() -> str:
    """The name of the process whose callback is running."""
    process = _PROCESS.get()
    return process.name if process is not None else "loop"


def _make_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **options)
    context = options.get("context")
    process = context.get(_PROCESS) if context is not None else _PROCESS.get()
    if process is not None:
        process.keep(task)
    return task
