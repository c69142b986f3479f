"""A person erased and exported over HTTP, as the database's user for it (S21, S22)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import ManagerPaused
from domain import snapshot
from services.application.past import state_at
from services.storage.accounts import AccountRegistry
from services.storage.dead_letters import DeadLetter, DeadLetters
from services.storage.raw_bodies import RawBodies
from services.storage.raw_packing import RawBody
from tests.domain.scenario import ANN, BOB
from tests.services.api.kit import there_and_back
from tests.services.api.office import WAITING, Office, open_office
from tests.support.vault import VAULT

WORDS = "at the dentist in Baker Street"
NAME = "Ann Surname-Canary"
EVERYTHING = """
SELECT format('SELECT count(*) FROM %I.%I AS t WHERE t::text LIKE $1', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
LEAD, CONTACT = 900_001, 800_002


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def body(text: str, account_id: int) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        source="webhook",
        position=None,
        reason="not understood",
        content_type="application/x-www-form-urlencoded",
        body=text.encode(),
    )


def understood(text: str, at: datetime) -> RawBody:
    return RawBody(
        received_at=at, content_type="application/x-www-form-urlencoded", content=text.encode()
    )


async def rows_with(office: Office, text: str) -> int:
    """In how many rows of the whole database something stands in clear, or in hexadecimal."""
    pool: Any = office.desk.pool
    found = 0
    for (query,) in await pool.fetch(EVERYTHING):
        for pattern in (text, text.encode().hex()):
            found += await pool.fetchval(query, f"%{pattern}%")
    return found


async def digest(office: Office) -> bytes:
    version = await office.installation.events.head(office.account_id)
    return snapshot.digest(await state_at(office.installation, office.account_id, version))


async def test_S21_a_manager_is_erased_and_the_history_replays_as_before(office: Office) -> None:
    registry = AccountRegistry(office.desk.pool, VAULT)
    directory = {"users": [{"id": ANN, "name": NAME}, {"id": BOB, "name": "Bob"}]}
    await registry.update_directory(office.account_id, directory)
    async with office.working(), await office.caller("administrator") as caller:
        pause = {"until": None, "reason": WORDS}
        await caller.put(f"managers/{ANN}/pause", json=pause, headers=WAITING)
        shown = (await caller.get(f"managers/{ANN}")).json()
        assert (shown["name"], shown["pause"]["reason"]) == (NAME, WORDS)
        assert await rows_with(office, WORDS) == 0  # sealed from the beginning
        exported = (await caller.get(f"personal-data/{ANN}")).json()
        assert exported["user"]["name"] == NAME
        assert [each["text"] for each in exported["texts"]] == [WORDS]
        before = await digest(office)

        order = {"kind": "manager", "id": ANN}
        erased = await caller.post("erasures", json=order)
        again = await caller.post("erasures", json=order)
        # Kommo tells the name again at the next reading.
        await registry.update_directory(office.account_id, directory)

        assert erased.json() == {**order, "is_anew": False, "bodies": 0, "texts": 1}
        assert again.json() == {**order, "is_anew": True, "bodies": 0, "texts": 0}
        shown = (await caller.get(f"managers/{ANN}")).json()
        assert (shown["name"], shown["pause"]["reason"]) == ("erased", "erased")
        exported = (await caller.get(f"personal-data/{ANN}")).json()
        assert (exported["user"]["name"], exported["texts"]) == ("erased", [])
        (line,) = (await caller.get("erasures")).json()["items"]
        assert (line["kind"], line["id"]) == ("manager", ANN)
        assert exported["erased"] == [line]

    assert await digest(office) == before
    assert await office.happened(ManagerPaused) == 1
    assert await rows_with(office, NAME) == 0


async def test_S21_raw_bodies_that_name_a_lead_or_a_contact_are_gone_with_it(
    office: Office,
) -> None:
    letters = DeadLetters(office.desk.pool, VAULT)
    mine = office.account_id
    await letters.keep(
        [
            body(f"leads[add][0][id]={LEAD}&leads[add][0][name]=Canary-One", mine),
            body(f"contacts%5Badd%5D%5B0%5D%5Bid%5D%20{CONTACT}&x=Canary-Two", mine),
            body(f"leads[add][0][id]={LEAD}9&leads[add][0][name]=Canary-Three", mine),
            body(f"leads[add][0][id]={LEAD}", mine + 1_000),  # another account's
        ]
    )
    raw = RawBodies(office.desk.pool, VAULT)
    now = datetime.now(UTC).replace(microsecond=0)
    await raw.keep(
        [
            (mine, [understood(f"leads[add][0][id]={LEAD}&x=Canary-Four", now)]),
            (mine, [understood(f"task[add][0][element_id]={LEAD}8&x=Canary-Five", now)]),
            (mine + 1_000, [understood(f"leads[add][0][id]={LEAD}", now)]),
        ]
    )
    async with await office.caller("administrator") as caller:
        told = (await caller.get(f"personal-data/{CONTACT}")).json()
        (when,) = (await caller.get(f"personal-data/{LEAD}")).json()["webhooks"]
        assert datetime.fromisoformat(when) == now
        lead = await caller.post("erasures", json={"kind": "lead", "id": LEAD})
        contact = await caller.post("erasures", json={"kind": "contact", "id": CONTACT})
        listed, first, second, back = await there_and_back(caller, "erasures")

    assert [each["reason"] for each in told["bodies"]] == ["not understood"]
    assert told["webhooks"] == []
    assert (lead.json()["bodies"], contact.json()["bodies"]) == (2, 1)
    assert [each["kind"] for each in listed] == ["contact", "lead"]
    assert (first, second, back) == (listed[:1], listed[1:], listed[:1])
    left = {each.account_id: each.body for each in await letters.page() if each.account_id}
    assert b"Canary-Three" in left[mine]
    assert left[mine + 1_000].endswith(b"900001")
    first, last = now - timedelta(days=1), now + timedelta(days=1)
    (stays,) = [each async for each in raw.between(mine, first, last)]
    assert stays.content.endswith(b"Canary-Five")
    assert len([each async for each in raw.between(mine + 1_000, first, last)]) == 1


async def test_S21_a_day_whose_key_is_deleted_is_unreadable_and_the_next_has_its_own(
    office: Office,
) -> None:
    letters, pool = DeadLetters(office.desk.pool, VAULT), office.desk.pool
    for account_id in (office.account_id, office.account_id + 2_000):
        await letters.keep([body("leads[add]=Canary", account_id) for _ in range(2)])
    keys = "SELECT count(*) FROM data_keys WHERE account_id = $1 AND subject LIKE 'day/%'"
    assert await pool.fetchval(keys, office.account_id) == 1

    await pool.execute(
        "UPDATE data_keys SET subject = 'day/2020-01-01' WHERE account_id = $1", office.account_id
    )
    await letters.tidy()

    assert await pool.fetchval(keys, office.account_id) == 0
    found = await letters.page(limit=1_000)
    assert {each.body for each in found if each.account_id == office.account_id} == {b""}
    assert {each.body for each in found if each.account_id == office.account_id + 2_000} == {
        b"leads[add]=Canary"
    }


@pytest.mark.parametrize("role", ["manager", "viewer", "supervisor"])
async def test_S8_only_an_administrator_erases(office: Office, role: Any) -> None:
    async with await office.caller(role, ANN if role == "manager" else None) as caller:
        refused = await caller.post("erasures", json={"kind": "manager", "id": ANN})
        export = await caller.get(f"personal-data/{ANN}")

    assert refused.status_code == 403
    assert export.status_code == (200 if role == "supervisor" else 403)
    pool: Any = office.desk.pool
    assert (
        await pool.fetchval(
            "SELECT count(*) FROM erasures WHERE account_id = $1", office.account_id
        )
        == 0
    )
