"""The API only grows: what a client relies on is refused to go (A10)."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.api.document import document
from services.api.growth import breaks
from services.runtime.schemas import SCHEMAS

Data = dict[str, Any]
Change = Callable[[Data], object]
# What was released; each new document is held against all of them.
RELEASED = sorted((SCHEMAS / "released").glob("openapi-*.json"))
BEFORE: Data = {
    "paths": {
        "/leads": {
            "get": {
                "operationId": "list_leads",
                "parameters": [
                    {
                        "in": "query",
                        "name": "limit",
                        "required": False,
                        "schema": {"type": "integer", "minimum": 1, "maximum": 200},
                    },
                    {
                        "in": "query",
                        "name": "kind",
                        "schema": {"type": "string", "enum": ["a", "b"]},
                    },
                ],
                "responses": {
                    "200": {
                        "headers": {"Link": {}},
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Lead"}},
                            "text/csv": {"schema": {"type": "string"}},
                        },
                    },
                    "404": {"content": {}},
                },
            },
            "post": {
                "operationId": "make_lead",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/LeadBody"}}
                    }
                },
                "responses": {"200": {}},
            },
        }
    },
    "components": {
        "schemas": {
            "Lead": {
                "type": "object",
                "required": ["id", "name", "tags"],
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "state": {"type": "string", "enum": ["open", "closed"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
            "LeadBody": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "at": {"type": "string", "format": "date-time"},
                    "until": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
        }
    },
}


def get(found: Data) -> Data:
    return found["paths"]["/leads"]["get"]  # type: ignore[no-any-return]


def post(found: Data) -> Data:
    return found["paths"]["/leads"]["post"]  # type: ignore[no-any-return]


def shape(found: Data, name: str) -> Data:
    return found["components"]["schemas"][name]  # type: ignore[no-any-return]


BROKEN: dict[str, tuple[Change, str]] = {
    "a path": (lambda d: d["paths"].pop("/leads"), "GET /leads: removed"),
    "a method": (lambda d: d["paths"]["/leads"].pop("post"), "POST /leads: removed"),
    "an operation's name": (
        lambda d: get(d).update(operationId="leads"),
        "GET /leads: operationId list_leads became leads",
    ),
    "a parameter": (lambda d: get(d)["parameters"].pop(0), "GET /leads: query.limit: removed"),
    "a parameter is required": (
        lambda d: get(d)["parameters"][0].update(required=True),
        "GET /leads: query.limit: newly required",
    ),
    "a new parameter is required": (
        lambda d: get(d)["parameters"].append(
            {"in": "query", "name": "by", "required": True, "schema": {}}
        ),
        "GET /leads: query.by: new, and required",
    ),
    "a bound": (
        lambda d: get(d)["parameters"][0]["schema"].update(maximum=100),
        "GET /leads: query.limit: maximum 200 became 100",
    ),
    "a lower bound": (
        lambda d: get(d)["parameters"][0]["schema"].update(minimum=2),
        "GET /leads: query.limit: minimum 1 became 2",
    ),
    "a value that may be sent": (
        lambda d: get(d)["parameters"][1]["schema"].update(enum=["a"]),
        "GET /leads: query.kind: narrowed to a",
    ),
    "a kind that may be sent": (
        lambda d: shape(d, "LeadBody")["properties"].update(until={"type": "string"}),
        "POST /leads: body/until: may be string only",
    ),
    "a pattern": (
        lambda d: shape(d, "LeadBody")["properties"]["name"].update(pattern="^a"),
        "POST /leads: body/name: pattern None became ^a",
    ),
    "a format": (
        lambda d: shape(d, "LeadBody")["properties"]["at"].update(format="date"),
        "POST /leads: body/at: format date-time became date",
    ),
    "a field that may be sent": (
        lambda d: shape(d, "LeadBody")["properties"].pop("at"),
        "POST /leads: body/at: removed",
    ),
    "a field has to be sent": (
        lambda d: shape(d, "LeadBody")["required"].append("at"),
        "POST /leads: body/at: newly required",
    ),
    "a new field has to be sent": (
        lambda d: shape(d, "LeadBody").update(
            required=["name", "why"],
            properties={**shape(d, "LeadBody")["properties"], "why": {"type": "string"}},
        ),
        "POST /leads: body/why: new, and required",
    ),
    "a body": (
        lambda d: post(d)["requestBody"].update(required=True),
        "POST /leads: body: newly required",
    ),
    "an answer": (lambda d: get(d)["responses"].pop("200"), "GET /leads: 200: removed"),
    "a form": (
        lambda d: get(d)["responses"]["200"]["content"].pop("text/csv"),
        "GET /leads: 200: text/csv: removed",
    ),
    "a header": (
        lambda d: get(d)["responses"]["200"]["headers"].pop("Link"),
        "GET /leads: 200: header Link: removed",
    ),
    "a field of an answer": (
        lambda d: shape(d, "Lead")["properties"].pop("state"),
        "GET /leads: 200/state: removed",
    ),
    "a field may be missing": (
        lambda d: shape(d, "Lead")["required"].remove("id"),
        "GET /leads: 200/id: no longer always there",
    ),
    "a field may be null": (
        lambda d: shape(d, "Lead")["properties"].update(
            id={"anyOf": [{"type": "integer"}, {"type": "null"}]}
        ),
        "GET /leads: 200/id: may be null now",
    ),
    "a field is something else": (
        lambda d: shape(d, "Lead")["properties"]["tags"].update(items={"type": "integer"}),
        "GET /leads: 200/tags[]: may be integer now",
    ),
    "a field has any value": (
        lambda d: shape(d, "Lead")["properties"]["state"].pop("enum"),
        "GET /leads: 200/state: no longer one of some values",
    ),
}
GROWN: dict[str, Change] = {
    "a path": lambda d: d["paths"].update({"/more": d["paths"]["/leads"]}),
    "a parameter": lambda d: get(d)["parameters"].append(
        {"in": "query", "name": "by", "schema": {"type": "string"}}
    ),
    "a wider bound": lambda d: get(d)["parameters"][0]["schema"].update(maximum=500),
    "no bound": lambda d: get(d)["parameters"][0]["schema"].pop("maximum"),
    "a value that may be sent": lambda d: get(d)["parameters"][1]["schema"].update(
        enum=["a", "b", "c"]
    ),
    "a field of an answer": lambda d: shape(d, "Lead")["properties"].update(
        more={"type": "string"}
    ),
    "a value of an answer": lambda d: shape(d, "Lead")["properties"]["state"].update(
        enum=["open", "closed", "lost"]
    ),
    "never null": lambda d: shape(d, "Lead")["properties"].update(name={"type": "string"}),
    "a field that may be sent": lambda d: shape(d, "LeadBody")["properties"].update(
        why={"type": "string"}
    ),
    "a field need not be sent": lambda d: shape(d, "LeadBody").update(required=[]),
    "another problem": lambda d: get(d)["responses"].pop("404"),
    "words": lambda d: get(d).update(summary="All of them"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_A10_1_what_clients_rely_on_is_missed(what: str) -> None:
    change, told = BROKEN[what]
    after = copy.deepcopy(BEFORE)
    change(after)

    assert told in breaks(BEFORE, after)


@pytest.mark.parametrize("what", GROWN)
def test_A10_1_what_is_new_is_no_break(what: str) -> None:
    after = copy.deepcopy(BEFORE)
    GROWN[what](after)

    assert after != BEFORE
    assert breaks(BEFORE, after) == []


def test_A10_1_each_release_leaves_its_document_to_be_held_against() -> None:
    changelog = Path(SCHEMAS.parents[1], "CHANGELOG.md").read_text(encoding="utf-8")
    out = re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)

    assert {path.name for path in RELEASED} == {f"openapi-{each}.json" for each in out}


def test_A10_1_the_api_has_everything_that_was_ever_released() -> None:
    present = document()
    found = {
        path.name: breaks(json.loads(path.read_text(encoding="utf-8")), present)
        for path in RELEASED
    }

    assert {name: lost for name, lost in found.items() if lost} == {}
    assert breaks(present, present) == []
    assert Path(SCHEMAS, "openapi.json").is_file()
