"""A version that another one has taken the place of says so, and when it ends (A10).

There is none yet: what is old here is made up, in an application of its own.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from services.api import versions
from services.api.document import document, operations
from services.api.tags import TaggedRoute
from services.api.versions import Old, old_of
from services.web.answers import handle
from services.web.problems import HttpProblem
from services.web.request_ids import RequestIds

SINCE = datetime(2027, 3, 1, tzinfo=UTC)
OLD = Old(since=SINCE, ends_at=datetime(2028, 3, 1, 12, tzinfo=UTC))
TOLD = {"deprecation": "@1803859200", "sunset": "Wed, 01 Mar 2028 12:00:00 GMT"}


def router(prefix: str) -> APIRouter:
    """What a version has: something to read, and something that is refused."""
    found = APIRouter(prefix=prefix, route_class=TaggedRoute)

    @found.get("/leads")
    async def leads() -> list[int]:
        return [7]

    @found.post("/leads")
    async def refuse() -> None:
        raise HttpProblem("not-found")

    return found


@pytest.fixture
async def asking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(versions, "OLD", {"/api/v0": OLD})
    app = FastAPI(routes=[*router("/api/v0").routes, *router("/api/v1").routes])
    handle(app)
    transport = httpx.ASGITransport(RequestIds(app, is_https=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://there") as found:
        yield found


def told(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in TOLD if name in answer.headers}


async def test_A10_1_each_answer_of_an_old_version_says_since_when_and_how_long(
    asking: httpx.AsyncClient,
) -> None:
    old = await asking.get("/api/v0/leads")
    same = await asking.get("/api/v0/leads", headers={"if-none-match": old.headers["etag"]})
    refused = await asking.post("/api/v0/leads")
    new = [await asking.get("/api/v1/leads"), await asking.post("/api/v1/leads")]

    assert [each.status_code for each in (old, same, refused)] == [200, 304, 404]
    assert [told(each) for each in (old, same, refused)] == [TOLD] * 3
    assert [(each.status_code, told(each)) for each in new] == [(200, {}), (404, {})]


def test_A10_1_both_versions_are_answered_for_twelve_months() -> None:
    with pytest.raises(ValueError, match="365 days"):
        Old(since=SINCE, ends_at=SINCE + timedelta(days=364))


def test_A10_1_what_is_old_is_marked_in_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "OLD", {"/api/v1": OLD})
    marked = [each.get("deprecated") for _, each in operations(document())]

    assert marked == [True] * len(marked)


def test_A10_1_no_version_is_old_yet() -> None:
    assert {old_of(path) for path, _ in operations(document())} == {None}
