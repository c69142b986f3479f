"""Pages by cursor, tags, filters, whole lists as CSV and lines (A3, A4, A12)."""

import csv
import io
import json
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contracts.events import AssignmentConfirmed, LeadAssigned
from projections.decisions import APPEND
from services.api import bulk
from services.api.cursors import Key
from services.api.told import ToldSentence
from services.shared.errors import Unavailable
from tests.services.api.hall import NAME, Hall, hall
from tests.services.api.kit import CANARY
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server) as found:
        yield found


async def pages(
    client: httpx.AsyncClient, path: str, *, by: str = "next", **asked: Any
) -> list[dict[str, Any]]:
    """All pages of a list from its beginning on, in one direction."""
    found = [(await client.get(path, params=asked)).raise_for_status().json()]
    while cursor := found[-1][by]:
        found.append((await client.get(path, params={**asked, "cursor": cursor})).json())
    return found


async def decide(it: Hall, *versions: int) -> None:
    """Have more decisions in the table."""
    async with it.audience.pool.acquire() as connection:
        count = len(versions)
        await connection.execute(
            APPEND.replace("INTO feed", "INTO decisions.feed"),
            it.account_id,
            versions,
            [900_001] * count,
            [f"more.{each}" for each in versions],
            ["closed"] * count,
            [datetime(2026, 10, 13, tzinfo=UTC)] * count,
            [501] * count,
            ["more"] * count,
            [None] * count,
            [None] * count,
            ["gone"] * count,
        )


async def test_A3_1_pages_follow_each_other_in_both_directions(it: Hall) -> None:
    async with it.asking("viewer") as viewer:
        whole = await pages(viewer, "/decisions", limit=200)
        forth = await pages(viewer, "/decisions", limit=4)
        last = forth[-1]["previous"]
        back = [(await viewer.get("/decisions", params={"limit": 4, "cursor": last})).json()]
        while cursor := back[-1]["previous"]:
            back.append(
                (await viewer.get("/decisions", params={"limit": 4, "cursor": cursor})).json()
            )

    (everything,) = whole
    versions = [each["version"] for each in everything["items"]]
    assert versions == sorted(versions, reverse=True)
    assert (everything["next"], everything["previous"]) == (None, None)
    assert everything["as_of_version"] == it.audience.events[-1].version
    assert [each for page in forth for each in page["items"]] == everything["items"]
    assert [page["items"] for page in reversed(back)] == [page["items"] for page in forth[:-1]]


async def test_A3_1_the_link_header_leads_to_the_other_pages(it: Hall) -> None:
    async with it.asking("viewer") as viewer:
        first = await viewer.get("/decisions", params={"limit": 3, "kind": "assigned"})
        address = first.links["next"]["url"]
        second = await viewer.get(f"{it.address}{address}")

    assert set(first.links) == {"next"}
    assert set(second.links) == {"next", "prev"}
    assert {each["kind"] for each in second.json()["items"]} == {"assigned"}


@pytest.mark.parametrize("limit", [0, 201, -1, "x"])
async def test_A3_1_a_page_has_1_to_200_items(it: Hall, limit: object) -> None:
    async with it.asking("viewer") as viewer:
        answer = await viewer.get("/decisions", params={"limit": str(limit)})

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["query.limit"]


async def test_A14_3_A3_2_what_comes_while_somebody_pages_is_neither_missed_nor_told_twice(
    it: Hall,
) -> None:
    async with it.asking("viewer") as viewer:
        asked = {"limit": 2, "manager": 501}
        before = [e for page in await pages(viewer, "/decisions", **asked) for e in page["items"]]
        first = (await viewer.get("/decisions", params=asked)).json()
        await decide(it, 5_001, 5_002)
        rest = await pages(viewer, "/decisions", **asked, cursor=first["next"])
        newer = (
            await viewer.get("/decisions", params={**asked, "cursor": rest[0]["previous"]})
        ).json()
        newest = (
            await viewer.get("/decisions", params={**asked, "cursor": newer["previous"]})
        ).json()

    found = first["items"] + [each for page in rest for each in page["items"]]
    assert found == before
    assert newer["items"] == first["items"]
    assert [each["version"] for each in newest["items"]] == [5_002, 5_001]


async def test_A3_2_a_cursor_belongs_to_its_filter_list_and_account(it: Hall) -> None:
    async with it.asking("viewer") as viewer:
        first = await viewer.get("/decisions", params={"limit": 2, "manager": 501})
        cursor = first.json()["next"]
        answers = [
            await viewer.get("/decisions", params={"limit": 2, "cursor": cursor}),
            await viewer.get("/requests", params={"manager": 501, "cursor": cursor}),
            await viewer.get("/decisions", params={"manager": 501, "cursor": cursor[:-2]}),
            await viewer.get("/decisions", params={"cursor": "no cursor"}),
        ]
        larger = await viewer.get(
            "/decisions", params={"limit": 3, "manager": 501, "cursor": cursor}
        )

    wrong = [answers[0], *answers[2:]]
    assert {each.status_code for each in wrong} == {400}
    assert {each.json()["type"] for each in wrong} == {"/problems/cursor-mismatch"}
    assert answers[1].status_code == 422  # requests are about no manager
    assert larger.status_code == 200


async def test_A3_2_a_cursor_counts_from_when_the_first_page_was_asked_for(it: Hall) -> None:
    async with it.asking("viewer") as viewer:
        first = (await viewer.get("/decisions", params={"from": "-399d", "limit": 1})).json()
        second = await viewer.get(
            "/decisions", params={"from": "-399d", "limit": 1, "cursor": first["next"]}
        )

    assert second.status_code == 200
    assert second.json()["items"] != first["items"]


async def test_A2_1_a_filter_that_comes_again_means_any_of_them(it: Hall) -> None:
    async with it.asking("viewer") as viewer:
        both = (await viewer.get("/decisions", params={"manager": [501, 504]})).json()["items"]
        none = (await viewer.get("/decisions", params={"manager": 7})).json()["items"]
        asked = {"from": "2026-10-12", "to": "2026-10-12", "lead": [900_001]}
        day = (await viewer.get("/decisions", params=asked)).json()["items"]

    assert {each["manager_id"] for each in both} == {501, 504}
    assert none == []
    assert {each["lead_id"] for each in day} <= {900_001}


@pytest.mark.parametrize(
    ("asked", "pointer", "type_"),
    [
        ({"from": f"{CANARY}"}, "query.from", "from-not-a-time"),
        ({"to": f"{CANARY}"}, "query.to", "to-not-a-time"),
        ({"from": "2020-01-01"}, "query.from", "span-too-long"),
        ({"from": "2026-10-02", "to": "2026-10-01T00:00"}, "query.from", "span-empty"),
        ({"stage": CANARY}, "query.stage", "stage-not-ids"),
        ({"kind": CANARY}, "query.kind.0", "unprocessable"),
        ({"manager": "0"}, "query.manager.0", "unprocessable"),
        ({"manager": str(2**63)}, "query.manager.0", "unprocessable"),
        ({"lead": CANARY}, "query.lead.0", "unprocessable"),
    ],
)
async def test_S19_a_filter_that_is_none_is_told_without_what_was_sent(
    it: Hall, asked: dict[str, str], pointer: str, type_: str
) -> None:
    async with it.asking("viewer") as viewer:
        answer = await viewer.get("/decisions", params=asked)

    body = answer.json()
    assert (answer.status_code, body["type"]) == (422, f"/problems/{type_}")
    assert [each["pointer"] for each in body["errors"]] == [pointer]
    assert CANARY not in answer.text


@pytest.mark.parametrize(
    ("path", "pointer", "type_"),
    [
        ("/tallies?from=yesterday", "query.from", "from-not-a-time"),
        ("/tallies?to=2026-02-30", "query.to", "to-not-a-time"),
        ("/tallies?from=2026-10-02&to=2026-10-01", "query.from", "span-empty"),
        ("/proof/yesterday", "path.day", "day-not-a-date"),
    ],
)
async def test_A6_a_day_that_is_none_is_named_by_its_field(
    it: Hall, path: str, pointer: str, type_: str
) -> None:
    async with it.asking("viewer") as viewer:
        answer = await viewer.get(path)

    body = answer.json()
    assert (answer.status_code, body["type"]) == (422, f"/problems/{type_}")
    assert [each["pointer"] for each in body["errors"]] == [pointer]


async def test_A5_6_a_decision_is_told_before_kommo_holds_it(it: Hall) -> None:
    events = [each.event for each in it.audience.events]
    confirmed = {
        (each.request_id, each.attempt) for each in events if isinstance(each, AssignmentConfirmed)
    }
    told = {}
    async with it.asking("viewer") as viewer:
        for each in it.audience.events:
            if isinstance(each.event, LeadAssigned):
                answer = (await viewer.get(f"/decisions/{each.version}")).raise_for_status()
                key = (each.event.request_id, each.event.attempt)
                told[key] = answer.json()["explanation"]["confirmed_at"] is not None

    assert set(told.values()) == {True, False}
    assert {key for key, is_confirmed in told.items() if is_confirmed} == confirmed


async def test_A4_1_a_list_that_is_known_is_not_sent_again(it: Hall) -> None:
    async with it.asking("viewer") as viewer, it.asking("supervisor") as other:
        first = await viewer.get("/decisions", params={"limit": 2})
        tag = {"if-none-match": first.headers["etag"]}
        again = await viewer.get("/decisions", params={"limit": 2}, headers=tag)
        narrower = await viewer.get("/decisions", params={"limit": 3}, headers=tag)
        others = await other.get("/decisions", params={"limit": 2}, headers=tag)

    assert first.headers["etag"].startswith('W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["fairlead-version"] == first.headers["fairlead-version"]
    assert again.headers["etag"] == first.headers["etag"]
    assert (narrower.status_code, others.status_code) == (200, 200)


async def test_A4_1_a_single_thing_has_a_strong_tag(it: Hall) -> None:
    version = next(e.version for e in reversed(it.audience.events) if hasattr(e.event, "policy"))
    async with it.asking("viewer") as viewer:
        first = await viewer.get(f"/decisions/{version}")
        tag = {"if-none-match": f'"other", {first.headers["etag"]}'}
        again = await viewer.get(f"/decisions/{version}", headers=tag)

    assert first.headers["etag"].startswith('"')
    assert again.status_code == 304


async def test_A5_5_a_version_that_is_not_shown_yet_is_waited_for(it: Hall) -> None:
    shown = it.audience.events[-1].version
    async with it.asking("viewer") as viewer:
        known = await viewer.get("/decisions", params={"min_version": shown, "limit": 1})
        behind = await viewer.get("/decisions", params={"min_version": shown + 1})

    assert known.status_code == 200
    assert (behind.status_code, behind.json()["type"]) == (503, "/problems/behind")
    assert behind.headers["retry-after"] == "1"
    assert str(shown) in behind.json()["detail"]


async def test_A12_1_a_whole_list_is_had_as_lines_with_their_count(it: Hall) -> None:
    async with it.asking("supervisor") as supervisor:
        listed = (await supervisor.get("/requests", params={"limit": 200})).json()["items"]
        answer = await supervisor.get("/requests", headers={"accept": "application/jsonl"})

    *rows, last = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/jsonl"
    assert int(answer.headers["fairlead-version"]) > 0
    assert rows == listed
    assert last == {"count": len(listed), "next": None}


async def test_A12_1_a_whole_list_is_had_as_csv_for_a_spreadsheet(it: Hall) -> None:
    async with it.asking("supervisor") as supervisor:
        listed = (await supervisor.get("/decisions", params={"limit": 200})).json()["items"]
        answer = await supervisor.get("/decisions", headers={"accept": "text/csv"})

    head, *rows, last = list(csv.reader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="list_decisions.csv"'
    assert head == list(listed[0])
    assert [row[0] for row in rows] == [str(each["version"]) for each in listed]
    assert last == ["#count", str(len(listed))]


async def test_A12_1_more_than_a_file_has_is_asked_for_from_where_it_ends(
    it: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PIECE", 2)
    monkeypatch.setattr(bulk, "ROWS_MAX", 5)
    lines = {"accept": "application/x-ndjson"}
    async with it.asking("supervisor") as supervisor:
        whole = (await supervisor.get("/requests", params={"limit": 200})).json()["items"]
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        counts: list[int] = []
        while True:
            answer = await supervisor.get("/requests", params=cursor, headers=lines)
            *rows, last = [json.loads(line) for line in answer.text.splitlines()]
            found += rows
            counts.append(last["count"])
            if last["next"] is None:
                break
            cursor = {"cursor": last["next"]}

    assert found == whole
    assert counts == [5] * (len(whole) // 5) + ([len(whole) % 5] if len(whole) % 5 else [])


async def test_A12_1_a_list_that_breaks_has_no_count() -> None:
    async def read(after: Key | None, limit: int) -> tuple[list[ToldSentence], Key | None]:
        if after is not None:
            raise Unavailable("the database went away")
        return [ToldSentence(id="a", arguments={}, text="=1+1")] * limit, (limit,)

    async def seal(_: Key) -> str:
        return "sealed"

    answer = bulk.streamed(
        "text/csv", columns=["text"], start=None, read=read, seal=seal, name="sentences"
    )
    parts: list[bytes] = []
    with pytest.raises(Unavailable):
        await _into(parts, answer.body_iterator)

    rows = b"".join(parts).splitlines()
    assert rows[0] == b'"text"'
    assert set(rows[1:]) == {b'"\'=1+1"'}  # S31
    assert len(rows) == 1 + bulk.PIECE


async def _into(parts: list[bytes], source: AsyncIterable[Any]) -> None:
    async for part in source:
        parts += [part]


async def test_A12_1_a_whole_list_wants_the_right_to_export(it: Hall) -> None:
    async with it.asking("viewer") as viewer:
        refused = await viewer.get("/decisions", headers={"accept": "text/csv"})
        unknown = await viewer.get("/decisions", headers={"accept": "application/pdf"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
    assert (unknown.status_code, unknown.json()["type"]) == (406, "/problems/not-acceptable")


async def test_A2_1_a_decision_is_explained_decided_again_and_has_its_digest(it: Hall) -> None:
    version = next(e.version for e in it.audience.events if hasattr(e.event, "policy"))
    async with it.asking("viewer") as viewer:
        found = (await viewer.get(f"/decisions/{version}")).json()
        none = await viewer.get("/decisions/1")

    explanation = found["explanation"]
    assert explanation["is_reproduced"] is True
    assert explanation["event"]["name"] == "lead.assigned"
    assert explanation["sentences"][0]["text"]
    assert NAME in "".join(each["text"] for each in explanation["sentences"])
    assert len(found["digest"]) == 64
    assert (none.status_code, none.json()["type"]) == (404, "/problems/no-such-decision")
