"""Who asks too often is told so, by the limit's name, and nobody else is held up (A7.1, S29)."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from contracts.events import ManagerPaused
from services.web.limits import RateLimit
from services.web.rates import Rates, headers_of
from services.web.settings import WebSettings
from tests.domain.scenario import ANN
from tests.services.access.kit import grant
from tests.services.api.kit import UNHURRIED, client, key_for
from tests.services.api.office import Office, open_office

VIEWER = grant("viewer", 1)
LIMIT = RateLimit(name="requests", per_s=20, burst=100)
# So slow that nothing is added while a test runs.
SETTINGS = WebSettings(
    requests_per_s=1,
    requests_burst=12,
    commands_per_s=1,
    commands_burst=5,
    strangers_per_s=1,
    strangers_burst=5,
)


class Clock:
    """The time, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database, SETTINGS) as found:
        yield found


async def test_A7_1_whoever_asks_is_told_what_they_may_take(office: Office) -> None:
    async with client(office.address, await key_for(office.access, VIEWER)) as viewer:
        told = (await viewer.get("/me")).json()["limits"]

    assert told == {
        "requests": {"per_s": 1, "burst": 12},
        "commands": {"per_s": 1, "burst": 5},
        "streams": 5,
        "body_bytes": 1_048_576,
        "statement_ms": 2_000,
        "range_days": 400,
        "page_items": 200,
        "bulk_rows": 100_000,
    }


def test_A7_1_a_burst_passes_and_then_so_many_a_second() -> None:
    clock = Clock()
    rates = Rates(kept_max=10, monotonic=clock)
    burst = [rates.take(LIMIT, "ann") for _ in range(LIMIT.burst)]
    beyond = rates.take(LIMIT, "ann")
    clock.now += 0.5
    later = [rates.take(LIMIT, "ann").wait_s for _ in range(12)]
    clock.now += 3_600
    rested = rates.take(LIMIT, "ann")

    assert [each.remaining for each in burst] == [*range(99, -1, -1)]
    assert {each.wait_s for each in burst} == {0.0}
    assert beyond.wait_s == pytest.approx(1 / 20)
    assert [wait_s > 0 for wait_s in later] == [False] * 10 + [True] * 2
    assert (rested.remaining, rested.wait_s) == (99, 0.0)


def test_A7_1_only_so_many_are_remembered_and_the_busiest_of_them() -> None:
    rates = Rates(kept_max=10, monotonic=Clock())
    for number in range(1_000):
        rates.take(LIMIT, f"stranger {number}")
        rates.take(LIMIT, "busy")

    assert rates.kept == 10
    assert rates.look(LIMIT, "busy").wait_s > 0


def test_A7_1_headers_name_quota_window_rest_and_time() -> None:
    rates = Rates(kept_max=10, monotonic=Clock())

    assert headers_of([rates.take(LIMIT, "ann")]) == {
        "ratelimit-policy": '"requests";q=100;w=5',
        "ratelimit": '"requests";r=99;t=1',
    }


async def test_A7_1_who_asks_too_often_is_told_which_limit_it_was_and_when_to_come_again(
    office: Office,
) -> None:
    place = f"managers/{ANN}/pause"
    async with (
        await office.caller("supervisor") as caller,
        await office.caller("supervisor") as colleague,
    ):
        commands = [
            await caller.put(place, json={}, headers={"prefer": "respond-async"})
            for _ in range(SETTINGS.commands_burst + 2)
        ]
        invented = await asyncio.gather(
            *(caller.get(f"{office.address}/api/v1/accounts/{n}") for n in range(1, 30))
        )
        reading = [
            await caller.get(f"operations/op-{'0' * 32}") for _ in range(SETTINGS.requests_burst)
        ]
        others = await colleague.put(place, json={}, headers={"prefer": "respond-async"})
    await office.caught_up()

    assert 429 in {each.status_code for each in commands}
    refused = next(each for each in commands if each.status_code == 429)
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.json()["errors"][0]["code"] == "commands"
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit-policy"] == '"requests";q=12;w=12, "commands";q=5;w=5'
    assert '"commands";r=0;' in refused.headers["ratelimit"]
    # Accounts that are none of theirs are counted together.
    assert {each.status_code for each in invented} == {404, 429}
    last = reading[-1]
    assert (last.status_code, last.json()["errors"][0]["code"]) == (429, "requests")
    assert others.status_code == 202
    assert await office.happened(ManagerPaused) == 1


async def test_S29_an_address_that_shows_no_key_is_held_up_before_it_is_looked_at(
    office: Office,
) -> None:
    async with client(office.address, "fl_x") as guesser:
        answers: list[httpx.Response] = [
            await guesser.get("/me") for _ in range(SETTINGS.strangers_burst + 3)
        ]

    codes = [each.status_code for each in answers]
    assert codes[: SETTINGS.strangers_burst] == [401] * SETTINGS.strangers_burst
    assert codes[-1] == 429
    assert answers[-1].json()["errors"][0]["code"] == "strangers"


async def test_A7_1_a_question_that_takes_too_long_is_told_to_ask_for_less(
    shared_database: str,
) -> None:
    impatient = UNHURRIED.model_copy(update={"statement_ms": 50})
    async with (
        open_office(shared_database, impatient) as office,
        await office.caller("viewer") as caller,
        office.desk.pool.acquire() as owner,
        owner.transaction(),
    ):
        await owner.execute("LOCK TABLE decisions.feed IN ACCESS EXCLUSIVE MODE")
        answer = await caller.get("decisions")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-broad")
