"""Old events get their links at the first start (S23)."""

from typing import Any

from services.allocator import linking
from services.storage.chain import ChainStore
from services.storage.events import EventStore
from tests.services.storage.conformance import append
from tests.support.samples import looked_up


async def test_S23_all_old_events_are_linked_once(pool: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(linking, "EVENTS_MAX", 2)
    store, chains = EventStore(pool), ChainStore(pool)
    for account_id in (1, 2, 3):
        events = [looked_up(account_id, version) for version in range(1, 6)]
        await append(store, *events, position=account_id)
    heads = [await chains.head(account_id) for account_id in (1, 2, 3)]
    await pool.execute("DELETE FROM account_links WHERE account_id < 3")
    await pool.execute("UPDATE account_heads SET link = NULL WHERE account_id < 3")
    # Events of account 1 are gone; the others' get their links all the same.
    await pool.execute("DELETE FROM account_events WHERE originator_id = 'account-1'")

    await linking.link_old_events(pool)

    assert await chains.unlinked() == [1]
    assert [await chains.head(account_id) for account_id in (2, 3)] == heads[1:]
    assert await pool.fetchval("SELECT count(*) FROM account_links WHERE account_id = 2") == 3
    await linking.link_old_events(pool)
    assert await pool.fetchval("SELECT count(*) FROM account_links WHERE account_id = 2") == 3
