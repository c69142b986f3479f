"""An error that nobody expected lets one account rest: no part begins again for all (F33)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.gateway.connections import Connections
from services.gateway.failures import Failures
from services.gateway.ports import ConnectedAccount
from services.kommo.settings import CallSettings
from services.log.kafka import TopicRefused
from services.sandbox.sample import ACCOUNT_ID, MANAGER_IDS
from tests.services.gateway.test_readers import Memory, directory_of, sweeper
from tests.services.gateway.test_rounds import Row
from tests.services.gateway.test_tasks import LIMITED, Rules, lists, reader
from tests.services.gateway.world import OneAccount, World, running, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

# What to run, and how to see that it did its work after all.
Part = tuple[Any, Callable[[], bool]]


def broken_once(work: Callable[..., Awaitable[Any]]) -> Any:
    """The same, but for the first time."""
    errors = [RuntimeError("refused")]

    async def broken(*words: Any, **named: Any) -> Any:
        if errors:
            raise errors.pop()
        return await work(*words, **named)

    return broken


def a_sweep(here: World) -> Part:
    store = Memory()
    store.load = broken_once(store.load)  # type: ignore[method-assign] # a store that refuses
    return sweeper(here, store), lambda: store.progress.watermark is not None


def a_round(here: World) -> Part:
    done: list[Row] = []

    async def pending(_: int, after: Row | None, __: Any) -> list[Row]:
        return [Row()] if after is None else []

    async def work(_: Any, rows: Any) -> None:
        done.extend(rows)

    return here.rounds(pending, broken_once(work)), lambda: bool(done)


def a_directory(here: World) -> Part:
    here.accounts.described = broken_once(here.accounts.described)  # type: ignore[method-assign] # likewise
    return directory_of(here), lambda: bool(here.accounts.directory)


def tasks_read(here: World) -> Part:
    return reader(here, broken_once(Rules(LIMITED))), lambda: bool(lists(here))


def a_flight(here: World) -> Part:
    here.books.pending = broken_once(here.books.pending)  # type: ignore[method-assign] # likewise
    here.books.decide(here.lead_ids, MANAGER_IDS[0])
    return here.pusher(), here.books.is_settled


def a_result(here: World) -> Part:
    here.books.publish = broken_once(here.books.publish)  # type: ignore[method-assign] # likewise
    here.books.decide(here.lead_ids, MANAGER_IDS[0])
    return here.pusher(), here.books.is_settled


@dataclass(frozen=True)
class TwoAccounts:
    """A registry with one before the sandbox's that makes no sense."""

    one: OneAccount

    async def connected(self) -> Sequence[ConnectedAccount]:
        nothing: Any = None
        return [
            ConnectedAccount(account_id=1, base_url=self.one.base_url, token=nothing),
            *await self.one.connected(),
        ]

    async def described(self, account_id: int) -> Mapping[str, Any]:
        raise NotImplementedError

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        raise NotImplementedError


PARTS = {
    a_sweep: "sweeper",
    a_round: "rounds_test",
    a_directory: "directory",
    tasks_read: "tasks",
    a_flight: "pusher",
    a_result: "pusher",
}


@pytest.mark.parametrize(("made", "name"), PARTS.items(), ids=[each.__name__ for each in PARTS])
async def test_F33_an_account_that_failed_is_left_alone_for_a_while_and_no_other_is(
    made: Callable[[World], Part], name: str
) -> None:
    async with world(3) as here:
        part, is_done = made(here)
        with capture_logs() as lines:
            async with running(part.run()):  # it would end by the error
                await until(is_done)

    failed = [line for line in lines if line["event"] == "work_failed"]
    assert [(line["work"], line["account_id"], line["reason"]) for line in failed] == [
        (name, ACCOUNT_ID, "RuntimeError")
    ]


async def test_F33_an_account_that_cannot_be_connected_keeps_no_other_from_it() -> None:
    async with world() as here:
        connections = Connections(TwoAccounts(here.accounts), here.limiter, CallSettings())
        with capture_logs() as lines:
            await connections.reload()

        failed = [line for line in lines if line["event"] == "work_failed"]
        assert [each.account_id for each in connections.all()] == [ACCOUNT_ID]
        assert [(line["work"], line["account_id"]) for line in failed] == [("connections", 1)]
        await connections.aclose()


def test_F33_whoever_looks_for_errors_finds_each_and_a_person_hears_of_what_they_must_mend() -> (
    None
):
    bug, refused = RuntimeError("refused"), TopicRefused("there is no topic")

    with pytest.raises(RuntimeError):
        Failures(60, "sweeper", is_strict=True).unexpected(ACCOUNT_ID, bug)
    with pytest.raises(TopicRefused):
        Failures(60, "sweeper").unexpected(ACCOUNT_ID, refused)


def test_F33_the_stack_of_an_error_is_told_once_until_the_account_is_well_again() -> None:
    failures, bug = Failures(60, "sweeper"), RuntimeError("refused")

    with capture_logs() as lines:
        pauses = [failures.unexpected(ACCOUNT_ID, bug) for _ in range(3)]
        failures.over(ACCOUNT_ID)
        pauses.append(failures.unexpected(ACCOUNT_ID, bug))

    assert pauses == [3.75, 7.5, 15.0, 3.75]
    assert [line["exc_info"] is bug for line in lines] == [True, False, False, True]
