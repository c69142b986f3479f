"""The document is what the routes are: checked in, complete, with examples that are true (A11)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import APIRoute

from services.api.app import RESOURCES
from services.api.document import document, operations, text
from services.api.table import ROUTES
from services.runtime.schemas import OPENAPI

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]


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


@pytest.mark.parametrize("path", [Path("contracts/schemas/openapi.json")])
def test_A11_1_it_is_where_clients_look_for_it(path: Path) -> None:
    assert OPENAPI.parts[-3:] == path.parts
