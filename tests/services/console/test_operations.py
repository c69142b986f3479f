"""Operations, and webhooks out, as pages (W4.13, A8.4)."""

import csv
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO

import httpx
import pytest

from services.access.roles import ROLES
from services.access.sessions import COOKIE, csrf_token
from services.projector.asked import rebuild_next
from services.shared.errors import Unavailable
from services.storage.access_log import AccessLog
from services.storage.dead_letters import DeadLetter
from tests.services.access.kit import grant
from tests.services.console.site import Site
from tests.services.console.test_access import secret_of
from tests.services.console.test_pages import text_of
from tests.services.console.test_waiting import address_of

pytestmark = pytest.mark.server


@asynccontextmanager
async def operator(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who keeps the installation, and nothing else."""
    cookie = await site.cookie_of(grant("operator", None))
    headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
    async with site.stranger(**headers) as client:
        yield client


async def letters(site: Site, reason: str, *bodies: bytes) -> None:
    await site.installation.dead_letters.keep(
        [
            DeadLetter(
                account_id=site.account_id,
                source="webhook",
                position=None,
                reason=reason,
                content_type="application/json",
                body=body,
            )
            for body in bodies
        ]
    )


@pytest.mark.parametrize(
    "reading", ["examine", "dead_letters.reasons", "read_models", "sources", "asked_rebuilds"]
)
async def test_W3_4_operations_show_what_can_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("secret")

    async def fail_at_once(*_: object) -> AsyncIterator[None]:
        raise Unavailable("secret")
        yield

    failing = fail_at_once if reading == "examine" else fail
    await letters(site, "a letter of another kind", b"x")
    monkeypatch.setattr(f"services.console.screens.operations.{reading}", failing)
    async with operator(site) as somebody:
        found = await somebody.get("/operations")

    text = text_of(found)
    assert found.status_code == 200
    assert text.count("This part of the page could not be shown.") == 1
    assert ("a letter of another kind" in text) == (reading != "dead_letters.reasons")
    assert ("read models" in text) == (reading != "read_models")
    assert "secret" not in text


def table_of(page: str) -> str:
    """The rows that a page lists; what each form carries differs every time."""
    (rows,) = re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    return re.sub(r"<input[^>]*>", "", rows)


async def test_W3_5_W4_13_letters_are_seen_by_reason_then_row_then_body_and_dealt_with(
    site: Site,
) -> None:
    await letters(site, "odd <b>", b"one & only", b"two")
    async with operator(site) as client:
        start = await client.get("/")
        seen = await client.get("/operations")
        rows = await client.get("/operations/letters", params={"reason": "odd <b>"})
        (first, second) = await site.installation.dead_letters.page(reason="odd <b>")
        one = await client.get(f"/operations/letters/{second.id}")
        still = await client.post(f"/operations/letters/{second.id}/retry", data={"x": ""})
        tried = await client.post("/operations/letters/retry", data={"reason": "odd <b>"})
        told = await client.get(tried.headers["location"])
        silent = await client.post(f"/operations/letters/{first.id}/drop", data={"why": " "})
        await client.post(f"/operations/letters/{first.id}/drop", data={"why": "a copy"})
        dropped = await client.get(f"/operations/letters/{first.id}")
        rest = await client.post(
            "/operations/letters/drop", data={"reason": "odd <b>", "why": "noise"}
        )
        after = await client.get(rest.headers["location"])

    assert start.headers["location"] == "/operations"
    assert "odd <b> 2 1" in text_of(seen).replace("Why it was not understood ", "")
    assert "<b>" not in seen.text.replace("<body", "")
    assert "one & only" not in text_of(rows)
    assert "one & only" in text_of(one)
    assert (still.status_code, silent.status_code) == (409, 422)
    assert "is still not understood" in text_of(still)
    assert "2 letters are read again. Those understood by now" in text_of(rows)
    assert "2 letters are set aside for good." in text_of(rows)
    account = await site.installation.accounts.get(site.account_id)
    assert f"{account.subdomain} ({account.account_id})" in text_of(rows)
    assert "0 letters were read again and published, 2 stay. Ana Lima · " in text_of(told)
    assert "Set aside Ana Lima : a copy" in text_of(dropped)
    assert "1 letter is set aside. Ana Lima · " in text_of(after)
    kept = await AccessLog(site.installation.pool).of_principal(
        (await site.access.people.all())[-1].principal, limit=50
    )
    assert second.id in {each.ids[0] for each in kept if each.what == "letter"}


async def test_W4_13_a_read_model_is_asked_for_and_told_when_it_is_made(site: Site) -> None:
    async with operator(site) as client:
        asked = await client.post("/operations/projections/pauses/rebuild", data={"x": ""})
        waits = await client.get(asked.headers["location"])
        twice = await client.post("/operations/projections/pauses/rebuild", data={"x": ""})
        pool = site.installation.pool
        assert await rebuild_next(pool, site.installation.events)
        done = await client.get("/operations")
        no_kafka = await client.get("/operations/gaps/3")

    assert "pauses 0 1 1 asked for at" in text_of(waits)
    assert "/projections/pauses/rebuild" not in waits.text
    assert "/projections/pauses/rebuild" in done.text
    assert "Disk of the data folder" in text_of(done)
    assert "projections : up to date" in text_of(done)  # seen past the wall as well
    assert (twice.status_code, no_kafka.status_code) == (409, 409)


async def test_A8_4_a_target_is_added_pinged_rotated_and_removed(site: Site) -> None:
    place = f"{site.base}/webhooks"
    async with site.signed_in("administrator") as admin:
        empty = await admin.get(place)
        added = await admin.post(
            place,
            data={"name": "crm", "url": "http://127.0.0.1:9/x", "events": ["lead.assigned"]},
        )
        pinged = await admin.post(f"{place}/crm/ping", data={"x": ""})
        told = await admin.get(pinged.headers["location"])
        failed = await admin.get(f"{place}/crm", params={"state": "failed"})
        file, none = [
            await admin.get(f"{place}/crm/deliveries.csv", params={"state": state})
            for state in ("pending", "failed")
        ]
        nothing = await admin.post(f"{place}/crm/again", data={"x": ""})
        rotated = await admin.post(f"{place}/crm/rotate", data={"x": ""})
        listed = await admin.get(place)
        await admin.post(f"{place}/crm/remove", data={"x": ""})
        gone = await admin.get(f"{place}/crm")

    assert "Nobody is told" in text_of(empty)
    assert secret_of(added).startswith("whsec_")
    assert secret_of(rotated) != secret_of(added)
    assert "A ping is on its way" in text_of(told)
    assert "on its way 0" in text_of(told)
    assert "Nothing here" in text_of(failed)
    assert "deliveries.csv?state=pending" not in told.text
    assert f'href="{place}/crm/deliveries.csv?"' in told.text
    assert [each["type"] for each in csv.DictReader(StringIO(file.text))] == ["ping"]
    assert len(none.text.splitlines()) == 1
    assert nothing.status_code == 409
    assert "crm http://127.0.0.1:9/x lead.assigned takes what it is told" in text_of(listed)
    assert gone.status_code == 404


async def test_W3_3_letters_deeds_and_deliveries_lead_on_and_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for screen in ("letters", "access_log", "webhooks"):
        monkeypatch.setattr(f"services.console.screens.{screen}.LINES", 1)
    await letters(site, "odd", b"one", b"two")
    cookie = await site.cookie_of(grant("administrator", site.account_id), grant("operator", None))
    headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
    there = f"{site.base}/webhooks"
    async with site.stranger(**headers) as client:
        await client.post(there, data={"name": "bi", "url": "http://127.0.0.1:9/", "events": []})
        for _ in range(2):
            await client.post(f"{there}/bi/ping", data={"x": ""})
            await client.post(
                f"{site.base}/access/keys", data={"label": "bi", "scopes": "read", "days": "1"}
            )
        for place in ("/operations/letters?reason=odd", f"{site.base}/access/deeds", f"{there}/bi"):
            first = await client.get(place)
            second = await client.get(httpx.URL(place).join(address_of(first.text, "next")))
            back = await client.get(httpx.URL(place).join(address_of(second.text, "prev")))

            assert table_of(second.text) != table_of(first.text) == table_of(back.text), place
            assert 'rel="prev"' not in first.text, place
        deeds = await client.get(f"{site.base}/access/deeds.csv")
        listed = list(csv.DictReader(StringIO(deeds.text)))
        assert [each["what"] for each in listed[:2]] == ["key_made", "key_made"]
        assert deeds.headers["content-disposition"] == 'attachment; filename="deeds.csv"'
        await client.post(f"{there}/bi/remove", data={"x": ""})


@pytest.mark.parametrize("role", [*ROLES])
async def test_S8_buttons_of_a_role_are_those_it_may_press(site: Site, role: str) -> None:
    """What the navigation and the pages behind it offer, against the table of roles."""
    held = ROLES[role]  # type: ignore[index] # of the table itself
    is_operator = role == "operator"
    account_id = None if is_operator else site.account_id
    cookie = await site.cookie_of(
        grant(role, account_id, 502 if role == "manager" else None)  # type: ignore[arg-type]
    )
    headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
    async with site.stranger(**headers, accept="text/html") as client:
        statuses = {
            path: (await client.get(path)).status_code
            for path in (
                f"{site.base}/access",
                f"{site.base}/access/keys",
                f"{site.base}/access/deeds",
                f"{site.base}/audit/looks",
                f"{site.base}/access/held",
                f"{site.base}/webhooks",
                "/operations",
                "/operations/letters",
                "/profile",
            )
        }
        here = await client.get("/profile" if is_operator else f"{site.base}/leads")
        mates = await client.get(f"{site.base}/managers/502")

    def of_account(scope: str) -> int:
        return 404 if is_operator else 200 if scope in held else 403

    scopes = dict.fromkeys(statuses, "access")
    scopes |= dict.fromkeys((f"{site.base}/access/held", f"{site.base}/audit/looks"), "audit")
    expected = {path: of_account(scopes[path]) for path in statuses}
    if "audit" in held and "access" not in held:
        expected[f"{site.base}/access"] = 303  # to what is held
    expected |= dict.fromkeys(("/operations", "/operations/letters"), 200 if is_operator else 404)
    expected["/profile"] = 200
    assert statuses == expected
    if here.status_code == 200:
        for path, scope in ((f"{site.base}/access", "audit"), (f"{site.base}/webhooks", "access")):
            assert (f'href="{path}"' in here.text) == (scope in held)
        assert ('href="/operations"' in here.text) == ("operate" in held)
    if mates.status_code == 200:
        assert ('/pause"' in mates.text) == bool({"activity", "self"} & held)
