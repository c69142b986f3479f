"""Named places at which a test makes the process die, raise, stall or hang; else nothing happens.

A point is armed by two environment variables, read once at the start of a process:

    FAIRLEAD_PROFILE=test
    FAIRLEAD_FAILPOINTS=allocator.after_append@2=kill,projector.in_tx@1=delay:500

The number says at which passing it acts, once. A test that means one deed of a process that is up
names a file in FAIRLEAD_FAILPOINTS_FROM: passings before it exists do not count. Without the
profile `test` the second variable is refused, so that no production process can have a point
armed (S24).
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from services.shared.errors import Malformed, Unavailable

PROFILE_VARIABLE = "FAIRLEAD_PROFILE"
POINTS_VARIABLE = "FAIRLEAD_FAILPOINTS"
FROM_VARIABLE = "FAIRLEAD_FAILPOINTS_FROM"
TEST_PROFILE = "test"
PRODUCTION_PROFILE = "production"
DELAY_MAX_MS = 60_000
HANG_S = 3_600.0

# Point to what has happened when it is passed, and what has not.
POINTS: Mapping[str, str] = {
    "ingress.after_read": "a body is read, nothing of it is durable",
    "ingress.after_ack": "all of a body is durable, no answer is sent",
    "spool.after_append": "the spool holds what the log would not take, no answer is sent",
    "spool.after_send": "the log has what the spool holds, the spool holds it still",
    "allocator.after_decide": "a batch is decided in memory, nothing is stored",
    "allocator.after_append": "events and position are stored, nobody was told",
    "allocator.after_snapshot": "a snapshot is stored, older ones are not pruned",
    "allocator.before_commit_offset": "stored positions are about to be copied to Kafka",
    "relay.after_send": "events are in the allocations log, the position is not stored",
    "projector.in_tx": "rows are written, their position and the commit are not",
    "projector.after_commit": "rows and position are committed, nobody was woken",
    "gateway.before_send": "the turn has come, the request is not sent",
    "gateway.after_send": "Kommo has answered, the result is not published",
    "gateway.after_tell": "the result is published, the decision is still on the board",
    "gateway.after_lookup": "a lead was read, what was found is not published",
    "gateway.after_notice": "notes or tasks are written or found, the result is not published",
    "gateway.after_webhook": "a target of webhooks has answered, nothing of it is stored",
    "gateway.after_settling": "an account knows that a target was told, the delivery does not",
    "token.before_request": "it is noted that a token is asked for, nothing is sent",
    "token.after_response": "Kommo has given new tokens, they are not stored",
    "sweep.after_publish": "a page's leads are published, the place in the sweep is not stored",
    "api.after_commit": "a command is recorded or decided, no answer is sent",
    "clock.before_emit": "timers are due, none is published",
    "clock.after_emit": "due timers are published, none is marked",
}
EXCEPTIONS: Mapping[str, type[Exception]] = {
    each.__name__: each for each in (Unavailable, Malformed, OSError, RuntimeError, TimeoutError)
}


class FailpointsRefused(Exception):
    """The variables ask for what cannot be, or what this process must not do."""


@dataclass(slots=True)
class _Armed:
    passings_left: int
    act: Callable[[], None]
    counts_from: Path | None = None


_armed: dict[str, _Armed] = {}


def failpoint(name: str) -> None:
    """Pass a point; only an armed one does anything."""
    if _armed:
        _pass(name)


def arm(environment: Mapping[str, str]) -> None:
    """Arm what the environment names, and nothing else.

    Raises:
        FailpointsRefused: The profile is not the test's, or a point, a passing or an action is
            unknown; nothing is armed.
    """
    _armed.clear()
    wanted = environment.get(POINTS_VARIABLE, "")
    if not wanted:
        return
    if environment.get(PROFILE_VARIABLE) == PRODUCTION_PROFILE:
        return  # refused with all else that it refuses, by `services.runtime.production`
    if environment.get(PROFILE_VARIABLE) != TEST_PROFILE:
        needed = f"{PROFILE_VARIABLE}={TEST_PROFILE}"
        raise FailpointsRefused(f"{POINTS_VARIABLE} is set; it is for tests only, with {needed}")
    read = dict(_read(text.strip()) for text in wanted.split(","))  # all or nothing
    file = environment.get(FROM_VARIABLE)
    counts_from = Path(file) if file else None
    _armed.update({name: replace(each, counts_from=counts_from) for name, each in read.items()})


def _pass(name: str) -> None:
    armed = _armed.get(name)
    if armed is None or (armed.counts_from is not None and not armed.counts_from.exists()):
        return
    armed.passings_left -= 1
    if armed.passings_left == 0:
        del _armed[name]
        armed.act()


def _read(text: str) -> tuple[str, _Armed]:
    where, _, action = text.partition("=")
    name, _, passing = where.partition("@")
    if name not in POINTS:
        raise FailpointsRefused(f"{POINTS_VARIABLE}: {name!r} is no point; known: {list(POINTS)}")
    if not (passing.isascii() and passing.isdigit() and int(passing) > 0):
        raise FailpointsRefused(
            f"{POINTS_VARIABLE}: {text!r}: expected {name}@<1 or more>=<action>"
        )
    return name, _Armed(int(passing), _action(text, action))


def _action(text: str, action: str) -> Callable[[], None]:
    kind, _, detail = action.partition(":")
    if action == "kill":
        return _kill
    if action == "hang":
        return lambda: time.sleep(HANG_S)
    if kind == "delay" and detail.isascii() and detail.isdigit() and int(detail) <= DELAY_MAX_MS:
        return lambda: time.sleep(int(detail) / 1_000)
    if kind == "raise" and detail in EXCEPTIONS:
        return lambda: _raise(EXCEPTIONS[detail])
    raise FailpointsRefused(
        f"{POINTS_VARIABLE}: {text!r}: expected kill, hang, delay:<0 to {DELAY_MAX_MS}>"
        f" or raise:<one of {', '.join(EXCEPTIONS)}>"
    )


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise(kind: type[Exception]) -> None:
    raise kind("a fail point was armed to raise")
