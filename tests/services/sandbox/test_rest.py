"""API v4 in the documented shapes, over real HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contracts.stage import LOST
from services.sandbox.app import Sandbox, running_sandbox
from services.sandbox.fields import Field
from services.sandbox.model import Author, LeadPatch
from services.sandbox.sample import (
    ADMIN_ID,
    INBOX,
    NEW_REQUEST,
    PARTNERS,
    SALES,
    inbox_draft,
    sample_account,
)

FIRST = 900_001


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    sandbox.account.create(
        [inbox_draft(n) for n in range(5)], Author("human", ADMIN_ID), now=1_760_000_000
    )
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as client:
        yield client


def ids(answer: httpx.Response) -> list[int]:
    return [lead["id"] for lead in answer.json()["_embedded"]["leads"]]


def errors(answer: httpx.Response) -> list[tuple[str, str, str]]:
    assert answer.status_code == 400
    return [
        (element["request_id"], error["code"], error["path"])
        for element in answer.json()["validation-errors"]
        for error in element["errors"]
    ]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "x"}])
async def test_without_the_token_nothing_is_answered(
    sandbox: Sandbox, header: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=header) as client:
        answer = await client.get("/api/v4/account")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "Invalid user name or password"


async def test_the_account_embeds_only_what_is_asked_for(api: httpx.AsyncClient) -> None:
    plain = (await api.get("/api/v4/account")).json()
    full = await api.get("/api/v4/account?with=datetime_settings,version")

    assert "_embedded" not in plain
    assert "version" not in plain
    assert full.headers["content-type"] == "application/hal+json"
    assert list(full.json()["_embedded"]) == ["datetime_settings"]
    assert full.json()["_embedded"]["datetime_settings"]["timezone"] == "America/Sao_Paulo"


async def test_users_come_in_pages_with_totals(api: httpx.AsyncClient) -> None:
    answer = (await api.get("/api/v4/users?limit=5&page=2&with=group")).json()

    assert (answer["_total_items"], answer["_page"], answer["_page_count"]) == (13, 2, 3)
    assert [user["id"] for user in answer["_embedded"]["users"]] == [505, 506, 507, 508, 509]
    assert set(answer["_links"]) == {"self", "next", "first", "prev"}
    assert answer["_embedded"]["users"][0]["rights"]["is_active"] is True
    assert (await api.get("/api/v4/users/501")).json()["name"] == "Ana Souza"
    assert (await api.get("/api/v4/users/1")).status_code == 404


async def test_users_are_for_administrators_only(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    sandbox.account.tokens["of a manager"] = 501
    answer = await api.get("/api/v4/users", headers={"Authorization": "Bearer of a manager"})

    assert answer.status_code == 403


async def test_pipelines_share_won_and_lost(api: httpx.AsyncClient) -> None:
    answer = (await api.get("/api/v4/leads/pipelines")).json()
    sales, *others = answer["_embedded"]["pipelines"]
    statuses = sales["_embedded"]["statuses"]

    assert answer["_total_items"] == 3
    assert (statuses[0]["type"], statuses[0]["is_editable"]) == (1, False)
    assert [status["id"] for status in statuses[1:3]] == [INBOX, NEW_REQUEST]
    for pipeline in (sales, *others):
        closed = pipeline["_embedded"]["statuses"][-2:]
        assert [(s["id"], s["sort"]) for s in closed] == [(142, 10_000), (143, 11_000)]
    one = (await api.get(f"/api/v4/leads/pipelines/{SALES}")).json()
    assert one == sales
    listed = (await api.get(f"/api/v4/leads/pipelines/{SALES}/statuses")).json()
    assert listed["_embedded"]["statuses"] == statuses
    status = (await api.get(f"/api/v4/leads/pipelines/{SALES}/statuses/{INBOX}")).json()
    assert status == statuses[1]


async def test_one_lead_and_no_lead(api: httpx.AsyncClient) -> None:
    lead = (await api.get(f"/api/v4/leads/{FIRST}?with=contacts")).json()
    unknown = await api.get("/api/v4/leads/1")

    assert lead["custom_fields_values"] is None
    assert lead["_embedded"] == {"tags": [], "companies": [], "contacts": []}
    assert (lead["pipeline_id"], lead["status_id"]) == (SALES, INBOX)
    assert lead["responsible_user_id"] == ADMIN_ID
    assert (unknown.status_code, unknown.content) == (204, b"")


async def test_pages_of_leads_are_linked_and_end(api: httpx.AsyncClient) -> None:
    url, seen = "/api/v4/leads?limit=2&order[id]=desc&filter[pipeline_id][]=7000001", []
    for _ in range(5):
        answer = await api.get(url)
        seen.append(ids(answer))
        if "next" not in answer.json()["_links"]:
            break
        url = answer.json()["_links"]["next"]["href"]

    assert seen == [[900_005, 900_004], [900_003, 900_002], [900_001]]
    assert (await api.get("/api/v4/leads?page=9")).status_code == 204
    assert (await api.get("/api/v4/leads?limit=251")).status_code == 422
    assert (await api.get("/api/v4/leads?page=x")).status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[id][]=900002&filter[id][]=900004", [2, 4]),
        ("filter[id][0]=900003", [3]),
        ("filter[updated_at][from]=1760000001", [1, 2]),
        ("filter[updated_at][to]=1760000000", [3, 4, 5]),
        ("filter[updated_at][from]=1760000100&filter[updated_at][to]=1760000100", [1]),
        ("filter[created_at][from]=1760000001", []),
        ("filter[responsible_user_id][]=501", [2]),
        ("filter[pipeline_id][]=7000002", []),
        ("filter[statuses][0][pipeline_id]=7000001&filter[statuses][0][status_id]=61000003", [1]),
        ("order[updated_at]=desc&limit=2", [2, 1]),
        ("query=request 3", [4]),
    ],
)
async def test_leads_are_filtered_and_ordered(
    sandbox: Sandbox, api: httpx.AsyncClient, query: str, expected: list[int]
) -> None:
    author = Author("human", ADMIN_ID)
    sandbox.account.change([LeadPatch(FIRST, {"status_id": NEW_REQUEST})], author, 1_760_000_100)
    handed = [LeadPatch(FIRST + 1, {"responsible_user_id": 501})]
    sandbox.account.change(handed, author, 1_760_000_200)
    answer = await api.get(f"/api/v4/leads?{query}")

    found = ids(answer) if answer.status_code == 200 else []
    assert found == [900_000 + n for n in expected]


async def test_a_patch_answers_with_little_and_changes_what_it_says(
    sandbox: Sandbox, api: httpx.AsyncClient
) -> None:
    patch = [
        {"id": FIRST, "responsible_user_id": 502, "request_id": "op-77"},
        {"id": FIRST + 1, "status_id": LOST, "loss_reason_id": 1},
        {"id": FIRST + 2, "pipeline_id": PARTNERS},
    ]
    answer = await api.patch("/api/v4/leads", json=patch)
    leads = sandbox.account.leads

    assert answer.status_code == 200
    assert [set(lead) for lead in answer.json()["_embedded"]["leads"]] == [
        {"id", "updated_at", "_links"}
    ] * 3
    assert leads[FIRST].responsible_user_id == 502
    assert leads[FIRST + 1].closed_at == leads[FIRST + 1].updated_at
    assert leads[FIRST + 2].stage == (PARTNERS, 61_000_102)
    single = await api.patch(f"/api/v4/leads/{FIRST}", json={"name": "Ana", "price": 7})
    assert set(single.json()) == {"id", "updated_at", "_links"}
    assert (leads[FIRST].name, leads[FIRST].price) == ("Ana", 7)


async def test_F52_one_bad_element_refuses_the_whole_bulk(
    sandbox: Sandbox, api: httpx.AsyncClient
) -> None:
    sandbox.account.users[503].is_active = False
    sandbox.account.delete([FIRST + 4], Author("human", ADMIN_ID), now=1)
    before = dict(sandbox.account.leads)
    patch: list[dict[str, Any]] = [
        {"id": FIRST, "responsible_user_id": 502},
        {"id": FIRST + 1, "responsible_user_id": 503, "request_id": "mine"},
        {"id": FIRST + 2, "responsible_user_id": 1},
        {"id": 1, "responsible_user_id": 502},
        {"id": FIRST + 4, "responsible_user_id": 502},
        {"id": FIRST + 3, "status_id": 5},
        {"id": FIRST + 3, "responsible_user_id": "502"},
        {"responsible_user_id": 502},
    ]
    answer = await api.patch("/api/v4/leads", json=patch)

    assert errors(answer) == [
        ("mine", "NotSupportedChoice", "responsible_user_id"),
        ("2", "NotSupportedChoice", "responsible_user_id"),
        ("3", "NotSupportedChoice", "id"),
        ("4", "NotSupportedChoice", "id"),
        ("5", "NotSupportedChoice", "status_id"),
        ("6", "InvalidType", "responsible_user_id"),
        ("7", "FieldMissing", "id"),
    ]
    assert sandbox.account.leads == before


async def test_refusals_can_be_asked_for(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    sandbox.knobs.turn({"refuse_lead_ids": (FIRST,), "refuse_user_ids": (502,)})
    by_lead = await api.patch(f"/api/v4/leads/{FIRST}", json={"responsible_user_id": 501})
    by_user = await api.patch(f"/api/v4/leads/{FIRST + 1}", json={"responsible_user_id": 502})

    assert errors(by_lead) == [("0", "NotSupportedChoice", "id")]
    assert errors(by_user) == [("0", "NotSupportedChoice", "responsible_user_id")]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (b"{", 400), (b"[1]", 400), (b'{"id":1}', 400)],
)
async def test_bodies_that_are_no_bulk_are_refused(
    api: httpx.AsyncClient, body: bytes, status: int
) -> None:
    assert (await api.patch("/api/v4/leads", content=body)).status_code == status


async def test_a_bulk_holds_250_leads_at_most(api: httpx.AsyncClient) -> None:
    answer = await api.patch("/api/v4/leads", json=[{"id": FIRST}] * 251)

    assert answer.status_code == 422


async def test_leads_are_made_in_the_first_column_unless_told(
    sandbox: Sandbox, api: httpx.AsyncClient
) -> None:
    answer = await api.post("/api/v4/leads", json=[{"name": "A"}, {"request_id": "b"}])
    made = answer.json()["_embedded"]["leads"]

    assert [lead["request_id"] for lead in made] == ["0", "b"]
    assert sandbox.account.leads[made[0]["id"]].stage == (SALES, INBOX)
    assert sandbox.account.leads[made[1]["id"]].responsible_user_id == ADMIN_ID


async def test_tags_and_custom_fields_are_kept_in_v4_shape(
    sandbox: Sandbox, api: httpx.AsyncClient
) -> None:
    sandbox.account.fields["leads"][9] = Field(id=9, name="City", type="text")
    patch = {
        "tags_to_add": [{"id": 5, "name": "vip"}],
        "custom_fields_values": [{"field_id": 9, "values": [{"value": "Lima"}]}],
    }
    await api.patch(f"/api/v4/leads/{FIRST}", json=patch)
    lead = (await api.get(f"/api/v4/leads/{FIRST}")).json()

    assert lead["_embedded"]["tags"] == [{"id": 5, "name": "vip", "color": None}]
    assert lead["custom_fields_values"][0]["values"][0]["value"] == "Lima"


async def test_unknown_paths_and_methods(api: httpx.AsyncClient) -> None:
    unknown = await api.get("/api/v4/nothing")
    wrong = await api.delete("/api/v4/leads")

    assert unknown.status_code == 404
    assert unknown.json()["detail"].startswith("Cannot GET http://")
    assert wrong.status_code == 405
    assert wrong.headers["content-type"] == "application/problem+json"


async def test_webhooks_are_subscribed_updated_and_removed(
    sandbox: Sandbox, api: httpx.AsyncClient
) -> None:
    body = {"destination": "http://127.0.0.1:9/secret/", "settings": ["add_lead"]}
    first = await api.post("/api/v4/webhooks", json=body)
    ordered = {**body, "settings": ["status_lead"], "sort": 7}
    second = await api.post("/api/v4/webhooks", json=ordered)
    query = {"filter[destination]": body["destination"]}
    listed = (await api.get("/api/v4/webhooks", params=query)).json()
    gone = await api.request("DELETE", "/api/v4/webhooks", json=body)
    unknown = await api.request("DELETE", "/api/v4/webhooks", json=body)
    invalid = await api.post("/api/v4/webhooks", json={**body, "settings": ["boo"]})
    no_url = await api.post("/api/v4/webhooks", json={**body, "destination": "boo"})
    no_place = await api.post("/api/v4/webhooks", json={**body, "sort": "first"})

    assert (first.status_code, second.json()["id"]) == (201, first.json()["id"])
    assert (first.json()["sort"], second.json()["sort"]) == (1, 7)
    assert listed["_embedded"]["webhooks"][0]["settings"] == ["status_lead"]
    assert (gone.status_code, unknown.status_code) == (204, 404)
    assert [each.status_code for each in (invalid, no_url, no_place)] == [400, 400, 400]
    assert not any("secret" in row.path + row.body for row in sandbox.journal.requests)


async def test_errors_and_forced_429_count_down(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    sandbox.knobs.turn({"error_next": 1, "error_status": 504, "too_many_next": 1})
    statuses = [(await api.get("/api/v4/account")).status_code for _ in range(3)]

    assert statuses == [429, 504, 200]


async def test_what_is_changed_can_be_held_back(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    sandbox.knobs.turn({"patched_max": 1})
    bodies = [[{"id": lead_id, "price": 1}] for lead_id in (FIRST, FIRST + 1)]
    statuses = [(await api.patch("/api/v4/leads", json=body)).status_code for body in bodies]
    read = await api.get(f"/api/v4/leads/{FIRST + 1}")
    sandbox.knobs.turn({"patched_max": 2})
    again = await api.patch("/api/v4/leads", json=bodies[1])

    assert (statuses, read.json()["price"], again.status_code) == ([200, 503], 0, 200)


async def test_F50_a_cut_patch_has_been_applied(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    sandbox.knobs.turn({"cut_next": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        await api.patch("/api/v4/leads", json=[{"id": FIRST, "responsible_user_id": 502}])

    assert sandbox.account.leads[FIRST].responsible_user_id == 502
    assert sandbox.journal.requests[-1].status == 0
    assert (await api.get("/api/v4/account")).status_code == 200


async def test_F51_answers_can_be_late(sandbox: Sandbox, api: httpx.AsyncClient) -> None:
    sandbox.knobs.turn({"latency_min_ms": 20, "latency_max_ms": 30, "answer_delay_ms": 20})
    await api.get("/api/v4/account")

    assert sandbox.journal.requests[-1].took_ms >= 40


@pytest.mark.server
async def test_two_sandboxes_do_not_share_anything() -> None:
    async with running_sandbox(sample_account(1)) as one, running_sandbox() as other:
        assert one.base_url != other.base_url
        assert one.token != other.token
        assert not other.account.leads
