"""Who may: people, links, keys, logs, held deeds, and showing again who one is (W4.14, W7, S32)."""

import re
from datetime import timedelta
from typing import get_args

import httpx
import pytest

from services.access.passwords import set_password_hash
from services.access.sessions import COOKIE, csrf_token
from services.access.sign_in_log import AccessDeed
from services.storage.database import borrow
from services.words.source import ACCESS_DEEDS
from tests.services.access.kit import grant, somebody
from tests.services.application.people.kit import PASSWORD
from tests.services.console.site import BRUNO, Site
from tests.services.console.test_pages import text_of

GROW_STALE = "UPDATE sessions SET fresh_at = fresh_at - $1::interval WHERE person_id = $2"


def test_W4_14_whatever_was_done_about_people_has_its_words() -> None:
    assert get_args(AccessDeed) == ACCESS_DEEDS


def secret_of(answer: httpx.Response) -> str:
    """What a page shows once."""
    found = re.search(r'<p class="secret"[^>]*>([^<]+)</p>', answer.text)
    assert found is not None, text_of(answer)
    return found[1]


@pytest.mark.server
async def test_W4_14_somebody_is_invited_given_a_role_reset_and_let_in_no_more(site: Site) -> None:
    bea = await somebody(site.access, grant("viewer", site.account_id))
    place = f"{site.base}/access/people/{bea.id}"
    async with site.signed_in("administrator") as admin:
        made = await admin.post(
            f"{site.base}/access/invitations",
            data={"name": "Ivo Rossi", "role": "manager", "manager_id": str(BRUNO)},
        )
        people = await admin.get(f"{site.base}/access")
        given = await admin.post(f"{place}/roles", data={"role": "supervisor"})
        told = await admin.get(given.headers["location"])
        await admin.post(f"{place}/roles/take", data={"role": "viewer", "where": "here"})
        reset = await admin.post(f"{place}/reset", data={"x": ""})
        await admin.post(f"{place}/disable", data={"x": ""})
        after = await admin.get(place)
        link_id = re.search(r"/access/invitations/(\d+)/withdraw", people.text)
        assert link_id is not None
        await admin.post(f"{site.base}{link_id[0]}", data={"x": ""})
        withdrawn = await admin.get(f"{site.base}/access")
        await admin.post(f"{place}/erase", data={"x": ""})
        gone = await admin.get(place)

    assert "/join#" in secret_of(made)
    assert made.headers["cache-control"] == "no-store"
    assert secret_of(made).partition("#")[2] not in people.text
    assert "Ivo Rossi Manager as Bruno" in text_of(people)
    assert "The role is given." in text_of(told)
    assert "/join#" in secret_of(reset)
    assert "Take away: Supervisor" in text_of(after)
    assert "Take away: Viewer" not in text_of(after)
    assert "This person is let in no more." in text_of(after)
    assert "withdrawn" in text_of(withdrawn)
    assert gone.status_code == 404


@pytest.mark.server
async def test_W4_14_one_browser_of_somebody_is_signed_out_and_the_others_stay(site: Site) -> None:
    bea, ivo = [await somebody(site.access, grant("viewer", site.account_id)) for _ in range(2)]
    begun = [
        await site.access.sessions.begin(
            person.id, how="password", whence="127.0.0.1", agent=f"browser {number}"
        )
        for number, person in enumerate((bea, bea, ivo))
    ]
    place = f"{site.base}/access/people/{bea.id}"
    async with site.signed_in("administrator") as admin:
        first, others = begun[0][0], [each[0].id for each in begun[1:]]
        ended = await admin.post(f"{place}/sessions/{first.id}/end", data={"x": ""})
        page = await admin.get(ended.headers["location"])
        again = await admin.post(f"{place}/sessions/{first.id}/end", data={"x": ""})
        of_another = await admin.post(f"{place}/sessions/{others[1]}/end", data={"x": ""})
    left = [each.id for one in (bea, ivo) for each in await site.access.sessions.of(one.id)]

    assert "Signed out there." in text_of(page)
    assert ("browser 0" in text_of(page), "browser 1" in text_of(page)) == (False, True)
    assert {again.status_code, of_another.status_code} == {409}
    assert left == others


@pytest.mark.server
async def test_A9_1_a_key_is_shown_once_rotated_and_revoked(site: Site) -> None:
    place = f"{site.base}/access/keys"
    async with site.signed_in("administrator") as admin:
        made = await admin.post(place, data={"label": "nightly", "scopes": ["read", "export"]})
        key = secret_of(made)
        rotated = secret_of(await admin.post(f"{place}/{key.split('_')[1]}/rotate", data={"x": ""}))
        listed = await admin.get(place)
        await admin.post(f"{place}/{key.split('_')[1]}/revoke", data={"x": ""})
        revoked = await admin.get(place)
        nothing = await admin.post(place, data={"label": "nothing"})
        beyond = await admin.post(place, data={"label": "all", "scopes": "operate"})

    assert key.startswith("fl_")
    assert rotated != key
    assert key.rpartition("_")[0].rpartition("_")[2] not in listed.text
    assert f"fl_{key.split('_')[1]}_" in text_of(listed)
    assert "the secret of before until" in text_of(listed)
    assert "revoked by Ana Lima" in text_of(revoked)
    assert (nothing.status_code, beyond.status_code) == (409, 409)


@pytest.mark.server
async def test_W7_4_after_ten_minutes_a_deed_asks_who_it_is_and_then_goes_on(site: Site) -> None:
    person = await somebody(site.access, grant("administrator", site.account_id))
    hashed = await site.access.hashing.hash(PASSWORD)
    async with borrow(site.installation.pool) as connection:
        await set_password_hash(connection, person.id, hashed)
    _, cookie = await site.access.sessions.begin(
        person.id, how="password", whence="127.0.0.1", agent="a test"
    )
    async with borrow(site.installation.pool) as connection:
        await connection.execute(GROW_STALE, timedelta(minutes=11), person.id)
    headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
    async with site.stranger(**headers) as admin:
        asked = await admin.post(
            f"{site.base}/access/keys", data={"label": "a & b", "scopes": ["read", "audit"]}
        )
        kept = {
            "action": f"{site.base}/access/keys",
            "kept.label": "a & b",
            "kept.scopes": ["read", "audit"],
        }
        wrong = await admin.post("/prove", data={**kept, "proof": "wrong"})
        right = await admin.post("/prove", data={**kept, "proof": PASSWORD})
    assert (asked.status_code, wrong.status_code, right.status_code) == (403, 401, 200)
    renewed = right.headers["set-cookie"].partition(";")[0].partition("=")[2]
    headers = {"cookie": f"{COOKIE}={renewed}", "fairlead-csrf": csrf_token(renewed)}
    async with site.stranger(**headers) as admin:
        done = await admin.post(
            f"{site.base}/access/keys", data={"label": "a & b", "scopes": ["read", "audit"]}
        )

    for page in (asked, wrong):
        assert 'name="kept.label" value="a &amp; b"' in page.text
        assert page.text.count('name="kept.scopes"') == 2
    assert f'action="{site.base}/access/keys"' in right.text
    assert csrf_token(renewed) in right.text
    assert csrf_token(cookie) not in right.text
    assert secret_of(done).startswith("fl_")


@pytest.mark.server
async def test_A9_3_who_looked_and_who_did_is_shown_by_whom_and_when(site: Site) -> None:
    async with site.signed_in("viewer") as viewer:
        await viewer.get(f"{site.base}/leads/900001")
    async with site.signed_in("administrator") as admin:
        await admin.post(f"{site.base}/access/keys", data={"label": "k", "scopes": "read"})
        deeds = await admin.get(f"{site.base}/access/deeds")
        # The clock of the page is that of the week; looks have the database's.
        span = {"from": "2026-01-01", "to": "2027-01-30"}
        looks = await admin.get(f"{site.base}/audit/looks", params=span)
        nobodys = await admin.get(f"{site.base}/audit/looks", params={**span, "by": "person:0"})
        wrong = await admin.get(f"{site.base}/audit/looks", params={"from": "soon"})
        former = await admin.get(f"{site.base}/access/looks", params={"by": "person:7"})

    assert "made a key" in text_of(deeds)
    assert "explanation" in text_of(looks)
    assert "Nothing matches" in text_of(nobodys)
    assert former.headers["location"] == f"{site.base}/audit/looks?by=person%3A7"
    assert "/access/looks" not in deeds.text
    assert wrong.status_code == 422


@pytest.mark.server
async def test_S32_a_second_administrator_agrees_or_refuses(site: Site) -> None:
    asks = await somebody(site.access, grant("administrator", site.account_id))
    deeds = [
        (
            await site.access.wide_deeds.ask(
                site.account_id,
                principal=asks.principal,
                what="handover",
                leads=5_000,
                digest=bytes([number]),
            )
        )[0]
        for number in range(2)
    ]
    place = f"{site.base}/access/held"
    async with site.signed_in("supervisor") as supervisor:
        seen = await supervisor.get(place)
        forbidden = await supervisor.post(f"{place}/{deeds[0].id}/agree", data={"x": ""})
    async with site.signed_in("administrator") as admin:
        await admin.post(f"{place}/{deeds[0].id}/agree", data={"x": ""})
        await admin.post(f"{place}/{deeds[1].id}/refuse", data={"x": ""})
        after = await admin.get(place)
        again = await admin.post(f"{place}/{deeds[1].id}/agree", data={"x": ""})

    assert text_of(seen).count("handover: 5000 leads asked for by") == 2
    assert "/agree" not in seen.text
    assert forbidden.status_code == 403
    assert "Nothing waits" in text_of(after)
    assert again.status_code == 404
    found = [await site.access.wide_deeds.get(site.account_id, each.id) for each in deeds]
    assert [(each.approved_by is None, each.refused_by is None) for each in found if each] == [
        (False, True),
        (True, False),
    ]


@pytest.mark.server
@pytest.mark.parametrize("role", ["viewer", "supervisor"])
async def test_S8_who_does_not_decide_about_people_sees_none(site: Site, role: str) -> None:
    async with site.signed_in(role) as client:
        answers = [
            await client.get(f"{site.base}/access{part}") for part in ("", "/keys", "/deeds")
        ]

    assert [answer.status_code for answer in answers] == [303, 403, 403]
