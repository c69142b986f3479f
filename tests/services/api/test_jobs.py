"""Jobs over HTTP: what came of each, who may, how many; and that none is ever stuck (A2, A7)."""

import hashlib
import json
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from itertools import count
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from contracts.rules import RulesFile
from services.api import exports
from services.application.audit.account import audit
from services.application.jobs.work import JobWorker
from services.application.span import span_from
from services.application.whatif.simulate import simulate
from services.runtime.job_worker import COMPUTATIONS
from services.storage.jobs import ATTEMPTS_MAX, HeldJob, JobResult, Jobs
from services.storage.tenancy import Reach, bounded
from tests.services.access.kit import grant
from tests.services.api.hall import Hall, hall
from tests.services.api.kit import access_of, client, key_for
from tests.services.application.audit.kit import NINE, VIEWER
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]

ZONE = "America/Sao_Paulo"
REPLAY = {"kind": "replay"}
DECISIONS = {"kind": "export", "list": "decisions"}
LOOKS = "SELECT what FROM access_log WHERE principal = $1 ORDER BY id"
LEASE_IS_OVER = "UPDATE jobs SET lease_until = now() - interval '1 s' WHERE job_id = $1"
A_DAY_LATER = (
    "UPDATE jobs SET given_at = given_at - interval '25 h', ended_at = now() - interval '25 h'"
)
PARTS = "SELECT count(*) FROM job_parts"
_keys = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def asking(it: Hall) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody new each time: how many jobs they may have is counted for each."""
    key = await key_for(access_of(it.audience.installation), grant("administrator", it.account_id))
    async with client(it.address, key) as found:
        found.base_url = httpx.URL(f"{it.address}/api/v1/accounts/{it.account_id}/")
        yield found
    await it.audience.pool.execute("DELETE FROM jobs")


async def started(asking: httpx.AsyncClient, body: Any, key: str = "") -> httpx.Response:
    headers = {"idempotency-key": key or f"key-{next(_keys)}"}
    return await asking.post("jobs", json=body, headers=headers)


async def work(it: Hall) -> None:
    """Do all that waits, as the user of the role `web`."""
    await JobWorker(it.installation, COMPUTATIONS).work(idle_s=0)


async def done(it: Hall, asking: httpx.AsyncClient, body: Any) -> tuple[Any, httpx.Response]:
    """A job that is over, and its result."""
    answer = await started(asking, body)
    assert answer.status_code == 202, answer.text
    await work(it)
    place = f"jobs/{answer.json()['job_id']}"
    return (await asking.get(place)).json(), await asking.get(f"{place}/result")


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_A2_a_replay_is_told_as_the_command_line_tells_it(
    it: Hall, asking: httpx.AsyncClient
) -> None:
    answer = await started(asking, REPLAY)
    waiting = answer.json()
    early = await asking.get(f"jobs/{waiting['job_id']}/result")
    await work(it)
    job = (
        await asking.get(answer.headers["location"].rpartition("/accounts/")[2].split("/", 1)[1])
    ).json()
    result = await asking.get(f"jobs/{job['job_id']}/result")
    found = await audit(it.audience.installation, it.audience.account, VIEWER)

    assert (answer.status_code, waiting["state"], waiting["result"]) == (202, "queued", None)
    assert code(early) == (409, "job-not-over")
    assert (job["state"], job["progress"], job["attempts"]) == ("finished", 1000, 1)
    assert result.json() == json.loads(msgspec.json.encode(found))
    assert result.json()["events"] == len(it.audience.events)
    digest = b64encode(hashlib.sha256(result.content).digest()).decode()
    assert result.headers["content-digest"] == f"sha-256=:{digest}:"
    assert job["result"]["content_digest"] == result.headers["content-digest"]
    assert int(result.headers["content-length"]) == len(result.content)
    looks = [row["what"] for row in await it.audience.pool.fetch(LOOKS, job["given_by"])]
    assert looks == ["audit", "audit"]


async def test_A2_a_job_is_seen_by_who_gave_it_and_by_who_may_see_who_did_what(
    it: Hall, asking: httpx.AsyncClient
) -> None:
    job, _ = await done(it, asking, DECISIONS)
    place = f"jobs/{job['job_id']}"
    async with it.asking("viewer") as viewer, it.stranger() as stranger:
        seen = await viewer.get(place)
        listed = await viewer.get("jobs")
        file = await viewer.get(f"{place}/result")
        cancelled = await viewer.delete(place)
        foreign = await stranger.get(place)
        refused = await started(viewer, DECISIONS)
        unknown = await viewer.get("jobs/job-" + 32 * "0")

    assert seen.json() == job
    assert listed.json()["items"] == [job]
    assert [code(each) for each in (file, cancelled, refused)] == [(403, "not-allowed")] * 3
    assert [code(each) for each in (foreign, unknown)] == [(404, "not-found"), (404, "job-unknown")]


@pytest.mark.parametrize(("form", "media"), [("csv", "text/csv"), ("jsonl", "application/jsonl")])
async def test_A12_1_an_export_has_the_rows_that_the_list_has(
    it: Hall, asking: httpx.AsyncClient, form: str, media: str
) -> None:
    accept = {"accept": media}
    decisions = await asking.get("decisions", params={"kind": "assigned"}, headers=accept)
    requests = await asking.get("requests", params={"state": "assigned"}, headers=accept)
    moved = await asking.get("managers/501/statement", headers=accept)
    looks = await asking.get("access-log", headers=accept)
    asked = {"kind": "export", "format": form}
    job, given = await done(it, asking, {**asked, "list": "decisions", "decision": ["assigned"]})
    _, opened = await done(it, asking, {**asked, "list": "requests", "state": ["assigned"]})
    _, booked = await done(it, asking, {**asked, "list": "statement", "manager": [501]})
    _, looked = await done(it, asking, {**asked, "list": "access_log"})

    assert given.headers["content-type"].partition(";")[0] == media
    assert given.text == decisions.text
    assert opened.text == requests.text
    assert len(booked.text.splitlines()) > 2
    assert booked.text == moved.text
    assert job["result"]["rows"] == len(given.text.splitlines()) - (2 if form == "csv" else 1) > 0
    # That they looked was kept meanwhile.
    assert {*looks.text.splitlines()[:-1]} <= {*looked.text.splitlines()}


@pytest.mark.skipif(not find_spec("pyarrow"), reason="the extra parquet is not installed")
async def test_A12_1_a_parquet_file_has_the_same_rows(it: Hall, asking: httpx.AsyncClient) -> None:
    parquet = import_module("pyarrow.parquet")
    job, file = await done(it, asking, {**DECISIONS, "format": "parquet"})
    items = (await asking.get("decisions", params={"limit": 200})).json()["items"]

    table = parquet.read_table(BytesIO(file.content))
    rows = table.to_pylist()
    for row in rows:
        row["stage"] = None if row["stage"] is None else json.loads(row["stage"])
    assert rows == items
    assert job["result"]["media_type"] == "application/vnd.apache.parquet"


async def test_A12_1_without_what_it_needs_a_parquet_file_is_refused(
    asking: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    answer = await started(asking, {**DECISIONS, "format": "parquet"})

    assert code(answer) == (422, "format-unavailable")


async def test_A12_1_a_file_that_leaves_rows_out_says_where_the_next_begins(
    it: Hall, asking: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = await done(it, asking, {**DECISIONS, "format": "jsonl"})
    monkeypatch.setattr(exports, "ROWS_MAX", 2)
    rows, before = [], None
    while True:
        job, file = await done(it, asking, {**DECISIONS, "format": "jsonl", "before": before})
        rows += file.text.splitlines()[:-1]
        before = job["result"]["next_before"]
        if before is None:
            break

    assert rows == whole.text.splitlines()[:-1]
    assert json.loads(whole.text.splitlines()[-1]) == {"count": len(rows), "next": None}


async def test_A5_2_a_job_is_started_once_under_a_key(asking: httpx.AsyncClient) -> None:
    first = await started(asking, REPLAY, "one")
    again = await started(asking, REPLAY, "one")
    other = await started(asking, {**REPLAY, "first": 2}, "one")
    nameless = await asking.post("jobs", json=REPLAY)

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert code(other) == (422, "key-reused")
    assert code(nameless) == (400, "idempotency-key-missing")


async def test_A7_two_are_under_way_and_twenty_a_day(it: Hall, asking: httpx.AsyncClient) -> None:
    for _ in range(2):
        await started(asking, REPLAY)
    third = await started(asking, REPLAY)
    for _ in range(18):
        listed = (await asking.get("jobs")).json()["items"]
        await asking.delete(f"jobs/{listed[0]['job_id']}")
        assert (await started(asking, REPLAY)).status_code == 202
    for each in (await asking.get("jobs")).json()["items"][:2]:
        await asking.delete(f"jobs/{each['job_id']}")
    late = await started(asking, REPLAY)
    async with it.asking("supervisor") as another:
        others = await started(another, REPLAY)

    assert code(third) == code(late) == (429, "too-many-jobs")
    assert [each.json()["errors"][0]["code"] for each in (third, late)] == [
        "jobs-under-way",
        "jobs-of-the-day",
    ]
    assert third.headers["retry-after"] == "60"
    assert others.status_code == 202


async def test_A2_a_cancelled_job_is_nobodys_and_stays_so(
    it: Hall, asking: httpx.AsyncClient
) -> None:
    place = f"jobs/{(await started(asking, REPLAY)).json()['job_id']}"
    jobs = Jobs(it.audience.pool)
    claimed = await jobs.claim("here:1:a")
    assert claimed is not None
    held = HeldJob(it.audience.pool, claimed, "here:1:a")
    assert await held.renew(250)
    assert await held.add_part(0, b"{}")
    half = await asking.get(place)
    cancelled = [await asking.delete(place) for _ in range(2)]
    result = JobResult(form="text/csv", size_bytes=2, sha256=b"")

    assert (half.json()["state"], half.json()["progress"]) == ("running", 250)
    assert [each.json()["state"] for each in cancelled] == ["cancelled"] * 2
    assert not await held.renew(300)
    assert not await held.add_part(1, b"{}")
    assert not await held.finish(result)
    assert not await it.audience.pool.fetchval(PARTS)
    assert code(await asking.get(f"{place}/result")) == (409, "job-over-without-result")
    finished, _ = await done(it, asking, REPLAY)
    assert code(await asking.delete(f"jobs/{finished['job_id']}")) == (409, "job-over")


async def test_A7_a_job_that_lost_its_worker_is_tried_again_and_then_told_as_failed(
    it: Hall, asking: httpx.AsyncClient
) -> None:
    jobs, pool = Jobs(it.audience.pool), it.audience.pool
    job_id = (await started(asking, REPLAY)).json()["job_id"]
    lost = await jobs.claim("gone:1:a")
    assert lost is not None
    assert await jobs.claim("here:2:b") is None  # as long as the lease lasts
    with bounded(Reach(account_id=None)):
        assert not await Jobs(it.installation.pool).is_any_due()
        await Jobs(it.installation.pool).abandon("gone:1:")
        assert await Jobs(it.installation.pool).is_any_due()
    await work(it)
    again = (await asking.get(f"jobs/{job_id}")).json()
    unlucky = (await started(asking, REPLAY)).json()["job_id"]
    for _ in range(ATTEMPTS_MAX):
        assert await jobs.claim("gone:1:a") is not None
        await pool.execute(LEASE_IS_OVER, unlucky)
    await work(it)
    failed = (await asking.get(f"jobs/{unlucky}")).json()

    assert (again["state"], again["attempts"]) == ("finished", 2)
    assert not await HeldJob(pool, lost, "gone:1:a").finish(
        JobResult(form="text/csv", size_bytes=0, sha256=b"")
    )
    assert failed["state"] == "failed"
    assert failed["reason"]["text"].startswith("It lost its worker 3 times.")


async def test_A2_a_what_if_answers_or_says_why_not(it: Hall, asking: httpx.AsyncClient) -> None:
    rules = (await asking.get("rules")).json()["rules"]
    for rule in rules["rules"]:  # one of them is no user of Kommo any more
        rule["participants"] = [each for each in rule["participants"] if each["manager"] != 503]
    text = json.dumps(rules)
    draft = {"name": "same", "text": text}
    body = {"kind": "what_if", "drafts": [draft]}
    days = {"from": "2026-01-01", "to": "2026-12-31"}
    answered, result = await done(it, asking, {**body, **days})
    nothing, none = await done(it, asking, {**body, "from": "2020-01-01", "to": "2020-01-02"})
    unusable = await started(asking, {**body, "drafts": [{"name": "x", "text": "rules: 7"}]})
    twice = await started(asking, {**body, "drafts": [draft, draft]})
    long = await started(asking, {**body, "from": "2020-01-01", "to": "2026-01-01"})

    assert answered["state"] == "finished"
    span = span_from("2026-01-01", "2026-12-31", now=NINE, timezone=ZONE, days=1)
    drafts = {"same": RulesFile.model_validate(rules)}
    found = await simulate(it.audience.installation, it.audience.account, VIEWER, drafts, span)
    assert result.json() == json.loads(msgspec.json.encode(found))
    assert found.drafts[0].results.assigned > 0
    assert (nothing["state"], nothing["reason"]["id"]) == ("failed", "refused.no_requests_then")
    assert code(none) == (409, "job-over-without-result")
    assert code(unusable) == (422, "rules-unusable")
    assert code(twice) == (422, "unprocessable")
    assert code(long) == (422, "span-too-long")


async def test_S18_who_serves_people_reads_no_token_and_says_where_to_ask(
    asking: httpx.AsyncClient,
) -> None:
    answer = await started(asking, {"kind": "shadow_audit"})

    assert code(answer) == (409, "kommo-not-asked-here")
    assert "The command line of the installation can ask." in answer.json()["detail"]


async def test_A1_2_a_filter_that_the_list_does_not_have_is_refused(
    asking: httpx.AsyncClient,
) -> None:
    answers = [
        await started(asking, {**DECISIONS, "state": ["waiting"]}),
        await started(asking, {**DECISIONS, "list": "access_log", "manager": [501]}),
        await started(asking, {**DECISIONS, "list": "statement"}),
        await started(asking, {**DECISIONS, "list": "statement", "manager": [501, 502]}),
        await started(asking, {**DECISIONS, "ledger": "account"}),
        await started(asking, {**REPLAY, "format": "csv"}),
        await started(asking, {"kind": "unknown"}),
    ]

    assert [code(each) for each in answers] == [(422, "unprocessable")] * 7


async def test_A12_1_a_day_after_its_end_a_job_is_forgotten(
    it: Hall, asking: httpx.AsyncClient
) -> None:
    job, _ = await done(it, asking, REPLAY)
    jobs = Jobs(it.installation.pool)
    with bounded(Reach(account_id=None)):
        kept = await jobs.forget()
        await it.audience.pool.execute(A_DAY_LATER)
        forgotten = await jobs.forget()

    assert (kept, forgotten) == (0, 1)
    assert code(await asking.get(f"jobs/{job['job_id']}")) == (404, "job-unknown")
    assert not await it.audience.pool.fetchval(PARTS)
