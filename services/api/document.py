"""The OpenAPI document, from the routes themselves (A11).

3.1, and not 3.2: the client generator refuses that. What is the same for every route stands once,
as a component: problems, headers, the key.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from services.api.app import RESOURCES
from services.api.lists import ItemPage
from services.api.media import CSV, JSON_LINES
from services.api.resource import PREFIX, PROBLEMS
from services.api.table import ROUTES
from services.api.versions import old_of
from services.web.problems import PROBLEM_JSON, STATUS, title_of

Data = dict[str, Any]

STORED = "openapi.json"

TITLE, VERSION, OPENAPI = "Fairlead", "1", "3.1.0"
DESCRIPTION = """\
Distributes the leads of Kommo accounts among their managers, fairly and traceably.

Send a key as `Authorization: Bearer fl_...`; `fairlead access keys create` makes one. Ids of Kommo
are integers, ours opaque strings, coefficients decimal strings, credit integers in `..._units`
(10^9 are one lead), instants RFC 3339 in UTC with milliseconds. Fields are always there; null is
none. Clients have to accept new fields and new values. Every problem is one of RFC 9457; its `type`
is a page that says what to do.
"""
TAGS: Mapping[str, str] = {
    "me": "Who asks.",
    "accounts": "Accounts, and how they do.",
    "operations": "Where commands stand.",
    "jobs": "What takes longer than an answer may: what-if, replay, audits, exports.",
    "managers": "Managers: whether they take leads, when, how many, and why no more.",
    "leads": "Leads: where they are, and why.",
    "decisions": "What was decided, and why.",
    "requests": "What became of each lead that asked.",
    "distributions": "Leads given out by order.",
    "feed": "What happens, as it happens.",
    "schedules": "When people work.",
    "rules": "The rules, and every revision of them.",
    "books": "What is counted: shares, open leads, tallies, proofs.",
    "people": "People, their roles, invitations.",
    "keys": "Keys of programs.",
    "held deeds": "What waits for a second person.",
    "webhooks": "Who is told what happens, by signed webhooks.",
    "past": "What was, and who looked.",
    "personal data": "What is kept about a person, and its erasure.",
    "installation": "The installation itself.",
}
# Operation to what its answer leads to: name, operation, and where its parameters come from.
LINKS: Mapping[str, tuple[tuple[str, str, Mapping[str, str]], ...]] = {
    "list_accounts": (("account", "get_account", {"account_id": "items/0/account_id"}),),
    "list_decisions": (
        ("decision", "get_decision", {"version": "items/0/version"}),
        ("lead", "get_lead", {"lead_id": "items/0/lead_id"}),
    ),
    "list_requests": (
        ("request", "get_request", {"request_id": "items/0/request_id"}),
        ("lead", "get_lead", {"lead_id": "items/0/lead_id"}),
    ),
    "list_managers": (
        ("manager", "get_manager", {"manager_id": "items/0/manager_id"}),
        ("statement", "list_statement", {"manager_id": "items/0/manager_id"}),
    ),
    "list_rules_revisions": (("revision", "get_rules_revision", {"revision": "items/0/revision"}),),
    "list_dead_letters": (("letter", "get_dead_letter", {"letter_id": "items/0/id"}),),
}
HEADERS: Data = {
    "Request-Id": {
        "description": "Under which the logs have the request.",
        "schema": {"type": "string"},
        "example": "req-5f0c7a3e9b1d4c26",
    },
    "Fairlead-Version": {
        "description": "The account's version that is shown.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 4711,
    },
    "ETag": {
        "description": "For `If-None-Match`.",
        "schema": {"type": "string"},
        "example": '"Dg3vZ0n3oXk0m4Z5o2vJ9w"',
    },
    "Link": {
        "description": "The pages behind and before this one, RFC 8288.",
        "schema": {"type": "string"},
        "example": '</api/v1/accounts/32000001/decisions?cursor=abc>; rel="next"',
    },
}
NOT_MODIFIED: Data = {"description": "They have it already: nothing was read."}
WHOLE = {
    CSV: "All of it as CSV, at most 100,000 rows; the last line has their count.",
    JSON_LINES: "All of it, a JSON object a line; the last one has their count.",
}


def document() -> Data:
    """The whole document, as data."""
    found = get_openapi(
        title=TITLE,
        version=VERSION,
        openapi_version=OPENAPI,
        description=DESCRIPTION,
        routes=[route for module in RESOURCES for route in module.router.routes],
        servers=[{"url": "/"}],
    )
    components = found["components"]
    components["headers"] = copy.deepcopy(HEADERS)
    components["responses"] = {_name(status): _shared(status) for status in PROBLEMS}
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "fl_{id}_{secret}_{checksum}",
            "description": "A key, as `fairlead access keys create` makes it.",
        }
    }
    found["security"] = [{"key": []}]
    pages = _pages()
    for path, operation in operations(found):
        _complete(operation, is_list=operation["operationId"] in pages)
        if old_of(path) is not None:
            operation["deprecated"] = True
    _describe_tags(found)
    return found


def text() -> str:
    """The same as it is to be checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def stored() -> str:
    """The same as it is checked in (A10), and served: making it takes a second."""
    return resources.files("contracts").joinpath("schemas", STORED).read_text(encoding="utf-8")


def operations(found: Data) -> Iterator[tuple[str, Data]]:
    """Every operation with its path."""
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, operation


def _complete(operation: Data, *, is_list: bool) -> None:
    name = operation["operationId"]
    entry = ROUTES[name]
    operation["x-fairlead-scope"] = entry.scope
    if entry.is_own_enough:
        operation["x-fairlead-own"] = True
    responses = operation["responses"]
    for status, response in list(responses.items()):
        if status.startswith(("4", "5")):
            responses[status] = _problem(status, response)
    for status, response in responses.items():
        if status.startswith("2") and "$ref" not in response:
            names = ["Request-Id"]
            names += ["Fairlead-Version"] if entry.about == "account" else []
            response.setdefault("headers", {}).update(
                {each: {"$ref": f"#/components/headers/{each}"} for each in names}
            )
    if "requestBody" not in operation and "200" in responses and _is_read(operation):
        ok = responses["200"]
        ok["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
        responses["304"] = dict(NOT_MODIFIED)
        if is_list:
            ok["headers"]["Link"] = {"$ref": "#/components/headers/Link"}
            ok["content"].update(
                {
                    form: {"schema": {"type": "string", "description": what}}
                    for form, what in WHOLE.items()
                }
            )
            responses["400"] = _problem_of("The cursor belongs to another list or filter.")
            responses["406"] = _problem_of("Neither JSON, CSV nor JSON lines is accepted.")
        if links := LINKS.get(name):
            ok["links"] = {each: _link(operation, to, parameters) for each, to, parameters in links}


def _is_read(operation: Data) -> bool:
    name: str = operation["operationId"]
    return name.startswith(("get_", "list_", "explain_", "compare_"))


def _link(operation: Data, to: str, parameters: Mapping[str, str]) -> Data:
    wanted = {name: f"$response.body#/{where}" for name, where in parameters.items()}
    if any(each.get("name") == "account_id" for each in operation.get("parameters", ())):
        wanted["account_id"] = "$request.path.account_id"
    return {"operationId": to, "parameters": wanted}


def _problem(status: str, response: Data) -> Data:
    """Of a problem there is one form, and what is the same for all routes stands once."""
    content = response.get("content", {})
    if PROBLEM_JSON in content:
        response["content"] = {PROBLEM_JSON: content[PROBLEM_JSON]}
    shared = PROBLEMS.get(int(status))
    if shared is not None and response["description"] == shared["description"]:
        return {"$ref": f"#/components/responses/{_name(int(status))}"}
    return response


def _problem_of(description: str) -> Data:
    return {
        "description": description,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        "headers": {"Request-Id": {"$ref": "#/components/headers/Request-Id"}},
    }


def _shared(status: int | str) -> Data:
    return _problem_of(PROBLEMS[status]["description"])


def _name(status: int | str) -> str:
    """Of a component, from the first code that has the status."""
    code = next(code for code, each in STATUS.items() if each == int(status))
    if int(status) == 503:  # noqa: PLR2004 - several codes have it
        code = "unavailable"
    return title_of(code).title().replace(" ", "")


def _pages() -> frozenset[str]:
    """The operations that answer with a page."""
    return frozenset(
        str(route.operation_id)
        for module in RESOURCES
        for route in module.router.routes
        if isinstance(route, APIRoute)
        and isinstance(route.response_model, type)
        and issubclass(route.response_model, ItemPage)
    )


def _describe_tags(found: Data) -> None:
    used = dict.fromkeys(tag for _, each in operations(found) for tag in each["tags"])
    found["tags"] = [{"name": tag, "description": TAGS[tag]} for tag in TAGS if tag in used]
    found["tags"] += [{"name": tag} for tag in used if tag not in TAGS]


assert f"/api/v{VERSION}" == PREFIX, "the path says which version it is"  # noqa: S101
