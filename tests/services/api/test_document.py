"""The document is what the routes are: checked in, complete, with examples that are true (A11)."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.api.app import RESOURCES, create_api
from services.api.document import document, operations, text
from services.api.table import ROUTES
from services.api.tags import TaggedRoute
from services.runtime.schemas import OPENAPI

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
ROOT = Path(__file__).parents[3]
PARAMETER = re.compile(r"\{\w+\}")
NOWHERE: Any = SimpleNamespace(installation=None)
# Who asks, about what, and what of a list; what is done is called, not injected.
INJECT = {"asking.py", "feed.py", "filters.py", "lists.py", "ordering.py", "rule_changes.py"}


def everything(found: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document, with its place."""
    if isinstance(found, dict):
        yield place, found
        for name, each in found.items():
            yield from everything(each, f"{place}/{name}")
    elif isinstance(found, list):
        for number, each in enumerate(found):
            yield from everything(each, f"{place}/{number}")


def test_A11_1_the_document_that_is_checked_in_is_the_present_one() -> None:
    assert OPENAPI.read_text(encoding="utf-8") == text(), "run `make schemas`"


def test_A11_1_every_route_is_in_it_under_its_own_name() -> None:
    named = [operation["operationId"] for _, operation in operations(DOCUMENT)]
    routes = [
        route.operation_id
        for module in RESOURCES
        for route in module.router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    ]

    assert sorted(named) == sorted(map(str, routes))
    assert set(named) <= set(ROUTES)
    assert DOCUMENT["openapi"] == "3.1.0"


def test_A11_1_every_operation_has_a_tag_that_is_described_and_says_what_it_does() -> None:
    told = {each["name"] for each in DOCUMENT["tags"] if each.get("description")}
    lacking = [
        operation["operationId"]
        for _, operation in operations(DOCUMENT)
        if not (set(operation["tags"]) <= told and operation.get("summary"))
        or not operation.get("description")
    ]

    assert lacking == []


def answered() -> set[str]:
    """The names of all shapes that an answer may have."""
    found: set[str] = set()
    wanted: list[Any] = [
        DOCUMENT["components"]["responses"],
        *(operation["responses"] for _, operation in operations(DOCUMENT)),
    ]
    while wanted:
        for _, each in everything(wanted.pop()):
            name = str(each.get("$ref", "")).removeprefix("#/components/schemas/")
            if name in SCHEMAS and name not in found:
                found.add(name)
                wanted.append(SCHEMAS[name])
    return found


def test_A1_1_fields_are_in_snake_case_and_those_of_an_answer_always_there() -> None:
    odd = [
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field in schema.get("properties", {})
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field)
    ]
    lacking = {
        name: missing
        for name in sorted(answered())
        if (
            missing := {*SCHEMAS[name].get("properties", {})} - {*SCHEMAS[name].get("required", ())}
        )
    }

    assert odd == []
    assert lacking == {}


def test_A1_1_instants_are_said_to_be_such_and_shown_in_utc_with_milliseconds() -> None:
    instants = {
        f"{name}.{field}": each
        for name in sorted(answered())
        for field, schema in SCHEMAS[name].get("properties", {}).items()
        if re.search(r"(^|_)(at|since|until)$", field)
        for each in (schema, *schema.get("anyOf", ()))
        if each.get("type") == "string"
    }
    written = r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)"

    assert instants
    assert [name for name, each in instants.items() if each.get("format") != "date-time"] == []
    assert [
        name
        for name, each in instants.items()
        if not re.fullmatch(written, str(each["examples"][0]))
    ] == []


def test_A1_1_ids_of_kommo_are_integers() -> None:
    kommos = re.compile(r"(account|lead|manager|entity|pipeline|stage)_id$")
    wrong = [
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field, each in schema.get("properties", {}).items()
        if kommos.search(field)
        and {one.get("type") for one in each.get("anyOf", [each])} - {"null"} != {"integer"}
    ]

    assert wrong == []


def test_A2_1_the_table_of_resources_is_what_there_is() -> None:
    """A path of the table is the end of a route, as it may leave out what all begin with."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = text.partition("- A2.1")[2].partition("\nFilters:")[0]
    told = {
        PARAMETER.sub("{}", way)
        for each in re.findall(r"`(/[^`?]*)[^`]*`", table)
        for way in (re.sub(r"\[.*?\]", "", each), each.replace("[", "").replace("]", ""))
    }
    routes = {PARAMETER.sub("{}", path).removeprefix("/api/v1") for path in DOCUMENT["paths"]}

    assert [way for way in sorted(told) if not any(route.endswith(way) for route in routes)] == []
    assert [route for route in sorted(routes) if not any(map(route.endswith, told))] == []


def test_A3_1_every_list_is_a_page() -> None:
    page = {"items", "next", "previous", "as_of_version"}
    others = {
        operation["operationId"]
        for _, operation in operations(DOCUMENT)
        if operation["operationId"].startswith("list_")
        and not page <= {*_shape(operation).get("properties", {})}
    }

    assert others == {"list_events"}  # pages of the log (A8.3), which only go on


def _shape(operation: dict[str, Any]) -> dict[str, Any]:
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return found


def test_A3_3_no_list_has_a_total() -> None:
    pages = [
        each["properties"] for each in SCHEMAS.values() if "next" in each.get("properties", {})
    ]

    assert pages
    assert [page for page in pages if {"total", "count", "pages"} & {*page}] == []


def test_A11_1_nothing_of_the_framework_is_left_in_it() -> None:
    assert "HTTPValidationError" not in SCHEMAS
    problems = [
        (operation["operationId"], status, response)
        for _, operation in operations(DOCUMENT)
        for status, response in operation["responses"].items()
        if status.startswith(("4", "5")) and "$ref" not in response
    ]
    forms = {form for *_, response in problems for form in response["content"]}
    assert forms == {"application/problem+json"}


def test_A11_1_references_lead_somewhere() -> None:
    def leads(reference: str) -> bool:
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step) if isinstance(found, dict) else None
        return found is not None

    references = {
        each["$ref"] for _, each in everything(DOCUMENT) if isinstance(each.get("$ref"), str)
    }
    assert references
    assert [each for each in references if not leads(each)] == []


def test_A11_1_links_name_operations_and_their_parameters() -> None:
    known = {
        operation["operationId"]: {each["name"] for each in operation.get("parameters", ())}
        for _, operation in operations(DOCUMENT)
    }
    links = [
        link
        for _, operation in operations(DOCUMENT)
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]

    assert links
    assert all(set(each["parameters"]) <= known[each["operationId"]] for each in links)


def test_A11_1_every_field_of_an_answer_is_described_by_itself_or_its_kind() -> None:
    lacking = [
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field, each in schema.get("properties", {}).items()
        if not ({"description", "examples", "$ref", "anyOf", "const", "enum"} & set(each))
        and each.get("type") not in ("boolean", "array", "object")
    ]

    assert lacking == []


def test_A11_1_every_example_is_what_its_schema_says() -> None:
    wrong: list[str] = []
    checked = 0
    for place, schema in everything(DOCUMENT):
        if "examples" not in schema or not isinstance(schema["examples"], list):
            continue
        validator = jsonschema_rs.validator_for(
            {**schema, "components": DOCUMENT["components"]}, validate_formats=True
        )
        for example in schema["examples"]:
            checked += 1
            if not validator.is_valid(example):
                wrong.append(f"{place}: {example!r}")

    assert checked
    assert wrong == []


def test_A1_1_credit_is_in_units_and_says_so() -> None:
    units = {
        f"{name}.{field}": each
        for name, schema in SCHEMAS.items()
        for field, each in schema.get("properties", {}).items()
        if field.endswith("_units")
    }

    assert units
    assert [name for name, each in units.items() if "10^9" not in each["description"]] == []
    assert {each["type"] for each in units.values()} == {"integer"}


def test_A11_1_a_stream_is_told_item_by_item_in_a_document_that_generators_take() -> None:
    (stream,) = (each for _, each in operations(DOCUMENT) if each["operationId"] == "follow_feed")
    (media,) = stream["responses"]["200"]["content"].items()

    assert DOCUMENT["openapi"] == "3.1.0"
    assert media[0] == "text/event-stream"
    assert media[1]["itemSchema"]["properties"]["data"]["contentSchema"] == {
        "$ref": "#/components/schemas/EventItem"
    }


def test_A13_1_the_framework_is_pinned_and_its_own_pages_names_and_errors_are_not_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    app = create_api(NOWHERE)

    assert "fastapi>=0.163.2,<0.164" in project["dependencies"]
    assert (app.openapi_url, app.docs_url, app.redoc_url) == (None, None, None)
    assert {type(each) for each in app.routes} == {TaggedRoute}
    assert [each for each in app.routes if getattr(each, "operation_id", None) is None] == []
    handled = {
        app.exception_handlers[each].__module__ for each in (HTTPException, RequestValidationError)
    }
    assert handled == {"services.web.answers"}


def test_A13_1_only_who_asks_about_what_is_injected() -> None:
    injecting = {
        path.name
        for path in (ROOT / "services" / "api").rglob("*.py")
        if "Depends(" in path.read_text(encoding="utf-8")
    }

    assert injecting == INJECT


def test_A13_1_ingress_is_bare_starlette() -> None:
    sources = [path.read_text() for path in (ROOT / "services" / "ingress").rglob("*.py")]

    assert any("from starlette" in each for each in sources)
    assert not any("fastapi" in each for each in sources)


@pytest.mark.parametrize("path", [Path("contracts/schemas/openapi.json")])
def test_A11_1_it_is_where_clients_look_for_it(path: Path) -> None:
    assert OPENAPI.parts[-3:] == path.parts
