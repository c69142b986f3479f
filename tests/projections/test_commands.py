"""Which commands were taken up: for a week, and the last time of each (A5.3)."""

from datetime import timedelta
from typing import Any

from contracts.events import CommandReceived
from domain.state.commands import KEPT_FOR
from projections import commands
from tests.projections.kit import ACCOUNT, NINE, apply, recorded


def received(message_id: str, after: timedelta = timedelta(0)) -> CommandReceived:
    return CommandReceived(message_id=message_id, command="pause", by="cli:root", at=NINE + after)


async def test_commands_are_found_by_the_ids_of_their_messages(pool: Any) -> None:
    await apply(pool, commands, recorded(received("a/1"), received("a/2"), received("b/1")))

    assert await commands.taken_up(pool, ACCOUNT, ["a/1", "a/2", "c/1"]) == {"a/1": 1, "a/2": 2}
    assert await commands.taken_up(pool, ACCOUNT + 1, ["a/1"]) == {}


async def test_I13_they_are_forgotten_when_the_account_forgets_them(pool: Any) -> None:
    second = timedelta(seconds=1)
    await apply(pool, commands, recorded(received("a"), received("b", second)))
    await apply(pool, commands, recorded(received("c", KEPT_FOR), after=2))

    assert await commands.taken_up(pool, ACCOUNT, ["a", "b", "c"]) == {"b": 2, "c": 3}


async def test_I9_one_that_is_taken_up_again_is_the_last_one_in_whatever_batches(pool: Any) -> None:
    again = recorded(received("a"), received("a", KEPT_FOR))
    await apply(pool, commands, again)

    assert await commands.taken_up(pool, ACCOUNT, ["a"]) == {"a": 2}
