"""What an operator does over HTTP at night, keys made, and webhooks out (W4.13, A2, A8.4, A9.1)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.projector.asked import rebuild_next
from services.storage.asked_rebuilds import AskedRebuilds
from services.storage.dead_letters import DeadLetter, DeadLetters
from services.storage.events import EventStore
from tests.services.access.kit import grant
from tests.services.api.kit import client, key_for, there_and_back
from tests.services.api.office import Office, open_office
from tests.services.ingress.harness import FORM, form, lead
from tests.support.vault import VAULT


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def code(answer: httpx.Response) -> tuple[int, str]:
    """How a no is told."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def operator(office: Office) -> httpx.AsyncClient:
    return client(office.address, await key_for(office.access, grant("operator", None)))


async def letters(office: Office, reason: str, *bodies: bytes) -> None:
    await DeadLetters(office.desk.pool, VAULT).keep(
        [
            DeadLetter(
                account_id=office.account_id,
                source="webhook",
                position=None,
                reason=reason,
                content_type=FORM,
                body=body,
            )
            for body in bodies
        ]
    )


async def test_W4_13_letters_are_tried_again_and_set_aside_by_reason(office: Office) -> None:
    bug, odd = f"a bug {office.account_id}", f"odd {office.account_id}"
    of = {"account_id": office.account_id}
    ours = form(*lead("add", **of), **of)
    await letters(office, bug, ours, b"?", ours)
    await letters(office, odd, b"??", b"???")
    place = "/installation/dead-letters"
    async with await operator(office) as asking:
        counted = (await asking.get("/installation/dead-letter-reasons")).json()["items"]
        tried = await asking.post(f"{place}/retry", json={"reason": bug})
        still = (await asking.get(place, params={"reason": bug})).json()["items"]
        one = f"{place}/{still[0]['id']}"
        again = await asking.post(f"{one}/retry")
        silent = await asking.post(f"{one}/drop", json={"reason": " "})
        dropped = await asking.post(f"{one}/drop", json={"reason": "a copy"})
        over = await asking.post(f"{one}/drop", json={"reason": "a copy"})
        kept = await asking.get(one)
        all_ = await asking.post(f"{place}/drop", json={"matching": odd, "reason": "noise"})

    assert [(e["reason"], e["letters"]) for e in counted if e["reason"] in (bug, odd)] == [
        (bug, 3),
        (odd, 2),
    ]
    assert tried.json() == {
        "published": 2,
        "messages": 2,
        "still": 1,
        "failed": 0,
        "next_before": None,
    }
    assert code(again) == (409, "letter-not-understood")
    assert code(silent) == (422, "reason-missing")
    assert (dropped.status_code, code(over)) == (204, (409, "letter-dropped"))
    assert (kept.json()["state"], kept.json()["settled_why"]) == ("dismissed", "a copy")
    assert kept.json()["settled_by"].startswith("key:")
    assert all_.json() == {"letters": 2}


async def test_W4_13_a_read_model_is_asked_for_and_the_projector_makes_it(office: Office) -> None:
    pool: Any = office.desk.pool
    place = "/installation/projections"
    async with await operator(office) as asking:
        asked = await asking.post(f"{place}/pauses/rebuild")
        busy = await asking.post(f"{place}/pauses/rebuild")
        unknown = await asking.post(f"{place}/shares/rebuild")
        made = await rebuild_next(pool, EventStore(pool))
        nothing = await rebuild_next(pool, EventStore(pool))
        listed = (await asking.get(place)).json()["items"]
        again = await asking.post(f"{place}/pauses/rebuild")
    await AskedRebuilds(pool).end("pauses")

    assert (asked.status_code, asked.json()["name"]) == (202, "pauses")
    assert code(busy) == (409, "projection-busy")
    assert code(unknown) == (404, "projection-unknown")
    assert (made, nothing) == (True, False)
    (pauses,) = [each for each in listed if each["name"] == "pauses"]
    assert pauses["rebuilt_at"] is not None
    assert again.status_code == 202


async def test_A9_1_a_key_is_made_over_http_and_makes_none(office: Office) -> None:
    body = {"label": "x", "scopes": ["access", "read"]}
    async with await office.caller("administrator") as admin:
        made = await admin.post("keys", json=body)
        invented = await admin.post("keys", json={"label": "x", "scopes": ["king"]})
        beyond = await admin.post("keys", json={"label": "x", "scopes": ["operate"]})
    async with client(office.address, made.json()["key"]) as child:
        refused = await child.post(f"/accounts/{office.account_id}/keys", json=body)
        works = await child.get(f"/accounts/{office.account_id}/keys")

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert code(invented) == (422, "unprocessable")
    assert code(beyond) == (409, "key-beyond-maker")
    assert code(refused) == (409, "keys-by-people-only")
    assert works.status_code == 200


async def test_A8_4_a_target_is_added_pinged_sent_to_again_and_removed(office: Office) -> None:
    async with await office.caller("administrator") as admin:
        added = await admin.post(
            "webhooks",
            json={"name": "crm", "url": "http://127.0.0.1:9/x", "events": ["lead.assigned"]},
        )
        twice = await admin.post("webhooks", json={"name": "crm", "url": "http://127.0.0.1:9/x"})
        odd = await admin.post("webhooks", json={"name": "erp", "url": "ftp://x"})
        pinged = (await admin.post("webhooks/crm/ping")).json()
        await admin.post("webhooks/crm/ping")
        listed, first, second, back = await there_and_back(admin, "webhooks/crm/deliveries")
        one = await admin.get(f"webhooks/crm/deliveries/{pinged['delivery_id']}")
        nothing = await admin.post("webhooks/crm/redeliver", json={})
        rotated = await admin.post("webhooks/crm/rotate")
        targets = await admin.get("webhooks")
        removed = await admin.delete("webhooks/crm")
        gone = await admin.post("webhooks/crm/ping")

    assert added.status_code == 201
    assert added.json()["secret"].startswith("whsec_")
    assert rotated.json()["secret"] != added.json()["secret"]
    assert code(twice) == (409, "target-name-taken")
    assert code(odd)[1] == "target-address"
    assert (pinged["type"], pinged["state"]) == ("ping", "pending")
    assert [each["delivery_id"] for each in listed][-1:] == [pinged["delivery_id"]]
    assert (first, second, back) == (listed[:1], listed[1:], listed[:1])
    assert one.json()["target"] == "crm"
    assert code(nothing) == (409, "nothing-to-redeliver")
    assert [(each["name"], each["events"]) for each in targets.json()["items"]] == [
        ("crm", ["lead.assigned"])
    ]
    assert added.json()["secret"] not in targets.text
    assert (removed.status_code, code(gone)) == (204, (404, "target-unknown"))
