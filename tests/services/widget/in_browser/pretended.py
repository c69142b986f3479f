"""A server for the widget that answers as a test says: well, badly, or never."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Page, Route
from pydantic import SecretStr

from services.sandbox.app import Sandbox, running_sandbox
from services.widget.packing.building import WidgetBuild, archive
from services.widget.packing.source import Build

CLIENT_ID = "11111111-2222-4333-8444-555555555555"
ORIGIN = "https://fairlead.test"
ACCOUNT = {"id": 32_000_001, "connected": True, "zone": "America/Sao_Paulo", "rules_revision": 3}
ADMINISTRATOR = {
    "user_id": 500,
    "role": "administrator",
    "may_edit_rules": True,
    "may_pause": True,
    "pause": None,
}
MANAGER = {**ADMINISTRATOR, "user_id": 501, "role": "manager", "may_edit_rules": False}
ACTIVITY = {"enabled": True, "managers_may_change": True}
MANAGERS = [
    {"id": 501, "name": "Ana Souza", "state": "eligible", "paused_until": None},
    {"id": 502, "name": "Bruno Carvalho", "state": "paused", "paused_until": None},
    {"id": 503, "name": "Carla Mendes", "state": "off_shift", "paused_until": None},
]
FORM: dict[str, Any] = {
    "name": "Site requests",
    "participants": [],
    "everyone": True,
    "schedule": None,
    "distribute_by_coefficient": True,
    "limit": None,
    "linked": {"lead": True, "only_for": []},
    "owners": None,
    "redistribution": None,
    "duty": None,
    "off_hours": "wait",
    "has_conditions_of_its_own": False,
}
HERE = {
    "place": 1,
    "of": 1,
    "after": [],
    "others": [],
    "is_copy_of": None,
    "both_unconditional": False,
}
LEAD = {
    "sentence": "Ana Souza got it: of the two at work she was owed more.",
    "responsible_id": 501,
    "manager_name": "Ana Souza",
    "decided_at": "2026-11-30T12:00:00Z",
    "waiting": None,
    "may_take": True,
    "may_pass_on": True,
    "refused": {"take": None, "pass_on": None},
}


def settings(me: Mapping[str, Any] = ADMINISTRATOR) -> dict[str, Any]:
    """What the settings show."""
    links = {"console": ORIGIN, "frame": f"{ORIGIN}/widget/v1/frame?account=32000001"}
    schedules = [{"id": "office", "label": "Office"}]
    return {
        "account": ACCOUNT,
        "me": me,
        "activity": ACTIVITY,
        "links": links,
        "schedules": schedules,
        "managers": MANAGERS,
    }


@dataclass
class Pretended:
    """What it answers, and what it was asked.

    Attributes:
        mood: How it takes questions that are no session: `silent` never answers.
        trigger: What it tells of a trigger besides what its inputs hold.
        refused: Errors with which the next rules are not taken.
    """

    origin: str = ORIGIN
    mood: Literal["well", "broken", "silent"] = "well"
    me: Mapping[str, Any] = field(default_factory=lambda: ADMINISTRATOR)
    form: Mapping[str, Any] = field(default_factory=lambda: FORM)
    here: Mapping[str, Any] = field(default_factory=lambda: HERE)
    lead: Mapping[str, Any] | None = field(default_factory=lambda: LEAD)
    managers: list[dict[str, Any]] = field(default_factory=lambda: deepcopy(MANAGERS))
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    revision: int = 0

    async def serve(self, page: Page) -> None:
        """Take the place of the server in a page."""
        await page.route(f"{ORIGIN}/**", self._answer)

    def posted(self, path: str) -> list[Any]:
        """The bodies that were sent to a path."""
        return [body for _, asked, body in self.asked if asked == path]

    async def _answer(self, route: Route) -> None:
        request = route.request
        parts = urlsplit(request.url)
        path = parts.path.removeprefix("/widget/v1")
        body = request.post_data_json if request.post_data else None
        self.asked.append((request.method, path, body))
        if path == "/frame":
            await route.fulfill(body="<p>Schedules</p>", content_type="text/html")
        elif path == "/session":
            token = {"token": "t", "expires_at": "2099-01-01T00:00:00Z", "is_connected": True}
            await self._told(route, {**token, "user_id": self.me["user_id"], **self.me})
        elif self.mood == "broken":
            await self._told(route, {"title": "Broken", "status": 500}, 500)
        elif self.mood == "well":
            await self._well(route, path, dict(each.split("=") for each in _query(parts.query)))

    async def _well(self, route: Route, path: str, query: Mapping[str, str]) -> None:
        known = {**settings(self.me), "managers": self.managers}
        match path, query.get("screen"):
            case "/bootstrap", "settings":
                await self._told(route, known)
            case "/bootstrap", "card":
                await self._told(route, {**known, "lead": self.lead, "links": {"lead": "lead/1"}})
            case "/bootstrap", _:
                found = {"form": self.form, "here": self.here, "ledgers": []}
                held = {
                    "rule": query.get("rule") or None,
                    "rev": query.get("rev") or None,
                    "key": "k" if query.get("rule") else None,
                }
                await self._told(route, {**known, **found, **held})
            case "/rules", _ if self.refused:
                problem = {"title": "Not taken", "status": 422, "errors": self.refused}
                await self._told(route, problem, 422)
            case "/rules", _:
                self.revision += 1
                kept = {"rule": "r1", "rev": str(self.revision), "key": "k"}
                await self._told(route, {**kept, "warnings": self.warnings})
            case "/activity", _:
                await self._told(route, route.request.post_data_json)
            case "/pause", _:
                until = self.posted("/pause")[-1]["until"]
                paused = {"id": 501, "state": "paused", "paused_until": until}
                await self._told(route, {"manager": paused})
            case _:
                await self._told(route, {"sentence": "It is yours.", "url": f"{ORIGIN}/#c"})

    async def _told(self, route: Route, content: Any, status: int = 200) -> None:
        kind = "application/json" if status < 400 else "application/problem+json"
        headers = {"access-control-allow-origin": "*"}
        await route.fulfill(json=content, status=status, headers=headers, content_type=kind)


def _query(text: str) -> list[str]:
    return [each for each in text.split("&") if each]


def built(folder: Path, build: Build = "private", *, webhook: str = f"{ORIGIN}/dp/secret/") -> Path:
    """The archive of a build for our origin, whose triggers are told there."""
    path = folder / f"{build}.zip"
    path.write_bytes(
        archive(
            WidgetBuild(
                build=build,
                origin=ORIGIN,
                webhook_url=SecretStr(webhook),
                version="1.0.0",
                support_link=f"{ORIGIN}/help",
                support_email="help@fairlead.test",
                privacy_link=f"{ORIGIN}/{{language}}/privacy" if build == "public" else "",
            )
        )
    )
    return path


@asynccontextmanager
async def with_widget(folder: Path) -> AsyncIterator[Sandbox]:
    """A Kommo in which the private build is installed, with two leads and no trigger."""
    async with running_sandbox() as kommo:
        kommo.knobs.turn({"requests_per_second": 10_000})
        async with httpx.AsyncClient(base_url=kommo.base_url) as client:
            await client.post("/sandbox/leads", json={"count": 2, "silent": True})
            integration = {"client_id": CLIENT_ID, "redirect_uri": f"{ORIGIN}/oauth/kommo"}
            await client.post("/sandbox/integrations", json=integration)
        await show(kommo, built(folder))
        kommo.account.widgets["fairlead"].settings = {"config": '{"v":1}'}
        yield kommo


async def show(kommo: Sandbox, archive: Path) -> None:
    """Show another archive there."""
    order = {"archive": str(archive), "client_id": CLIENT_ID}
    async with httpx.AsyncClient(base_url=kommo.base_url) as client:
        answer = await client.put("/sandbox/harness", json=order)
    assert answer.status_code == 200, answer.text
