"""Seven requests a second for an address, then 429, then 403."""

import httpx
import pytest

from services.sandbox.app import running_sandbox
from services.sandbox.knobs import Knobs
from services.sandbox.limiter import LimitVerdict, RequestLimit


def judge(limiter: RequestLimit, *times: float) -> list[int]:
    return [limiter.judge("a", time).value for time in times]


def test_the_second_slides() -> None:
    limiter = RequestLimit(Knobs(requests_per_second=2))

    assert judge(limiter, 0.0, 0.5, 0.9, 1.6, 1.7) == [200, 200, 429, 200, 429]


def test_addresses_are_counted_apart() -> None:
    limiter = RequestLimit(Knobs(requests_per_second=1))

    assert [limiter.judge(address, 0.0) for address in "ab"] == [LimitVerdict.ALLOWED] * 2


def test_F48_abuse_blocks_the_address_for_a_while() -> None:
    limiter = RequestLimit(Knobs(requests_per_second=1, block_after=2, block_s=10))
    times = (0.0, 0.1, 0.2, 0.3, 5.0, 10.2, 11.3)

    assert judge(limiter, *times) == [200, 429, 429, 403, 403, 403, 200]


def test_F47_a_pause_can_be_enforced() -> None:
    limiter = RequestLimit(Knobs(requests_per_second=1, retry_after_s=5, enforce_pause=True))

    assert judge(limiter, 0.0, 0.1, 3.0, 8.2) == [200, 429, 429, 200]
    assert [limiter.in_pause("a", time) for time in (7.9, 8.1)] == [True, False]


def test_sources_are_bounded() -> None:
    limiter = RequestLimit(Knobs(), sources_max=2)
    for address in "abc":
        limiter.judge(address, 0.0)

    assert len(limiter._sources) == 2


@pytest.mark.server
async def test_F47_429_then_403_over_http() -> None:
    knobs = Knobs(block_after=2, retry_after_s=3)
    async with (
        running_sandbox(knobs=knobs) as sandbox,
        httpx.AsyncClient(base_url=sandbox.base_url) as client,
    ):
        answers = [await client.get("/api/v4/account") for _ in range(10)]
        control = await client.get("/sandbox/summary")

    assert [answer.status_code for answer in answers] == [401] * 7 + [429] * 2 + [403]
    assert answers[7].headers["content-type"] == "application/problem+json"
    assert answers[7].json()["retry_after"] == 3
    assert (answers[9].text, answers[9].headers["content-type"]) == (
        "403 Forbidden",
        "text/plain; charset=utf-8",
    )
    assert control.json()["api_429"] == 2
    assert [row.in_pause for row in sandbox.journal.requests] == [False] * 8 + [True] * 2


@pytest.mark.server
async def test_F47_a_429_need_not_be_json() -> None:
    knobs = Knobs(too_many_next=2, too_many_body="text")
    async with (
        running_sandbox(knobs=knobs) as sandbox,
        httpx.AsyncClient(base_url=sandbox.base_url) as client,
    ):
        text = await client.get("/api/v4/account")
        sandbox.knobs.turn({"too_many_body": "problem", "retry_after_s": None})
        problem = await client.get("/api/v4/account")

    assert (text.status_code, text.text) == (429, "Too many requests")
    assert "retry_after" not in problem.json()
