"""Who asks, about which account, and what is told of those who may not (A1, A6, S5)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.api.ordering import wait_of
from services.application.refused import Refused
from services.web.problems import PROBLEM_JSON, of_refused
from tests.services.access.kit import grant
from tests.services.api.kit import CANARY, UNHURRIED, access_of, client, key_for, registered, served
from tests.services.application.audit.kit import audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A served account, and keys of people who may something there, or elsewhere only."""

    address: str
    account_id: int
    viewer: str
    manager: str
    foreign: str


@pytest.fixture
async def it(pool: Any) -> AsyncIterator[Served]:
    found = await audience(pool)
    account_id = await registered(found)
    access = access_of(found.installation)
    async with served(found.installation, access) as address:
        yield Served(
            address=address,
            account_id=account_id,
            viewer=await key_for(access, grant("viewer", account_id)),
            manager=await key_for(access, grant("manager", account_id, 501)),
            foreign=await key_for(access, grant("administrator", 999)),
        )


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The body of one, which says what its answer says."""
    assert answer.headers["content-type"] == PROBLEM_JSON
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["request-id"]
    return body


async def test_A1_3_a_read_tells_the_version_that_is_shown(
    it: Served,
) -> None:
    async with client(it.address, it.viewer) as viewer:
        answer = await viewer.get(f"/accounts/{it.account_id}")

    assert answer.status_code == 200
    assert int(answer.headers["fairlead-version"]) > 0
    assert answer.json()["account_id"] == it.account_id


async def test_A1_2_a_misspelt_filter_does_not_answer_with_everything(
    it: Served,
) -> None:
    async with client(it.address, it.viewer) as viewer:
        answer = await viewer.get(f"/accounts/{it.account_id}", params={"manger": CANARY})

    assert problem(answer)["type"] == "/problems/unprocessable"
    assert [each["pointer"] for each in problem(answer)["errors"]] == ["query.manger"]
    assert CANARY not in answer.text


async def test_A6_1_what_is_foreign_and_what_is_unknown_are_the_same(
    it: Served,
) -> None:
    async with client(it.address, it.foreign) as foreign:
        answers = [
            await foreign.get(f"/accounts/{which}")
            for which in (it.account_id, 31, 2**63 - 1, 2**80, "x", "-1", "0")
        ]

    assert {answer.status_code for answer in answers} == {404}
    bodies = {answer.text.replace(answer.headers["request-id"], "") for answer in answers}
    assert len(bodies) == 1
    assert {frozenset(answer.headers) for answer in answers} == {frozenset(answers[0].headers)}


async def test_A6_1_a_route_that_is_none_is_a_problem_too(
    it: Served,
) -> None:
    async with client(it.address, it.viewer) as viewer:
        nothing, wrong = await viewer.get(f"/{CANARY}"), await viewer.post("/me")

    assert problem(nothing)["type"] == "/problems/not-found"
    assert problem(wrong)["type"] == "/problems/method-not-allowed"
    assert CANARY not in nothing.text


async def test_S8_who_may_not_is_told_so_and_who_is_nobody_is_told_how_to_be(
    it: Served,
) -> None:
    async with client(it.address, it.manager) as manager, client(it.address) as nobody:
        refused = await manager.get(f"/accounts/{it.account_id}")
        unknown = await nobody.get(f"/accounts/{it.account_id}", params={"manger": "1"})

    assert (refused.status_code, problem(refused)["type"]) == (403, "/problems/not-allowed")
    assert (unknown.status_code, problem(unknown)["type"]) == (401, "/problems/unauthenticated")
    assert unknown.headers["www-authenticate"] == 'Bearer realm="fairlead"'


async def test_A9_1_a_key_in_the_query_is_refused(it: Served) -> None:
    async with client(it.address) as nobody:
        answer = await nobody.get("/me", params={"key": it.viewer})

    assert problem(answer)["type"] == "/problems/key-in-query"
    assert it.viewer not in answer.text


async def test_A9_3_S30_whence_somebody_comes_is_told_by_our_own_proxies_alone(pool: Any) -> None:
    found = await audience(pool)
    place = f"/accounts/{await registered(found)}"
    access = access_of(found.installation)
    key = await key_for(access, grant("administrator", found.account.account_id))
    whence, strangers = [], []
    for proxies in ("192.0.2.1", "127.0.0.1"):
        settings = UNHURRIED.model_copy(
            update={"trusted_proxies": proxies, "strangers_per_s": 1, "strangers_burst": 2}
        )
        async with (
            served(found.installation, access, settings) as address,
            client(address, key) as admin,
            client(address) as nobody,
        ):
            await admin.get(f"{place}/state", headers={"x-forwarded-for": "203.0.113.9"})
            looks = (await admin.get(f"{place}/access-log")).json()["items"]
            whence.append(next(each["whence"] for each in looks if each["what"] == "state"))
            answers = [
                await nobody.get("/me", headers={"x-forwarded-for": f"198.51.100.{number}"})
                for number in range(4)
            ]
            strangers.append(answers[-1].status_code)

    assert whence == ["127.0.0.1", "203.0.113.9"]
    assert strangers == [429, 401]


async def test_S35_every_answer_says_what_a_browser_should_know(
    it: Served,
) -> None:
    async with client(it.address, it.viewer) as viewer:
        answers = [await viewer.get("/me"), await viewer.get("/nothing")]

    assert [answer.headers.get("server") for answer in answers] == [None, None]
    assert [
        [
            answer.headers[name]
            for name in ("x-content-type-options", "referrer-policy", "content-security-policy")
        ]
        for answer in answers
    ] == [
        [
            "nosniff",
            "no-referrer",
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        ]
    ] * 2


def test_A5_2_what_is_under_way_may_be_asked_for_again_in_a_second() -> None:
    problem = of_refused(Refused("key_under_way"), "Ask again in a second.")

    assert (problem.code, problem.status) == ("key-under-way", 409)
    assert problem.headers == {"Retry-After": "1"}


@pytest.mark.parametrize(
    ("prefer", "waited_s"),
    [
        (None, 2),
        ("respond-async", 0),
        ("wait=0", 0),
        ("wait=7", 7),
        ("handling=lenient, wait=600", 10),
        ("respond-async, wait=5", 0),
        ("wait=-1", 2),
        ("wait=soon", 2),
    ],
)
def test_A5_3_an_answer_is_waited_for_as_long_as_was_asked_and_ten_seconds_at_most(
    prefer: str | None, waited_s: int
) -> None:
    assert wait_of(prefer) == waited_s
