"""Made from the document: hostile text in every parameter and body of every route.

Nothing breaks (S33), nothing is sent back or logged (S19), fields that a body has not got are
refused (S9), and every answer has the headers that browsers go by (S35).
"""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from services.access.roles import Role
from services.api.document import document
from services.api.resource import PREFIX
from services.api.table import ROUTES
from services.shared.logs import configure_logging
from services.web.problems import PROBLEM_JSON
from services.web.request_ids import HEADERS
from tests.services.api.hall import Hall, hall
from tests.services.api.kit import client
from tests.services.api.test_every_route import KNOWN
from tests.support.plain_logs import log_plainly
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]

JSON = "application/json"
MARK = "hostile-7c1e"
# No id, no name, no time, no word of ours: whatever is said of it is what was sent.
CORPUS = (
    f"{MARK}' OR 1=1; DROP TABLE managers; --{{{{7*7}}}}$(id)<script>\N{RIGHT-TO-LEFT OVERRIDE}",
    f"../../../etc/{MARK}\0\r\nx-injected: 1",
    MARK * 900,
)
DOCUMENT = document()
SCHEMAS: Mapping[str, Mapping[str, Any]] = DOCUMENT["components"]["schemas"]
OPERATIONS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, place in DOCUMENT["paths"].items()
    for method, operation in place.items()
    if method != "parameters"
}
# A rules file is no body of fields: the linter looks at it, in tests of its own.
TEXTS = {"put_rules", "check_rules"}
WITH_BODY = sorted(
    name for name, (_, _, each) in OPERATIONS.items() if "requestBody" in each if name not in TEXTS
)
# One code answers for them in every route, so that one route is enough.
EVERYWHERE, EVERYWHERE_OF = {"account_id", "min_version"}, "list_decisions"
# As stored: what a state has is the domain's, and what data changed is of any shape.
FREE = {"StateAnswer", "DataChangeItem"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server, "off-hours") as found:
        yield found


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All lines that are written meanwhile, of every level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging(out, json_lines=True, level="DEBUG", cache=False)
    yield out
    root.handlers[:], root.level = handlers, level
    log_plainly()


def role_for(name: str) -> Role:
    """Somebody who may."""
    return "operator" if ROUTES[name].about == "installation" else "administrator"


def requests_of(it: Hall, name: str) -> Iterator[dict[str, Any]]:
    """One with each hostile text in each place that takes any."""
    method, path, operation = OPERATIONS[name]
    ids = _ids(it, operation)
    plain = {"idempotency-key": "k", "if-match": '"1"'}
    places = [*operation.get("parameters", []), {"name": "unknown-one", "in": "query"}]
    for parameter in places if name == EVERYWHERE_OF else filter(_is_own, places):
        for text in CORPUS:
            where, field = parameter["in"], parameter["name"]
            values = ids | ({field: text} if where == "path" else {})
            headers = plain | ({field: _visible(text)} if where == "header" else {})
            yield {
                "method": method,
                "url": _filled(path, values),
                "params": {field: text} if where == "query" else {},
                "headers": headers,
            }


def _is_own(parameter: Mapping[str, Any]) -> bool:
    return parameter["name"] not in EVERYWHERE


def _ids(it: Hall, operation: Mapping[str, Any]) -> dict[str, str]:
    """What the path may have, as the document shows it, but for what is known here."""
    shown = {
        each["name"]: str(each["schema"].get("examples", each["schema"].get("enum"))[0])
        for each in operation.get("parameters", [])
        if each["in"] == "path"
    }
    return {**shown, **KNOWN, "account_id": str(it.account_id)}


def _filled(path: str, values: Mapping[str, str]) -> str:
    """The path with its parameters, each encoded whole."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path.removeprefix(PREFIX)


def _visible(text: str) -> str:
    """What a client can put into a header at all."""
    return "".join(each for each in text if " " <= each <= "~")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_S33_S19_S35_hostile_text_breaks_nothing_and_is_neither_sent_back_nor_logged(
    it: Hall, logged: io.StringIO, name: str
) -> None:
    wrong = []
    async with it.anybody(role_for(name)) as asking:
        for each in requests_of(it, name):
            answer = await _sent(asking, each)
            missing = [key for key in HEADERS if key not in answer.headers]
            is_told = answer.headers.get("content-type", "").startswith(PROBLEM_JSON)
            if (
                answer.status_code >= 500
                or missing
                or (answer.status_code >= 400 and not is_told)
                or "x-injected" in answer.headers
                or (is_told and MARK in answer.text)
            ):
                wrong.append((each["url"][:80], each["params"], answer.status_code, missing))

    assert wrong == []
    assert MARK not in logged.getvalue()


async def _sent(asking: httpx.AsyncClient, each: Mapping[str, Any]) -> httpx.Response:
    """The answer, and of a stream no more than how it begins."""
    request = asking.build_request(**each)
    answer = await asking.send(request, stream=True)
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        await answer.aread()
    await answer.aclose()
    return answer


async def test_A6_1_an_answer_is_found_in_the_logs_by_its_id(it: Hall, logged: io.StringIO) -> None:
    async with it.anybody() as asking:
        answers = [await asking.get("/me"), await asking.get("/nothing")]

    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    told = {each["request_id"]: each["status"] for each in lines if each["event"] == "answered"}
    assert told == {each.headers["request-id"]: each.status_code for each in answers}


@pytest.mark.parametrize("name", WITH_BODY)
async def test_S9_S19_a_field_that_a_body_has_not_got_is_refused_and_not_sent_back(
    it: Hall, logged: io.StringIO, name: str
) -> None:
    method, path, operation = OPERATIONS[name]
    fields = _properties(operation["requestBody"]["content"][JSON]["schema"])
    headers = {"idempotency-key": "k", "if-match": '"1"', "content-type": JSON}
    bodies = [
        {MARK: 1},
        {"is_admin": MARK, "account_id": 1, "scopes": ["operate"]},
        *({field: [MARK, {MARK: text}]} for field in fields for text in CORPUS[:1]),
        *({field: text} for field in fields for text in CORPUS[:2]),
        [MARK],
        MARK,
    ]
    url = _filled(path, _ids(it, operation))
    async with it.anybody(role_for(name)) as asking:
        answers = [
            await asking.request(method, url, headers=headers, content=json.dumps(body))
            for body in bodies
        ]

    assert [each.status_code for each in answers[:2]] == [422, 422]
    assert {each.status_code for each in answers} <= {200, 201, 202, 400, 404, 409, 422}
    assert [each.text for each in answers if each.is_error and MARK in each.text] == []
    assert MARK not in logged.getvalue()


def _properties(schema: Mapping[str, Any]) -> list[str]:
    return sorted(_resolved(schema).get("properties", {}))


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    named = schema.get("$ref", "").rpartition("/")[2]
    return SCHEMAS[named] if named else schema


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_S9_what_is_taken_and_what_is_answered_are_closed_shapes(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    bodies = [] if name in TEXTS else [operation.get("requestBody", {})]
    done = [each for status, each in operation["responses"].items() if status.startswith("2")]
    schemas = [
        content["schema"]
        for each in (*bodies, *done)
        for kind, content in each.get("content", {}).items()
        if kind == JSON
    ]

    found = {shape: SCHEMAS[shape] for schema in schemas for shape in _reached(schema, set())}
    assert [
        shape
        for shape, schema in found.items()
        if schema.get("type") == "object"
        and shape not in FREE
        and schema.get("additionalProperties") is not False
    ] == []


def _reached(schema: object, seen: set[str]) -> set[str]:
    """The names of all shapes that are part of one."""
    if isinstance(schema, Mapping):
        named = str(schema.get("$ref", "")).rpartition("/")[2]
        if named and named not in seen:
            seen.add(named)
            _reached(SCHEMAS[named], seen)
        for part in schema.values():
            _reached(part, seen)
    elif isinstance(schema, list):
        for part in schema:
            _reached(part, seen)
    return seen


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1", "/nothing", "/docs", "/problems/x"])
async def test_S35_what_is_not_there_has_the_same_headers(it: Hall, path: str) -> None:
    async with client(it.address) as nobody:
        nobody.base_url = httpx.URL(it.address)
        answer = await nobody.get(path)

    assert [key for key in HEADERS if key not in answer.headers] == []
