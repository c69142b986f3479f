"""People, links, keys and held deeds over HTTP (A9, S8, S32)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.domain.scenario import ANN, BOB, NOON, WORK, observed
from tests.services.access.kit import grant, somebody
from tests.services.api.kit import client, key_for
from tests.services.api.office import Office, open_office

NOT_WAITING = {"prefer": "respond-async"}


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def code(answer: httpx.Response) -> tuple[int, str]:
    """How a no is told."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def roles(answer: httpx.Response, person_id: int) -> list[str]:
    """What somebody holds here."""
    (found,) = [each for each in answer.json()["items"] if each["person_id"] == person_id]
    return [each["role"] for each in found["grants"]]


async def test_S8_roles_are_given_and_taken_by_who_has_them(office: Office) -> None:
    here = office.account_id
    bea = await somebody(office.access, grant("viewer", here))
    stranger = await somebody(office.access, grant("viewer", 999))
    async with await office.caller("administrator") as admin:
        place = f"people/{bea.id}/grants"
        given = await admin.post(place, json={"role": "supervisor"})
        again = await admin.post(place, json={"role": "supervisor"})
        listed = await admin.get("people")
        taken = await admin.delete(f"{place}/supervisor")
        gone = await admin.delete(f"{place}/supervisor")
        after = await admin.get("people")
        operator = await admin.post(place, json={"role": "operator"})
        nobodys = await admin.post(place, json={"role": "manager"})
        invented = await admin.post(place, json={"role": "king"})
        hidden = await admin.post(f"people/{stranger.id}/grants", json={"role": "viewer"})
        unknown = await admin.post("people/987654321/grants", json={"role": "viewer"})
    async with await office.caller("supervisor") as supervisor:
        refused = [
            await supervisor.get("people"),
            await supervisor.post(place, json={"role": "viewer"}),
            await supervisor.get("invitations"),
            await supervisor.get("keys"),
        ]

    assert (given.status_code, again.status_code, taken.status_code) == (204, 204, 204)
    assert roles(listed, bea.id) == ["supervisor", "viewer"]
    assert roles(after, bea.id) == ["viewer"]
    assert stranger.id not in [each["person_id"] for each in listed.json()["items"]]
    assert code(gone) == (409, "grant-not-held")
    assert code(operator) == (422, "role-of-installation")
    assert code(nobodys) == (422, "manager-missing")
    assert code(invented) == (422, "unprocessable")
    assert [code(each) for each in (hidden, unknown)] == [(404, "not-found")] * 2
    assert [code(each) for each in refused] == [(403, "not-allowed")] * 4


async def test_W7_a_link_is_told_once_and_withdrawn(office: Office) -> None:
    body = {"name": "Ana Lima", "grants": [{"role": "manager", "manager_id": ANN}]}
    async with await office.caller("administrator") as admin:
        made = await admin.post("invitations", json=body)
        listed = await admin.get("invitations")
        place = f"invitations/{made.json()['invitation_id']}"
        withdrawn = await admin.delete(place)
        again = await admin.delete(place)
        over = await admin.get("invitations")
        unknown = await admin.delete("invitations/987654321")
        too_much = await admin.post("invitations", json={"grants": [{"role": "operator"}]})
        nothing = await admin.post("invitations", json={"grants": []})

    token = made.json()["link"].partition("#")[2]
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert len(token) > 20
    (item,) = listed.json()["items"]
    assert (item["name"], item["is_open"], item["grants"][0]["manager_id"]) == (
        "Ana Lima",
        True,
        ANN,
    )
    assert token not in listed.text
    assert withdrawn.status_code == 204
    assert code(again) == (409, "invitation-over")
    assert [each["is_open"] for each in over.json()["items"]] == [False]
    assert code(unknown) == (404, "not-found")
    assert code(too_much) == (422, "role-of-installation")
    assert code(nothing) == (422, "unprocessable")


async def test_A9_1_a_key_rotates_itself_and_is_ended_by_who_decides(office: Office) -> None:
    old = await key_for(office.access, grant("viewer", office.account_id))
    key_id = old.split("_")[1]
    own = f"/accounts/{office.account_id}/keys/{key_id}"
    async with client(office.address, old) as viewer:
        rotated = await viewer.post(f"{own}/rotate")
    new = rotated.json()["key"]
    async with client(office.address, new) as viewer, client(office.address, old) as before:
        works = [(await each.get("/me")).status_code for each in (viewer, before)]
    async with await office.caller("administrator") as admin:
        listed = await admin.get("keys")
        others = await admin.post(f"keys/{key_id}/rotate")
        ended = [await admin.delete(f"keys/{key_id}") for _ in range(2)]
        unknown = await admin.delete("keys/zzzz")
    async with client(office.address, new) as viewer:
        refused = await viewer.get("/me")

    assert (rotated.status_code, rotated.headers["cache-control"]) == (200, "no-store")
    assert works == [200, 200]
    assert key_id in [each["key_id"] for each in listed.json()["items"]]
    assert new not in listed.text
    assert code(others) == (409, "keys-by-people-only")
    assert [each.status_code for each in ended] == [204, 204]
    assert code(unknown) == (404, "not-found")
    assert code(refused) == (401, "unauthenticated")


async def test_S5_keys_of_another_account_are_not_there(office: Office) -> None:
    foreign = await key_for(office.access, grant("viewer", 999))
    async with await office.caller("administrator") as admin:
        answers = [
            await admin.delete(f"keys/{foreign.split('_')[1]}"),
            await admin.post(f"keys/{foreign.split('_')[1]}/rotate"),
        ]
    async with client(office.address, foreign) as still:
        works = await still.get("/me")

    assert [code(each) for each in answers] == [(404, "not-found")] * 2
    assert works.status_code == 200


async def test_S32_a_second_person_agrees_and_the_deed_passes(office: Office) -> None:
    leads = [observed(n, WORK, by=BOB, modified=NOON, reason="baseline") for n in range(1, 101)]
    await office.desk.tell(*leads, to=office.account_id)
    await office.caught_up()
    body = {"rule_id": "a", "confirm_leads": 100}
    place = f"managers/{BOB}/handovers"

    def keyed(number: int) -> dict[str, Any]:
        return {"json": body, "headers": {"idempotency-key": f"h{number}", **NOT_WAITING}}

    async with (
        await office.caller("administrator") as asks,
        await office.caller("administrator") as agrees,
        await office.caller("supervisor") as supervisor,
    ):
        held = [await asks.post(place, **keyed(number)) for number in range(4)][-1]
        listed = await agrees.get("held-deeds")
        (deed,) = listed.json()["items"]
        agreement = f"held-deeds/{deed['deed_id']}/agreement"
        own = await asks.put(agreement)
        lacking = await supervisor.put(agreement)
        agreed = await agrees.put(agreement)
        passed = await asks.post(place, **keyed(3))
        over = await agrees.get("held-deeds")

    assert code(held) == (409, "wide-deed-held")
    assert (deed["what"], deed["leads"]) == ("handover", 100)
    assert code(own) == (409, "wide-deed-own")
    assert code(lacking) == (403, "not-allowed")
    assert agreed.status_code == 200
    assert passed.status_code == 202
    assert over.json()["items"] == []
