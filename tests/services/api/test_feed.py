"""The feed: the account's own log, resumed anywhere, for whoever may, as long as they may (A8)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.events import LookupRequested, Recorded
from services.access.wiring import Access
from services.api import frames
from services.application.installation import Installation
from services.storage.accounts import AccountRegistry
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.wakeup import ALLOCATIONS, Wakeup
from services.web.streams import StreamLimits, Streams
from tests.services.access.kit import grant
from tests.services.api.kit import client, key_for, registered, served
from tests.services.application.audit.kit import NINE, NOBODY, audience
from tests.services.storage.conformance import append
from tests.support.sse import Reader, Told, told
from tests.support.vault import VAULT
from tests.support.waiting import until

OFTEN = StreamLimits(per_principal=200, comment_s=0.05, rights_s=0.05)


@dataclass(slots=True, kw_only=True)
class Followed:
    """A served account, and how far it has got."""

    address: str
    account_id: int
    installation: Installation
    access: Access
    key: str
    streams: Streams
    stop: asyncio.Event
    last: int
    owner: Any

    @property
    def feed(self) -> str:
        return f"/accounts/{self.account_id}/feed"

    @property
    def events(self) -> str:
        return f"/accounts/{self.account_id}/events"

    @property
    def key_id(self) -> str:
        return self.key.split("_")[1]

    def open_streams(self) -> int:
        return self.streams.count(f"key:{self.key_id}")

    async def happens(self, count: int) -> list[Recorded]:
        """So many events more, in one go."""
        more = [
            Recorded(
                account_id=self.account_id,
                version=version,
                cause="test",
                event=LookupRequested(lead_id=version, reason="", at=NINE),
            )
            for version in range(self.last + 1, self.last + count + 1)
        ]
        await append(EventStore(self.owner), *more, position=1_000_000 + self.last)
        self.installation.wakeup.notify(ALLOCATIONS)
        self.last += count
        return more


@pytest.fixture(scope="module")
def account_id(shared_database: str) -> int:
    """An account with a history, shared by all tests: they only ever add to it."""

    async def make() -> int:
        pool = await open_pool(shared_database, size_max=2)
        account_id = await registered(await audience(pool))
        await pool.close()
        return account_id

    return asyncio.run(make())


Following = Callable[[StreamLimits], AbstractAsyncContextManager[Followed]]


@pytest.fixture
async def follow(shared_database: str, account_id: int, owner: Any, access: Access) -> Following:
    """Has it served, behind both walls of the database (S5, S27)."""

    @asynccontextmanager
    async def begin(limits: StreamLimits) -> AsyncIterator[Followed]:
        installation = Installation(
            data=Path(),
            database=None,
            pool=access.pool,
            wakeup=Wakeup(shared_database),
            events=EventStore(access.pool),
            accounts=AccountRegistry(access.pool, VAULT),
            dead_letters=DeadLetters(access.pool, VAULT),
            log=NOBODY,
        )
        streams, stop = Streams(limits), asyncio.Event()
        async with served(installation, access, streams=streams, stop=stop) as address:
            yield Followed(
                address=address,
                account_id=account_id,
                installation=installation,
                access=access,
                key=await key_for(access, grant("viewer", account_id)),
                streams=streams,
                stop=stop,
                last=await EventStore(owner).head(account_id),
                owner=owner,
            )

    return begin


@pytest.fixture
async def it(follow: Following) -> AsyncIterator[Followed]:
    async with follow(OFTEN) as followed:
        yield followed


async def take(pieces: AsyncIterator[bytes], last: int) -> list[Told]:
    """Events up to a version."""
    found: list[Told] = []
    async for event in told(pieces):
        found.append(event)
        if event.id == str(last):
            return found
    raise AssertionError(f"the stream ended before {last}, after {found[-1:]}")


def names(events: Sequence[Told]) -> list[tuple[str, str]]:
    return [(event.id, event.event) for event in events]


async def log_of(it: Followed) -> list[tuple[str, str]]:
    """What was stored, as the table has it."""
    rows = await it.owner.fetch(
        "SELECT originator_version, topic FROM account_events ORDER BY originator_version"
    )
    return [(str(row[0]), row[1]) for row in rows]


async def test_A8_1_A8_2_what_holds_for_every_stream_is_as_it_was_promised() -> None:
    limits = StreamLimits()

    assert (limits.per_principal, limits.comment_s, limits.rights_s) == (5, 15, 60)
    assert (limits.unread_max, limits.behind_max) == (1_000, 100_000)
    assert frames.opening(7, retry_ms=limits.retry_ms) == b"retry: 3000\nid: 7\n\n"


async def test_A8_1_resumed_at_any_version_it_is_what_was_stored(it: Followed) -> None:
    stored = await log_of(it)
    async with client(it.address, it.key) as reader:
        for version in range(it.last):
            headers = {"last-event-id": str(version)}
            async with reader.stream("GET", it.feed, headers=headers) as answer:
                events = await take(answer.aiter_raw(), it.last)

            assert names(events) == stored[version:]


async def test_A14_1_A8_1_cut_at_any_byte_the_reader_knows_exactly_what_they_have(
    it: Followed,
) -> None:
    stored = await log_of(it)
    whole = b""
    async with (
        client(it.address, it.key) as reader,
        reader.stream("GET", it.feed, params={"after": 0}) as answer,
    ):
        async for piece in answer.aiter_raw():
            whole += piece
            if b"\nid: %d\n" % it.last in whole and whole.endswith(b"\n\n"):
                break

    reader_of_all, known = Reader(), []
    for place in range(len(whole)):
        known += reader_of_all.feed(whole[place : place + 1])

        at = int(reader_of_all.last_id or 0)
        assert names(known) == stored[:at]
    assert names(known) == stored
    assert reader_of_all.retry_ms == 3_000


async def test_A8_1_what_happens_is_told_as_it_happens_to_everybody(it: Followed) -> None:
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(client(it.address, it.key))
        answers = [await stack.enter_async_context(reader.stream("GET", it.feed)) for _ in range(3)]
        streams = [answer.aiter_raw() for answer in answers]
        for stream in streams:
            await anext(stream)  # from here on, nothing is missed
        more = await it.happens(3)
        found = [await take(stream, more[-1].version) for stream in streams]

    expected = [(str(each.version), "lookup.requested") for each in more]
    assert [names(each) for each in found] == [expected] * 3


async def test_A8_1_a_filter_passes_over_and_the_place_moves_all_the_same(it: Followed) -> None:
    stored = [each for each in await log_of(it) if each[1] == "lead.assigned"]
    place = Reader()
    async with (
        client(it.address, it.key) as reader,
        reader.stream("GET", it.feed, params={"after": 0, "types": "lead.assigned"}) as answer,
    ):
        events = []
        async for piece in answer.aiter_raw():
            events += place.feed(piece)
            if place.last_id == str(it.last):
                break

    assert stored
    assert names(events) == stored
    assert place.comments


async def test_A8_3_pages_are_the_same_and_wait_for_what_is_to_come(it: Followed) -> None:
    stored = await log_of(it)
    found: list[tuple[str, str]] = []
    async with client(it.address, it.key) as reader:
        before = it.last
        page: dict[str, Any] = {"next_after": 0, "as_of_version": it.last}
        while page["next_after"] < page["as_of_version"]:
            query = {"after": page["next_after"], "limit": 7}
            page = (await reader.get(it.events, params=query)).json()
            found += [(str(each["version"]), each["type"]) for each in page["items"]]
        query = {"after": before, "wait": 30}
        waiting = asyncio.create_task(reader.get(it.events, params=query, timeout=60))
        await until(lambda: it.open_streams() == 1)
        await it.happens(1)
        answer = (await waiting).json()
        empty = (await reader.get(it.events, params={"after": it.last})).json()

    assert found == stored
    assert [each["version"] for each in answer["items"]] == [before + 1]
    assert empty == {"items": [], "next_after": it.last, "as_of_version": it.last}


async def test_A8_3_pages_of_some_types_end_where_the_log_does(it: Followed) -> None:
    async with client(it.address, it.key) as reader:
        types = ["lead.assigned", "rules.applied"]
        query = {"after": 0, "types": types, "limit": 1_000}
        page = (await reader.get(it.events, params=query)).json()

    stored = [each for each in await log_of(it) if each[1] in types]
    assert [(str(each["version"]), each["type"]) for each in page["items"]] == stored
    assert page["next_after"] == page["as_of_version"] == it.last


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"after": 1_000_000}, 422),  # a backup was restored: going on would miss what is new
        ({"after": -1}, 422),
        ({"after": "x"}, 422),
        ({"after": 2**63}, 422),
        ({"types": "lead.asigned"}, 422),
    ],
)
async def test_A8_1_a_place_that_cannot_be_is_refused(
    it: Followed, query: dict[str, Any], status: int
) -> None:
    async with client(it.address, it.key) as reader:
        answers = [await reader.get(path, params=query) for path in (it.feed, it.events)]

    assert [answer.status_code for answer in answers] == [status] * 2


async def test_A7_so_many_streams_and_no_more(follow: Following) -> None:
    async with (
        follow(StreamLimits(per_principal=2)) as it,
        client(it.address, it.key) as reader,
    ):
        async with reader.stream("GET", it.feed), reader.stream("GET", it.feed):
            refused = await reader.get(it.feed)
        await until(lambda: it.open_streams() == 0)
        async with reader.stream("GET", it.feed) as answer:
            status = answer.status_code

    assert refused.status_code == 429
    assert refused.json()["type"] == "/problems/too-many-streams"
    assert refused.headers["retry-after"]
    assert status == 200


async def test_A8_2_too_much_to_catch_up_with_is_for_pages(follow: Following) -> None:
    async with (
        follow(replace(OFTEN, behind_max=5)) as it,
        client(it.address, it.key) as reader,
    ):
        place = Reader()
        async with reader.stream("GET", it.feed, params={"after": 2}) as answer:
            events = [each async for each in told(answer.aiter_raw(), place)]

        assert [(each.event, each.data) for each in events] == [
            ("reset", {"after": 2, "as_of_version": it.last})
        ]
        assert place.last_id == "2"


@pytest.mark.parametrize("how", ["key", "grant"])
async def test_A8_2_who_may_no_more_is_told_no_more(it: Followed, how: str) -> None:
    async with (
        client(it.address, it.key) as reader,
        reader.stream("GET", it.feed, params={"after": 0}) as answer,
    ):
        pieces = answer.aiter_raw()
        events = await take(pieces, 3)
        key = await it.access.keys.get(it.key_id)
        assert key is not None
        assert key.person_id is not None
        if how == "key":
            await it.access.keys.revoke(key, by="cli:root")
        else:
            held = grant("viewer", it.account_id)
            await it.access.people.revoke(key.person_id, held)
        async for _ in pieces:
            pass
        again = await reader.get(it.feed)

    assert events
    assert again.status_code in {401, 404}


async def test_A8_2_a_slow_reader_is_closed_and_costs_nobody_else(follow: Following) -> None:
    """They take nothing while more happens than is kept: closed, they come again."""
    limits = StreamLimits(unread_max=100)
    async with (
        follow(limits) as it,
        client(it.address, it.key) as slow,
        client(it.address, it.key) as quick,
        quick.stream("GET", it.feed) as awake,
    ):
        before, pieces, place = it.last, awake.aiter_raw(), Reader()
        found: list[Told] = []
        async with slow.stream("GET", it.feed) as asleep:
            while it.open_streams() == 2:
                await it.happens(2_000)
                while place.last_id != str(it.last):
                    found += place.feed(await anext(pieces))
            rest = Reader()
            got: list[Told] = []
            with suppress(httpx.HTTPError):  # hung up on
                async for piece in asleep.aiter_raw():
                    got += rest.feed(piece)
        headers = {"last-event-id": rest.last_id or str(before)}
        async with slow.stream("GET", it.feed, headers=headers) as answer:
            got += await take(answer.aiter_raw(), it.last)

    assert [int(each.id) for each in found] == list(range(before + 1, it.last + 1))
    assert got == found


async def test_F13_a_hundred_streams_end_before_the_process_waits_for_them(
    follow: Following,
) -> None:
    async with follow(StreamLimits(per_principal=200)) as it, AsyncExitStack() as stack:
        reader = await stack.enter_async_context(client(it.address, it.key))
        answers = [
            await stack.enter_async_context(reader.stream("GET", it.feed)) for _ in range(99)
        ]
        query = {"after": it.last, "wait": 30}
        waiting = asyncio.create_task(reader.get(it.events, params=query, timeout=60))
        await until(lambda: it.open_streams() == 100)
        it.stop.set()
        ends = [b"".join([piece async for piece in answer.aiter_raw()]) for answer in answers]
        page = await waiting

    assert all(end.endswith(b"\n\n") for end in ends)
    assert page.json()["items"] == []
