"""The hash chain on a real PostgreSQL: whoever can do everything there is found out (S23)."""

from typing import Any

import pytest

from contracts.events import Recorded
from services.shared.codec import encode_event
from services.storage.chain import SELECT_HEAD, Broken, Chain, ChainStore, Head, link, root
from services.storage.events import ConcurrentAppend, EventStore
from tests.services.storage.conformance import append
from tests.support.samples import assigned, looked_up

EVENTS = [assigned(1, 1), *(looked_up(1, version, cause=f"m{version}") for version in range(2, 8))]

ALTER = """
UPDATE account_events SET state = set_byte(state, 20, get_byte(state, 20) # 1)
WHERE originator_version = $1
"""
# The state and the name of either are the other's.
SWAP = """
UPDATE account_events AS one SET state = other.state, topic = other.topic
FROM account_events AS other
WHERE one.originator_version IN (2, 4) AND other.originator_version = 6 - one.originator_version
"""
COPY = """
INSERT INTO account_events (originator_id, originator_version, topic, state)
SELECT originator_id, {version}, topic, state FROM account_events WHERE originator_version = 2
"""
# All that follow get the next version, by way of negative ones.
MAKE_ROOM = """
UPDATE account_events SET originator_version = -originator_version - 1
WHERE originator_version >= 4
"""
MADE_ROOM = """
UPDATE account_events SET originator_version = -originator_version WHERE originator_version < 0
"""
INSERT_BETWEEN = (
    MAKE_ROOM,
    MADE_ROOM,
    COPY.format(version=4),
    "UPDATE account_heads SET version = version + 1",
)


async def verify(pool: Any, account_id: int = 1, *, after: int = 0, piece: int = 2) -> Head:
    """As an audit does it: events and links in pieces."""
    chains, events = ChainStore(pool), EventStore(pool)
    head = await chains.head(account_id)
    chain = await chains.behind(account_id, after)
    while stored := await events.stored({account_id: chain.version}, limit=piece):
        last = stored[-1].originator_version
        chain.expect(await chains.links(account_id, chain.version, last))
        for each in stored:
            chain.follow(each.originator_version, each.topic, each.state)
    chain.end(head)
    return head


async def recorded(pool: Any, events: list[Recorded] = EVENTS) -> None:
    """In appends of 1, 2, 3, ... events."""
    store, start, size = EventStore(pool), 0, 1
    while start < len(events):
        await append(store, *events[start : start + size], position=start + 1)
        start, size = start + size, size + 1


async def test_S23_the_chain_of_untouched_events_holds(pool: Any) -> None:
    await recorded(pool)

    head = await verify(pool)

    expected = root(1)
    for event in EVENTS:
        expected = link(expected, event.version, *encode_event(event))
    assert head == Head(len(EVENTS), expected)
    for after in range(len(EVENTS) + 1):
        assert await verify(pool, after=after) == head


async def test_S23_a_chain_does_not_depend_on_how_events_were_appended(pool: Any) -> None:
    await append(EventStore(pool), *EVENTS, position=1)
    at_once = await verify(pool)
    await pool.execute("TRUNCATE account_events, account_heads, account_links, positions")
    await recorded(pool)

    assert await verify(pool) == at_once


@pytest.mark.parametrize(
    ("tampering", "expected"),
    [
        ((ALTER.replace("$1", "3"),), (3, "event_altered")),
        (
            ("UPDATE account_events SET topic = 'lead.seen' WHERE originator_version = 5",),
            (5, "event_altered"),
        ),
        (("DELETE FROM account_events WHERE originator_version = 1",), (1, "event_missing")),
        (("DELETE FROM account_events WHERE originator_version = 4",), (4, "event_missing")),
        (("DELETE FROM account_events WHERE originator_version = 7",), (7, "event_missing")),
        (("DELETE FROM account_events",), (1, "event_missing")),
        ((SWAP,), (2, "event_altered")),
        (INSERT_BETWEEN, (4, "event_altered")),
        ((COPY.format(version=8),), (8, "event_beyond_head")),
        ((COPY.format(version=0),), (0, "event_beyond_head")),
        (("DELETE FROM account_links WHERE first = 2",), (2, "link_missing")),
        (("DELETE FROM account_links WHERE first = 4",), (4, "link_missing")),
        (
            ("UPDATE account_links SET links = set_byte(links, 40, 0) WHERE first = 4",),
            (5, "event_altered"),
        ),
        (("UPDATE account_heads SET link = sha256('x')",), (7, "head_altered")),
        (
            (
                "DELETE FROM account_events WHERE originator_version = 7",
                "UPDATE account_heads SET version = 6",
            ),
            (6, "head_altered"),
        ),
    ],
)
async def test_S23_whatever_a_superuser_does_to_events_breaks_the_chain_there(
    pool: Any, tampering: tuple[str, ...], expected: tuple[int, str]
) -> None:
    await recorded(pool)
    await verify(pool)

    for statement in tampering:
        assert await pool.execute(statement) not in {"UPDATE 0", "DELETE 0"}

    with pytest.raises(Broken) as broken:
        await verify(pool)
    assert (broken.value.version, broken.value.what) == expected


async def test_S23_every_byte_of_every_event_counts(pool: Any) -> None:
    await recorded(pool, EVENTS[:3])
    stored = await EventStore(pool).stored({1: 0}, limit=10)
    written = await ChainStore(pool).links(1, 0, 3)
    found = 0

    for each in stored:
        for place in range(len(each.state)):
            altered = bytearray(each.state)
            altered[place] ^= 1
            chain = Chain.of(1)
            chain.expect(written)
            for before in stored[: each.originator_version - 1]:
                chain.follow(before.originator_version, before.topic, before.state)
            with pytest.raises(Broken, match="event_altered"):
                chain.follow(each.originator_version, each.topic, bytes(altered))
            found += 1

    assert found == sum(len(each.state) for each in stored) > 0


async def test_S23_events_of_another_account_do_not_fit(pool: Any) -> None:
    await append(EventStore(pool), looked_up(1, 1), looked_up(2, 1), position=1)
    await verify(pool, 1)
    await verify(pool, 2)
    links = await pool.fetch("SELECT account_id, links FROM account_links ORDER BY account_id")
    assert links[0]["links"] != links[1]["links"]


async def test_S23_an_append_that_fails_links_nothing(pool: Any) -> None:
    await recorded(pool)
    before = await pool.fetch("SELECT * FROM account_links ORDER BY first")

    with pytest.raises(ConcurrentAppend):
        await append(EventStore(pool), looked_up(2, 1), looked_up(1, 9), position=100)

    assert await pool.fetch("SELECT * FROM account_links ORDER BY first") == before
    await verify(pool)


async def as_before_the_chain(pool: Any, account_id: int = 1) -> None:
    """As a release left it that knew no chain."""
    await pool.execute("DELETE FROM account_links WHERE account_id = $1", account_id)
    await pool.execute("UPDATE account_heads SET link = NULL WHERE account_id = $1", account_id)


async def test_S23_old_events_are_linked_piece_by_piece(pool: Any) -> None:
    store, chains = EventStore(pool), ChainStore(pool)
    await recorded(pool)
    linked_at_once = await chains.head(1)
    await as_before_the_chain(pool)
    assert await chains.unlinked() == [1]

    assert await chains.link_old(1, events_max=3) == 3
    await append(store, looked_up(1, 8), position=50)  # meanwhile, by the allocator
    with pytest.raises(Broken, match="event 4: link_missing"):
        await verify(pool)
    assert [await chains.link_old(1, events_max=3) for _ in range(3)] == [3, 2, 0]

    assert await chains.unlinked() == []
    assert (await verify(pool)).version == 8
    assert (await chains.behind(1, 7)).link == linked_at_once.link
    each = {version: (await chains.behind(1, version)).link for version in (1, 3, 4, 8)}
    assert await chains.links_of(1, [1, 3, 4, 8, 9]) == each
    await append(store, looked_up(1, 9), position=51)
    assert (await verify(pool)).version == 9


async def test_S23_old_events_with_a_gap_are_linked_up_to_it(pool: Any) -> None:
    chains = ChainStore(pool)
    await recorded(pool)
    await as_before_the_chain(pool)
    await pool.execute("DELETE FROM account_events WHERE originator_version = 5")

    assert [await chains.link_old(1, events_max=3) for _ in range(2)] == [3, 1]
    with pytest.raises(Broken, match="event 5: event_missing"):
        await chains.link_old(1, events_max=3)
    with pytest.raises(Broken, match="event 5: event_missing"):
        await verify(pool)


async def test_S23_the_ends_of_a_long_history_are_looked_up_and_not_searched(pool: Any) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        plan = [row[0] for row in await connection.fetch(f"EXPLAIN {SELECT_HEAD}", 1)]

    ends = [line for line in plan if "Index Cond" in line and "originator_id" in line]
    assert len(ends) == 2
    assert all("originator_version" in line for line in ends), "\n".join(plan)
