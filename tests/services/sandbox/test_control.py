"""The control API, the journal, and the process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from pydantic import ValidationError

from services.sandbox.app import Sandbox
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES
from services.sandbox.seed import Seed, build

FIRST = 900_001


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        await client.post("/sandbox/leads", json={"count": 5, "silent": True})
        yield client


async def test_all_leads_are_shown_compactly(client: httpx.AsyncClient) -> None:
    move = {"lead_ids": [FIRST], "pipeline_id": SALES, "status_id": NEW_REQUEST, "user_id": 503}
    hand_over = {"lead_ids": [FIRST], "responsible_user_id": 502}
    await client.post("/sandbox/leads/move", json=move)
    again = (await client.post("/sandbox/leads/move", json=move)).json()
    await client.post("/sandbox/leads/responsible", json=hand_over)
    leads = (await client.get("/sandbox/leads")).json()["leads"]

    assert again == {"changed": 0}
    assert len(leads) == 5
    assert leads[0][:4] == [FIRST, SALES, NEW_REQUEST, 502]


async def test_the_journal_tells_who_got_a_lead_and_by_whom(client: httpx.AsyncClient) -> None:
    order = {"lead_ids": [FIRST], "responsible_user_id": 502, "user_id": 503}
    await client.post("/sandbox/leads/responsible", json=order)
    await client.patch("/api/v4/leads", json=[{"id": FIRST, "responsible_user_id": 504}])
    answer = await client.get(f"/sandbox/journal/responsibles?lead_id={FIRST}")

    assert [(r["via"], r["user_id"], r["old"], r["new"]) for r in answer.json()["rows"]] == [
        ("human", 503, ADMIN_ID, 502),
        ("api", 0, 502, 504),
    ]


async def test_the_journal_of_requests_is_filtered(
    sandbox: Sandbox, client: httpx.AsyncClient
) -> None:
    body = [{"id": FIRST, "responsible_user_id": 504}]
    await client.get("/api/v4/leads?limit=1")
    await client.patch("/api/v4/leads", json=body)
    rows = (await client.get("/sandbox/journal/requests?method=PATCH&status=200")).json()["rows"]
    after = await client.get(f"/sandbox/journal/requests?after={rows[0]['seq']}")
    first = (await client.get("/sandbox/journal/requests?path=/api/v4/leads&limit=1")).json()

    assert [(row["path"], orjson.loads(row["body"])) for row in rows] == [("/api/v4/leads", body)]
    assert after.json() == {"rows": []}
    assert first["rows"][0]["path"] == "/api/v4/leads?limit=1"
    assert sandbox.token not in repr(sandbox.journal)
    assert (await client.get("/sandbox/journal/requests?boo=1")).status_code == 409
    assert (await client.get("/sandbox/journal/boo")).status_code == 409


async def test_the_summary_counts_leads_that_were_patched_differently(
    client: httpx.AsyncClient,
) -> None:
    for user_id in (501, 501, 502):
        await client.patch("/api/v4/leads", json=[{"id": FIRST, "responsible_user_id": user_id}])
    for _ in range(2):
        await client.patch("/api/v4/leads", json=[{"id": FIRST + 1, "responsible_user_id": 501}])
    summary = (await client.get("/sandbox/summary")).json()

    assert summary["api_patch_requests"] == 5
    assert summary["leads_patched"] == 5
    assert summary["leads_patched_by_api"] == 2
    assert summary["leads_patched_differently"] == 1
    assert summary["hooks_pending"] == 0


async def test_people_leave_and_come_back(sandbox: Sandbox, client: httpx.AsyncClient) -> None:
    patch = [{"id": FIRST, "responsible_user_id": 501}]
    await client.post("/sandbox/users/501/deactivate")
    refused = await client.patch("/api/v4/leads", json=patch)
    await client.post("/sandbox/users/501/activate")
    accepted = await client.patch("/api/v4/leads", json=patch)
    await client.post("/sandbox/users/501/delete")

    assert (refused.status_code, accepted.status_code) == (400, 200)
    assert 501 not in sandbox.account.users
    assert sandbox.account.leads[FIRST].responsible_user_id == 501
    assert (await client.post("/sandbox/users/501/delete")).status_code == 409


async def test_impossible_orders_change_nothing(client: httpx.AsyncClient) -> None:
    before = (await client.get("/sandbox/leads")).json()
    move = {"lead_ids": [FIRST], "pipeline_id": SALES, "status_id": NEW_REQUEST}
    answers = [
        await client.post("/sandbox/leads/move", json={**move, "status_id": 1}),
        await client.post("/sandbox/leads/move", json={**move, "lead_ids": [FIRST, 1]}),
        await client.post("/sandbox/leads/move", json={**move, "boo": 1}),
        await client.post("/sandbox/leads/responsible", json={"lead_ids": []}),
        await client.put("/sandbox/knobs", json={"seed": 5, "drop_fraction": 2}),
        await client.put("/sandbox/knobs", content=b"["),
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 422, 422, 422, 409]
    assert (await client.get("/sandbox/leads")).json() == before
    assert (await client.get("/sandbox/knobs")).json()["seed"] == 1


async def test_triggers_are_listed_without_their_secrets(client: httpx.AsyncClient) -> None:
    order = {"pipeline_id": SALES, "status_id": NEW_REQUEST, "url": "http://127.0.0.1:9/secret/"}
    made = (await client.post("/sandbox/triggers", json=order)).json()
    listed = (await client.get("/sandbox/triggers")).json()
    await client.delete(f"/sandbox/triggers/{made['id']}")

    assert listed["triggers"][0]["url"] == "http://127.0.0.1:9/***"
    assert (await client.get("/sandbox/triggers")).json() == {"triggers": []}


def test_knobs_draw_the_same_for_the_same_seed() -> None:
    draws = [Knobs(seed=5).draw("drop", lead_id) for lead_id in range(1_000)]

    assert draws == [Knobs(seed=5).draw("drop", lead_id) for lead_id in range(1_000)]
    assert draws != [Knobs(seed=6).draw("drop", lead_id) for lead_id in range(1_000)]
    assert 80 <= sum(draw < 0.1 for draw in draws) <= 120


def test_knobs_are_turned_all_or_none() -> None:
    knobs = Knobs()
    with pytest.raises(ValidationError):
        knobs.turn({"seed": 5, "boo": 1})

    assert knobs.seed == 1


def test_the_journal_is_bounded() -> None:
    journal = Journal(2)
    for number in range(5):
        journal.note_delivery(
            hook="trigger:1",
            number=number,
            attempt=1,
            destination="",
            lead_ids=(),
            status=200,
            took_ms=1.0,
        )

    assert [row.number for row in journal.deliveries] == [3, 4]
    assert journal.counts["hook_attempts"] == 5


def test_a_seed_replaces_users_and_pipelines() -> None:
    seed = Seed.model_validate(
        {
            "users": [{"id": 1, "name": "A", "is_admin": True}],
            "pipelines": [{"id": 2, "name": "P", "statuses": [{"id": 3, "name": "S"}]}],
            "triggers": [{"pipeline_id": 2, "status_id": 3, "url": "http://127.0.0.1:9/x"}],
            "webhooks": [{"destination": "http://127.0.0.1:9/y", "settings": ["add_lead"]}],
        }
    )
    account = build(seed, "token")

    assert account.tokens == {"token": 1}
    assert [status.id for status in account.pipelines[2].statuses] == [3, 142, 143]
    assert len(account.triggers) == len(account.subscriptions) == 1


def test_a_seed_that_makes_no_sense_is_refused() -> None:
    for wrong in (
        {"users": [{"id": 1, "name": "A"}]},
        {"triggers": [{"pipeline_id": 2, "status_id": 3, "url": "http://127.0.0.1:9/x"}]},
    ):
        with pytest.raises(ValueError, match=r"administrator|no status"):
            build(Seed.model_validate(wrong), "token")


@pytest.mark.server
async def test_the_process_starts_says_where_and_stops_on_sigterm(tmp_path: Path) -> None:
    port_file, token_file, seed = tmp_path / "port", tmp_path / "token", tmp_path / "seed.json"
    seed.write_text('{"leads": 3, "knobs": {"requests_per_second": 100}}')
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.sandbox",
        "--port-file",
        str(port_file),
        "--token-file",
        str(token_file),
        "--seed",
        str(seed),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            said = (await process.stdout.readline()).decode().strip()
        headers = {"Authorization": f"Bearer {token_file.read_text()}"}
        async with httpx.AsyncClient(base_url=said, headers=headers) as client:
            leads = await client.get("/api/v4/leads")
    finally:
        process.terminate()
        async with asyncio.timeout(60):
            rest, _ = await process.communicate()

    assert port_file.read_text() == said
    assert len(leads.json()["_embedded"]["leads"]) == 3
    assert (process.returncode, rest) == (0, b"")
    assert token_file.stat().st_mode & 0o077 == 0
