"""A whole installation and a Kommo with many accounts, each at its own origin over https.

Fairlead's processes and the Kommo have one wall clock, which a test puts forward.
"""

import asyncio
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from unittest import mock

import httpx
import orjson
from pydantic import SecretStr

from services.application.consenting import Return, by_code
from services.application.installation import RUNTIME_FILE, WEB_FILE, Installation
from services.application.integrations import register_integration
from services.application.widget.triggers import hook_address
from services.demo.kommo_process import end, written
from services.runtime.installation import open_installation
from services.sandbox.app import Neighbour, Sandbox, running_sandbox
from services.sandbox.clock import SandboxClock
from services.sandbox.knobs import Knobs
from services.sandbox.model import Author, LeadPatch
from services.sandbox.oauth import Integration
from services.sandbox.sample import ACCOUNT_ID, ADMIN_ID, NEW_REQUEST, SALES, sample_account
from tests.services.widget.in_browser.pretended import built
from tests.support.certificates import Authority
from tests.support.proxy import Proxy
from tests.support.running import FAST, TESTER
from tests.support.waiting import until

OURS = "https://fairlead.test"
CLIENT_ID = "11111111-2222-4333-8444-555555555555"
SECRET = SecretStr("sim-secret-of-thirty-two-bytes-or-more")
REDIRECT = f"{OURS}/oauth/kommo"
ACCOUNTS = 24
UP_WITHIN_S = 240.0
ENVIRONMENT = {
    **FAST,
    "FAIRLEAD_PUBLIC_URL": OURS,
    "FAIRLEAD_ACCESS_ADDRESS": OURS,
    "FAIRLEAD_CLOCK_WAIT_MAX_MS": "100",
    "FAIRLEAD_WEB_ENABLED": "false",
    "FAIRLEAD_WEB_PORT": "0",
    "FAIRLEAD_WEB_STRANGERS_PER_S": "1000",
    "FAIRLEAD_WEB_STRANGERS_BURST": "10000",
    "FAIRLEAD_WEB_STATEMENT_MS": "30000",
}


@dataclass
class Clock:
    """The one that everybody goes by."""

    file: Path
    ahead_s: float = 0.0

    def __post_init__(self) -> None:
        self.put_to(self.now())

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def put_to(self, instant: datetime) -> None:
        """Make it later."""
        ahead_s = (instant - datetime.now(UTC)).total_seconds()
        assert ahead_s >= self.ahead_s - 1, "time only goes on"
        self.ahead_s = max(ahead_s, self.ahead_s)
        part = self.file.with_suffix(".part")
        part.write_text(str(self.ahead_s))
        part.replace(self.file)


@dataclass(frozen=True, kw_only=True)
class Account:
    """One of Kommo's accounts, connected."""

    id: int
    origin: str
    kommo: Sandbox

    def new_leads(self, count: int = 1, **fields: object) -> list[int]:
        """Leads that lie in the Inbox, of which no hook has told."""
        account = self.kommo.account
        draft = {
            "pipeline_id": SALES,
            "status_id": NEW_REQUEST - 1,
            "responsible_user_id": ADMIN_ID,
            **fields,
        }
        changes = self.kommo.crm.create([draft] * count, Author("human", ADMIN_ID), silent=True)
        return [change.lead.id for change in changes if change.lead.id in account.leads]

    def move(
        self, *lead_ids: int, to: int = NEW_REQUEST, pipeline: int = SALES, by: int = ADMIN_ID
    ) -> None:
        """Move leads to a stage, as a person."""
        fields = {"pipeline_id": pipeline, "status_id": to}
        patches = [LeadPatch(lead_id, fields) for lead_id in lead_ids]
        self.kommo.crm.change(patches, Author("human", by))

    def responsible(self, lead_id: int) -> int:
        """Who has it in Kommo."""
        return self.kommo.account.leads[lead_id].responsible_user_id

    async def given(self, *lead_ids: int, but: int = ADMIN_ID) -> list[int]:
        """Wait until all have somebody else; who has each."""
        await until(lambda: all(self.responsible(each) != but for each in lead_ids))
        return [self.responsible(each) for each in lead_ids]

    async def is_heard(self, lead_id: int) -> None:
        """Wait until the hook of a lead's move was taken."""

        def is_taken() -> bool:
            rows = self.kommo.journal.deliveries
            hooks = [row for row in rows if lead_id in row.lead_ids and row.hook[:7] == "trigger"]
            return bool(hooks) and all(row.status == HTTPStatus.OK for row in hooks)

        await until(is_taken)

    async def passed_on(self, lead_id: int, clock: "Clock", *, minutes: int) -> int:
        """Let time pass until somebody else has a lead; who has it then.

        Its clock starts when we hear of our own change, which may be after a leap.
        """
        before = self.responsible(lead_id)
        while self.responsible(lead_id) == before:
            clock.put_to(clock.now() + timedelta(minutes=minutes))
            with suppress(TimeoutError):
                await until(lambda: self.responsible(lead_id) != before, within_s=4.0)
        return self.responsible(lead_id)

    async def one_by_one(self, count: int) -> list[int]:
        """Move so many new leads, each after the one before was given; who got each."""
        found = []
        for lead_id in self.new_leads(count):
            self.move(lead_id)
            found.extend(await self.given(lead_id))
        return found


@dataclass(kw_only=True)
class Site:
    """What is running.

    Attributes:
        environment: What Fairlead's settings say there; nobody else's processes may find it.
        rules: How names lead to it, for the browser.
    """

    data: Path
    kommo: Sandbox
    clock: Clock
    ingress: str
    rules: tuple[str, ...]
    environment: Mapping[str, str]
    taken: int = 0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Installation]:
        """The installation, as its own processes see it."""
        with mock.patch.dict(os.environ, self.environment):
            async with open_installation(self.data) as installation:
                yield installation

    async def account(self) -> Account:
        """Another account, connected, with the widget installed in it."""
        kommo = (self.kommo, *self.kommo.neighbours)[self.taken]
        self.taken += 1
        model = kommo.account
        async with httpx.AsyncClient(base_url=kommo.base_url, trust_env=False) as client:
            made = await client.post(f"/sandbox/integrations/{CLIENT_ID}/code", json={})
            code = SecretStr(made.json()["code"])
            referer = kommo.base_url.removeprefix("http://")
            async with self.opened() as installation:
                brought = Return(client_id=CLIENT_ID, code=code, referer=referer)
                await by_code(installation, brought, public_url=self.ingress)
                found = await installation.account(model.id)
                webhook = await hook_address(installation, found, TESTER)
            archive = built(self.data.parent, webhook=webhook.get_secret_value())
            order = {
                "archive": str(archive),
                "client_id": CLIENT_ID,
                "routes": {OURS: self.ingress},
            }
            answer = await client.put("/sandbox/harness", json=order)
            assert answer.status_code == 200, answer.text
        model.widgets["fairlead"].settings = {"config": '{"v":1}'}
        return Account(id=model.id, origin=f"https://{model.subdomain}.kommo.com", kommo=kommo)


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    """Start everything; ended afterwards."""
    clock, data = Clock(folder / "ahead"), folder / "data"
    async with AsyncExitStack() as stack:
        kommo = await stack.enter_async_context(_kommo(clock))
        environment = {**ENVIRONMENT, "FAIRLEAD_KOMMO_ADDRESS": kommo.base_url}
        with mock.patch.dict(os.environ, environment):
            up = ("up", "--port=0", f"--data={data}")
            ingress = await stack.enter_async_context(
                _process(folder, clock, data / RUNTIME_FILE, up)
            )
            web = await stack.enter_async_context(
                _process(folder, clock, data / WEB_FILE, ("run", "web", f"--data={data}"))
            )
            async with open_installation(data) as installation:
                await register_integration(
                    installation, TESTER, client_id=CLIENT_ID, secret=SECRET, redirect_uri=REDIRECT
                )
        tls = _tls(folder)
        ours = await stack.enter_async_context(Proxy(_port(web), tls=tls))
        theirs = await stack.enter_async_context(Proxy(_port(kommo.base_url), tls=tls))
        rules = (
            f"MAP fairlead.test 127.0.0.1:{ours.port}",
            f"MAP *.kommo.com 127.0.0.1:{theirs.port}",
            f"MAP evil.test 127.0.0.1:{theirs.port}",
        )
        with _said(folder):
            yield Site(
                data=data,
                kommo=kommo,
                clock=clock,
                ingress=ingress,
                rules=rules,
                environment=environment,
            )


@asynccontextmanager
async def _kommo(clock: Clock) -> AsyncIterator[Sandbox]:
    accounts = []
    for place in range(ACCOUNTS):
        account = sample_account()
        account.id, account.subdomain = ACCOUNT_ID + place, f"acme{place + 1}"
        accounts.append(account)
    # A token that lives a day is over with each leap to the next one, and one that was renewed just
    # before it would look revoked.
    knobs = Knobs(requests_per_second=10_000, access_token_s=10 * 86_400)
    neighbours = [Neighbour(account=each, knobs=knobs) for each in accounts[1:]]
    theirs = SandboxClock(wall=lambda: time.time() + clock.ahead_s)
    async with running_sandbox(accounts[0], knobs, neighbours=neighbours, clock=theirs) as kommo:
        kommo.crm.oauth.integrations[CLIENT_ID] = Integration(
            client_id=CLIENT_ID, client_secret=SECRET.get_secret_value(), redirect_uri=REDIRECT
        )
        yield kommo


@asynccontextmanager
async def _process(
    folder: Path, clock: Clock, told_in: Path, words: tuple[str, ...]
) -> AsyncIterator[str]:
    """A process of Fairlead's, by the clock; yields its address."""
    with (folder / f"{words[0]}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.support.ahead", str(clock.file), "services.cli", *words),
            cwd=Path(__file__).parents[4],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with _said(folder):
            state: Mapping[str, str] = orjson.loads(await written(told_in, process, UP_WITHIN_S))
        yield state["address"]
    finally:
        await end(process)


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    """The folder goes; what the processes said is shown before."""
    try:
        yield
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            sys.stderr.write(f"{log.name}:\n{log.read_text(errors='replace')[-4_000:]}")
        raise


def _tls(folder: Path) -> ssl.SSLContext:
    certified = Authority(folder / "tls").certify("site", hosts=["fairlead.test", "*.kommo.com"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.certificate_file, certified.key_file)
    return context


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
