"""Commands that took effect, so that a repeat of one changes nothing (A5.2, A5.7)."""

from datetime import datetime, timedelta

from domain.state.rows import Row, Unchanging, micros

KEPT_FOR = timedelta(days=7)
COMMANDS_MAX = 10_000  # 0.64 MB of a snapshot


class Taken(Unchanging, frozen=True, kw_only=True):
    """A command that was taken up.

    Attributes:
        version: Of the event that says so; what it came to follows there.
    """

    version: int
    at: datetime


def remember(commands: dict[str, Taken], message_id: str, taken: Taken) -> None:
    """Note a command, and forget what is too old or too much, the oldest first."""
    commands.pop(message_id, None)
    commands[message_id] = taken
    while True:
        oldest = next(iter(commands))
        if is_kept(commands[oldest], taken.at) and len(commands) <= COMMANDS_MAX:
            return
        del commands[oldest]


def is_kept(taken: Taken, now: datetime) -> bool:
    """Whether a repeat at an instant is known for one."""
    return now - taken.at < KEPT_FOR


def dump_taken(taken: Taken) -> Row:
    """As it is written, without its id."""
    return [taken.version, micros(taken.at)]
