"""Work of a role that never ends by itself, and does not end by an error that nobody expected.

What a peer's absence means each work knows by itself. Anything else is a bug, or a database that
refuses a statement: it is logged with its stack, and that work alone begins again after a pause.
Work that goes from account to account lets alone the one that failed, and goes on with the others.
Were it to end the role instead, webhooks would find nobody, for want of a table that is tidied.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from services.shared.errors import NeedsMending

log = structlog.get_logger(__name__)

PAUSE_FIRST_S = 1.0
PAUSE_MAX_S = 60.0

Work = Callable[[], Coroutine[Any, Any, Any]]
# Runs work of that name.
Runs = Callable[[str, Work], Coroutine[Any, Any, None]]
Sleep = Callable[[float], Awaitable[object]]


async def lasting(name: str, work: Work, *, sleep: Sleep = asyncio.sleep) -> None:
    """Do work until it ends or is cancelled, again after whatever goes wrong in it.

    Args:
        name: What the log calls it.
        work: Begins it; what it keeps between two beginnings is its own.
        sleep: Passes the pauses, which grow up to a minute.

    Raises:
        services.shared.errors.NeedsMending: Nobody but a person can help.
        asyncio.CancelledError: It was cancelled, whatever else went wrong as it ended.
    """
    loop, pause_s = asyncio.get_running_loop(), PAUSE_FIRST_S
    while True:
        began_at = loop.time()
        try:
            await work()
        except Exception as error:
            if _needs_mending(error):
                raise
            if loop.time() - began_at > PAUSE_MAX_S:
                pause_s = PAUSE_FIRST_S
            stack = error if pause_s == PAUSE_FIRST_S else None
            reason = type(error).__name__
            log.error("work_failed", work=name, reason=reason, pause_s=pause_s, exc_info=stack)  # noqa: TRY400 - its stack once
            if _is_cancelled():
                # What failed while it tidied up hides that; it would begin again, and never stop.
                raise asyncio.CancelledError from error
        else:
            return
        await sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


def tell_failed(name: str, account_id: int, error: Exception, *, is_first: bool = True) -> None:
    """One account failed in work for many, by what nobody expected; the others go on.

    Args:
        name: What the log calls the work.
        account_id: Which one.
        error: What went wrong, while it is handled.
        is_first: The stack is logged, too: it is not yet known.

    Raises:
        services.shared.errors.NeedsMending: Nobody but a person can help.
    """
    if _needs_mending(error):
        raise error
    reason, stack = type(error).__name__, error if is_first else None
    log.error("work_failed", work=name, account_id=account_id, reason=reason, exc_info=stack)


async def once(name: str, work: Work) -> None:
    """Do work, and let an error end whatever it is a part of; where each one is to be found."""
    del name
    await work()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _needs_mending(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.subgroup(NeedsMending) is not None
    return isinstance(error, NeedsMending)
