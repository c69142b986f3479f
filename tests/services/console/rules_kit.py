"""Somebody at the rules of an account whose people and stages are those of the example file."""

import html
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.access.roles import Role
from services.access.sessions import COOKIE, csrf_token
from services.storage.accounts import AccountRegistry
from services.storage.rules_drafts import RulesDraft, RulesDrafts
from tests.services.access.kit import grant, somebody
from tests.services.api.office import Office
from tests.support.vault import VAULT

EXAMPLE = Path("contracts/schemas/rules.example.yaml").read_text(encoding="utf-8")
NAMES = {500: "Olga", 501: "Anna", 502: "Boris", 503: "Vera", 504: "Gleb", 505: "Dina"}
STAGES = {7000001: (61000002, 61000003), 7000002: (62000001,), 7000003: (63000001,)}
DIRECTORY = {
    "users": [{"id": each, "name": name} for each, name in NAMES.items()],
    "pipelines": [
        {
            "id": pipeline,
            "name": f"Pipeline {pipeline % 10}",
            "stages": [{"id": each, "name": f"Stage {each % 10}"} for each in stages],
        }
        for pipeline, stages in STAGES.items()
    ],
}
INPUT = re.compile(r"<input\b([^>]*)>")
SELECT = re.compile(r'<select\b[^>]*?name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
CHOSEN = re.compile(r'<option value="([^"]*)" selected>')
OPTION = re.compile(r'<option value="([^"]*)"')
TEXT = re.compile(r'<textarea\b[^>]*?name="([^"]+)"[^>]*>(.*?)</textarea>', re.DOTALL)
# Small ones, with a rule that no lead reaches.
RULES = """\
version: 1
rules:
  # why
  - id: site
    stages: [{pipeline: 7000001, stage: 61000002}]
    limit: {max: 20}
  - id: never
    stages: [{pipeline: 7000001, stage: 61000002}]
"""
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A browser of somebody; `name` is theirs."""

    office: Office
    browser: httpx.AsyncClient
    cookie: str

    @property
    def base(self) -> str:
        return f"/a/{self.office.account_id}/rules"

    async def begin(self, text: str) -> str:
        """A draft with this text; where it is."""
        made = await self.browser.post(
            f"{self.base}/drafts", data={"key": "begun", "is_new": "true"}
        )
        where = made.headers["location"]
        await self.change(f"{where}/yaml", {"text": text})
        return where

    async def get(self, address: str) -> httpx.Response:
        return await self.browser.get(address)

    async def post(self, address: str, pairs: Iterable[tuple[str, str]]) -> httpx.Response:
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return await self.browser.post(address, data=found)

    async def change(self, address: str, typed: dict[str, str | list[str]]) -> httpx.Response:
        """Fill in a form as a browser sends it, with some fields typed otherwise."""
        page = await self.get(address)
        assert page.status_code == 200, page.text
        return await self.post(address, with_typed(form_of(page.text), typed))

    async def change_of(
        self,
        page: httpx.Response,
        address: str,
        typed: dict[str, str | list[str]],
        *,
        form: str = 'class="editor"',
    ) -> httpx.Response:
        """The same with a page that was opened before."""
        return await self.post(address, with_typed(form_of(page.text, form), typed))

    async def tokens(self, address: str) -> list[str]:
        """What there is to be ticked on a page."""
        page = await self.get(address)
        return re.findall(r'name="seen" value="([0-9a-f]+)"', page.text)

    async def merge(self, where: str, page: httpx.Response, *, theirs: list[str]) -> None:
        """Join what others changed into a draft."""
        shown = re.search(r'name="revision" value="(\d+)"', page.text)
        assert shown is not None
        edition = str((await self.draft(where)).edition)
        pairs = [("revision", shown[1]), ("edition", edition)]
        answer = await self.post(f"{where}/merge", pairs + [("theirs", each) for each in theirs])
        assert answer.headers["location"] == f"{where}/review", answer.text

    async def draft(self, where: str) -> RulesDraft:
        stored = RulesDrafts(self.office.desk.pool)
        found = await stored.get(self.office.account_id, where.rpartition("/")[2])
        assert found is not None
        return found


def form_of(page: str, form: str = 'class="editor"') -> Pairs:
    """What the editor of a page, or another form of it, sends as it is."""
    body = page[page.index(form) :]
    body = body[: body.index("</form>")]
    sent: Pairs = []
    for match in INPUT.finditer(body):
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', match[1]))
        if found.get("type") == "checkbox" and not re.search(r"\schecked\b", match[1]):
            continue
        if found.get("name"):
            sent.append((html.unescape(found["name"]), html.unescape(found.get("value", ""))))
    for name, inner in SELECT.findall(body):
        chosen = CHOSEN.search(inner) or OPTION.search(inner)
        sent.append((html.unescape(name), html.unescape(chosen[1]) if chosen else ""))
    for name, inner in TEXT.findall(body):
        sent.append(
            (html.unescape(name), html.unescape(inner).removeprefix("\n").replace("\n", "\r\n"))
        )
    return sent


def with_typed(sent: Pairs, typed: dict[str, str | list[str]]) -> Pairs:
    kept = [(name, value) for name, value in sent if name not in typed]
    for name, value in typed.items():
        kept += [(name, each) for each in ([value] if isinstance(value, str) else value)]
    return kept


def text_of(page: str) -> str:
    """What a reader sees, on one line."""
    return " ".join(
        html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", page))).split()
    )


@asynccontextmanager
async def visiting(office: Office, role: Role = "administrator") -> AsyncIterator[Visitor]:
    """Somebody new in that role."""
    await AccountRegistry(office.desk.pool, VAULT).update_directory(office.account_id, DIRECTORY)
    person = await somebody(
        office.access, grant(role, office.account_id, 501 if role == "manager" else None)
    )
    _, cookie = await office.access.sessions.begin(
        person.id, how="password", whence="127.0.0.1", agent="a test"
    )
    headers = {"cookie": f"{COOKIE}={cookie}", "fairlead-csrf": csrf_token(cookie)}
    async with httpx.AsyncClient(
        base_url=office.address, headers=headers, trust_env=False, timeout=30
    ) as browser:
        yield Visitor(office=office, browser=browser, cookie=cookie)
