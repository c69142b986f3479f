"""The page of endpoints is the inventory of what answers over HTTP (S25)."""

import re
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from services.console.screens import consent
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import create_app
from tests.services.ingress.harness import SECRET, ingress

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "endpoints.md").read_text()
# What the role `web` serves is compared in test_reference.py.
FOR_KOMMO, FOR_INTEGRATIONS, FOR_OPERATORS = PAGE.split("\n## ")[1:4]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
# What other programs have, and what somebody may have left open here.
ELSEWHERE = (
    "/",
    "/kommo",
    "/kommo/",
    f"/kommo/{SECRET}x/",
    f"/kommo/x/{SECRET}/",
    f"/{SECRET}/",
    "/metrics",
    "/livez",
    "/docs",
    "/openapi.json",
    "/api/v1/accounts",
    "/admin",
    "/sandbox/leads",
    "/debug",
    "/.env",
    "/.git/config",
    "/healthz/",
    "/healthz/../metrics",
)


def listed(part: str) -> dict[str, set[str]]:
    """Path to methods, as a part of the page has them."""
    rows = re.findall(r"^\| `(/\S*)` \| ([A-Z, ]+) \|", part, re.MULTILINE)
    return {path: set(methods.split(", ")) for path, methods in rows}


def test_S25_operators_get_what_the_page_lists_and_nothing_else() -> None:
    routes = create_app(Health(), Metrics()).routes

    assert {route.path: route.methods for route in routes if isinstance(route, Route)} == listed(
        FOR_OPERATORS
    )
    assert all(isinstance(route, Route) for route in routes)


def test_S25_integrations_get_what_the_page_lists_and_nothing_else() -> None:
    routes = [route for route in consent.router.routes if isinstance(route, Route)]

    assert {route.path: route.methods for route in routes} == listed(FOR_INTEGRATIONS)


@pytest.mark.server
async def test_S25_kommo_gets_what_the_page_lists_and_nothing_else() -> None:
    paths = {path.replace("{secret}", SECRET): m for path, m in listed(FOR_KOMMO).items()}
    async with ingress() as running:
        answers = {
            (path, method): await _status(running.port, method, path)
            for path in (*paths, *ELSEWHERE)
            for method in METHODS
        }

    answered = {(path, method) for path, methods in paths.items() for method in methods}
    assert {key for key, status in answers.items() if status == 200} == answered
    assert {status for (path, _), status in answers.items() if path in ELSEWHERE} == {404}


async def _status(port: int, method: str, path: str) -> int:
    async with httpx.AsyncClient() as http:
        return (await http.request(method, f"http://127.0.0.1:{port}{path}")).status_code
