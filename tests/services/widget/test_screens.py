"""What people do in the widget: pause, switch, take, pass on, go on in the console (D7.6, D9)."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services.sandbox.sample import ACCOUNT_ID, ADMIN_ID
from tests.domain.scenario import ANN, BOB, dp, observed, patched, rule
from tests.services.widget.kit import Lobby, at_work

pytestmark = pytest.mark.server

LEAD_ID = 1
OFFERED = {"redistribution": {"after_minutes": 60, "clock": "wall_clock"}}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def screen(client: httpx.AsyncClient, **asked: Any) -> Any:
    answer = await client.get("/widget/v1/bootstrap", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_D9_people_pause_and_administrators_switch_where_they_are(pool: Any) -> None:
    async with (
        at_work(pool, rule(ANN, BOB)) as (here, _),
        here.working(ANN) as ann,
        here.working(ADMIN_ID) as boss,
    ):
        before = await screen(ann, screen="settings")
        paused = await ann.put(
            "/widget/v1/pause", json={"manager_id": ANN, "until": None, "reason": "lunch"}
        )
        of_another = await ann.put("/widget/v1/pause", json={"manager_id": BOB})
        form = await ann.put("/widget/v1/pause", data={"manager_id": str(ANN)})
        meanwhile = (await screen(ann, screen="settings"))["me"]["pause"]
        resumed = await ann.delete(f"/widget/v1/pause/{ANN}")

        by_boss = await boss.put("/widget/v1/pause", json={"manager_id": ANN, "reason": "ill"})
        lifted = await ann.delete(f"/widget/v1/pause/{ANN}", headers={"accept-language": "ru"})

        switched = await boss.put(
            "/widget/v1/activity", json={"enabled": True, "managers_may_change": False}
        )
        of_manager = await ann.put(
            "/widget/v1/activity", json={"enabled": False, "managers_may_change": True}
        )
        after = await screen(ann, screen="settings")
        refused = await ann.put("/widget/v1/pause", json={"manager_id": ANN})
        whole = await screen(boss, screen="settings")

    assert before["me"] == {
        "user_id": ANN,
        "role": "manager",
        "may_edit_rules": False,
        "may_pause": True,
        "pause": None,
    }
    assert [each["id"] for each in before["managers"]] == [ANN]
    assert paused.json()["manager"]["state"] == "paused"
    assert meanwhile == {"until": None, "reason": "lunch", "by_self": True}
    assert problem(of_another) == (403, "not-allowed")
    assert problem(form) == (415, "media-type-unsupported")
    assert resumed.json()["manager"]["state"] == "at_work"
    assert by_boss.json()["manager"]["state"] == "paused"
    assert problem(lifted) == (409, "pause-not-yours")
    assert not lifted.json()["detail"].isascii()
    assert switched.json() == {"enabled": True, "managers_may_change": False}
    assert problem(of_manager) == (403, "not-allowed")
    assert after["me"]["may_pause"] is False
    assert problem(refused) == (409, "administrators-only")
    assert whole["account"]["rules_revision"] == 2
    assert {ANN, BOB, ADMIN_ID} <= {each["id"] for each in whole["managers"]}


async def test_D7_6_on_its_card_a_lead_tells_whose_it_is_and_why_and_is_passed_on(
    pool: Any,
) -> None:
    async with (
        at_work(pool, rule(ANN, BOB, **OFFERED)) as (here, office),
        here.working(ANN) as ann,
        here.working(BOB, language="es") as bob,
        here.working(ADMIN_ID) as boss,
    ):
        unknown = await screen(ann, screen="card", lead_id=77)
        await office.desk.tell(observed(LEAD_ID), dp(LEAD_ID), to=ACCOUNT_ID)
        await office.caught_up()
        account = await here.account()
        owner = account.owner_of(LEAD_ID)
        wanted = account.leads[LEAD_ID].wanted
        await office.desk.tell(patched(LEAD_ID, owner, request=wanted.request_id), to=ACCOUNT_ID)
        await office.caught_up()
        theirs, others = (ann, bob) if owner == ANN else (bob, ann)

        own = await screen(theirs, screen="card", lead_id=LEAD_ID)
        foreign = await screen(others, screen="card", lead_id=LEAD_ID)
        told = await screen(boss, screen="card", lead_id=LEAD_ID)
        place = f"/widget/v1/leads/{LEAD_ID}"
        stolen = await others.post(f"{place}/take", json={}, headers={"idempotency-key": "a"})
        keyless = await theirs.post(f"{place}/pass-on", json={})
        passed = await theirs.post(f"{place}/pass-on", json={}, headers={"idempotency-key": "b"})
        again = await theirs.post(f"{place}/pass-on", json={}, headers={"idempotency-key": "b"})
        after = await screen(boss, screen="card", lead_id=LEAD_ID)

    assert unknown["lead"] is None
    assert own["lead"]["responsible_id"] == owner
    assert own["lead"]["sentence"]
    assert (own["lead"]["may_take"], own["lead"]["may_pass_on"]) == (True, True)
    assert foreign["lead"]["sentence"] is None
    assert foreign["lead"]["refused"]["take"]
    assert foreign["links"]["lead"] is None
    assert told["links"]["lead"].endswith(f"/a/{ACCOUNT_ID}/leads/{LEAD_ID}")
    assert problem(stolen) == (409, "lead-is-anothers")
    assert problem(keyless) == (400, "idempotency-key-missing")
    assert passed.status_code == 200, passed.text
    assert again.json() == passed.json()
    assert after["lead"]["responsible_id"] == (BOB if owner == ANN else ANN)


async def follow(here: Lobby, url: str) -> list[httpx.Response]:
    """Open an address that has a code, twice, then the page that it leads to."""
    parts = urlsplit(url)
    async with here.stranger() as browser:
        form = {"token": parts.fragment}
        page = await browser.get(parts.path)
        first = await browser.post(parts.path, data=form)
        second = await browser.post(parts.path, data=form)
        cookie = first.headers.get("set-cookie", "").partition(";")[0]
        there = await browser.get(first.headers.get("location", "/"), headers={"cookie": cookie})
    return [page, first, second, there]


async def test_W7_a_code_from_kommo_lets_into_the_console_once_and_as_what_they_are(
    pool: Any,
) -> None:
    async with (
        at_work(pool, rule(ANN, BOB)) as (here, _),
        here.working(ANN) as ann,
        here.working(ADMIN_ID) as boss,
    ):
        made = (await boss.post("/widget/v1/login-code", json={"to": "rules"})).json()["url"]
        page, first, second, there = await follow(here, made)
        own = (await ann.post("/widget/v1/login-code", json={"to": "rules"})).json()["url"]
        of_manager = await follow(here, own)
        late = (await boss.post("/widget/v1/login-code", json={"to": ""})).json()["url"]
        here.clock.ahead += here.code_lasts
        over = await follow(here, late)
        elsewhere = await boss.post("/widget/v1/login-code", json={"to": "//evil.test"})

    assert page.status_code == 200
    assert (first.status_code, first.headers["location"]) == (303, f"/a/{ACCOUNT_ID}/rules")
    assert second.status_code == 404
    assert there.status_code == 200
    assert of_manager[1].headers["location"] == f"/a/{ACCOUNT_ID}/me"
    assert of_manager[3].status_code == 200
    assert over[1].status_code == 404
    assert elsewhere.status_code == 422
