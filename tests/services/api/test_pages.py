"""The reference and the pages of problems: for everybody, nothing from elsewhere (A6, S11)."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from services.api.document import document, operations
from services.api.pages import DOCUMENT, STYLE, codes
from services.api.reference import reference_page
from services.web.problems import PROBLEM_JSON
from tests.services.api.hall import Hall, hall
from tests.services.api.kit import CANARY
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server) as found:
        yield found


def at(it: Hall) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=it.address, trust_env=False)


async def test_A11_1_the_document_is_served_to_everybody(it: Hall) -> None:
    async with at(it) as anybody:
        answer = await anybody.get(DOCUMENT)

    assert answer.json() == document()


async def test_A11_1_the_reference_has_every_operation_and_loads_nothing_from_elsewhere(
    it: Hall,
) -> None:
    async with at(it) as anybody:
        page, style = await anybody.get("/docs"), await anybody.get(STYLE)

    for _, operation in operations(document()):
        assert f'id="{operation["operationId"]}"' in page.text
    assert set(re.findall(r'(?:src|href)="([^"#]*)"', page.text)) <= {
        STYLE,
        DOCUMENT,
        *(f"/problems/{code}" for code in codes()),
        "",
    }
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert (page.headers["content-type"], style.headers["content-type"]) == (
        "text/html; charset=utf-8",
        "text/css; charset=utf-8",
    )


async def test_S11_the_pages_run_nothing_and_are_in_no_frame(it: Hall) -> None:
    async with at(it) as anybody:
        page = await anybody.get("/docs")

    policy = dict(
        each.strip().split(" ", 1) for each in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy
    assert not re.search(r"<script|<style|\son\w+=|\sstyle=|javascript:", page.text)


async def test_S11_text_of_a_document_stays_text(it: Hall) -> None:
    found = document()
    evil = f"<img src=x onerror=alert('{CANARY}')>"
    for _, operation in operations(found):
        operation["summary"] = operation["description"] = evil
        for parameter in operation.get("parameters", ()):
            parameter["description"] = evil

    page = reference_page(found, style=STYLE, raw=DOCUMENT)

    assert it.address
    assert "<img" not in page
    assert CANARY in page


async def test_A6_1_every_code_has_a_page_that_says_what_to_do(it: Hall) -> None:
    async with at(it) as anybody:
        pages = {code: await anybody.get(f"/problems/{code}") for code in codes()}
        unknown = await anybody.get(f"/problems/{CANARY}")

    assert {code for code, page in pages.items() if page.status_code != 200} == set()
    assert [code for code, page in pages.items() if "What to do" not in page.text] == []
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, PROBLEM_JSON)
    assert CANARY not in unknown.text


@pytest.mark.parametrize("path", ["/docs/x", "/problems/", "/problems/x/y"])
async def test_S25_nothing_else_is_there(it: Hall, path: str) -> None:
    async with at(it) as anybody:
        answer = await anybody.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM_JSON)


async def test_S25_the_pages_are_only_read(it: Hall) -> None:
    async with at(it) as anybody:
        answers = [
            await anybody.request(method, path)
            for method in ("POST", "PUT", "DELETE", "OPTIONS")
            for path in ("/docs", DOCUMENT, "/problems/not-found")
        ]

    assert {answer.status_code for answer in answers} == {405}
    assert {answer.json()["type"] for answer in answers} == {"/problems/method-not-allowed"}
