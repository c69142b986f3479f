"""A whole installation as a user runs it: `fairlead up` as a process, beside a local Kommo."""

import asyncio
import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from projections import notices
from services.access.roles import SCOPES
from services.application import rules, webhooks
from services.application.callers import at_the_machine
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.connect import Connected, connect
from services.application.installation import RUNTIME_FILE, Installation
from services.application.principal import Principal
from services.demo.kommo_process import LocalKommo, end, local_kommo, written
from services.demo.sample import NEW_REQUEST, SALES, sample_rules
from services.history.kafka_side import InboundTopic
from services.rules_file.file import dump
from services.runtime.installation import open_installation
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow
from services.storage.embedded.cluster import running_pid

ADMIN_ID = 500
TESTER = Principal(id="cli:tester", scopes=SCOPES)
UP_WITHIN_S = 180.0
LOG_CHARACTERS = 4_000
FAST = {
    "FAIRLEAD_GATEWAY_SWEEP_INTERVAL_S": "2",
    "FAIRLEAD_GATEWAY_ACCOUNTS_RELOAD_S": "0.2",
    "FAIRLEAD_INGRESS_BURST": "1000000",
    "FAIRLEAD_RAW_BODIES_WRITE_EVERY_S": "0.5",
}


@dataclass(slots=True)
class Fairlead:
    """The process; `start` again after a `kill` to see what it makes of it."""

    folder: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    async def start(self) -> None:
        runtime = self.data / RUNTIME_FILE
        runtime.unlink(missing_ok=True)
        with (self.folder / "fairlead.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.cli",
                "up",
                f"--port={self.port}",
                f"--data={self.data}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **FAST, **self.environment},
                start_new_session=True,
            )
        state = orjson.loads(await written(runtime, self.process, UP_WITHIN_S))
        self.port = int(state["address"].rpartition(":")[2])

    async def kill(self, *, database_too: bool = False) -> None:
        assert self.process is not None
        if database_too:
            self.kill_database()
        self.process.kill()
        await self.process.wait()

    def database_pid(self) -> int | None:
        """Of the server; None while none runs."""
        return running_pid(self.data / "postgres")

    def kill_database(self) -> int | None:
        """Kill the server if one runs; its process id.

        The one in its file may be another's: before a start it is ours, see `disown`.
        """
        pid = self.database_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid

    async def stop(self) -> int:
        assert self.process is not None
        await end(self.process)
        assert self.process.returncode is not None
        return self.process.returncode

    def log(self) -> str:
        return (self.folder / "fairlead.log").read_text(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A local Kommo and a fairlead of some kind, connected, with the sample rules in force."""

    kommo: LocalKommo
    account_id: int
    hook_url: SecretStr

    def opened(self) -> AbstractAsyncContextManager[Installation]:
        """What fairlead knows."""
        raise NotImplementedError

    def topic(self) -> InboundTopic | None:
        """The inbound log, where it is not in the database."""
        return None

    async def new_leads(self, count: int) -> list[int]:
        """Leads that lie in the Inbox, no hook has told of."""
        answer = await self.kommo.post("/leads", {"count": count, "silent": True})
        lead_ids: list[int] = answer["lead_ids"]
        return lead_ids

    async def move(self, lead_ids: list[int]) -> None:
        """Move them to the rule's stage, as one action of a person."""
        body = {"lead_ids": lead_ids, "pipeline_id": SALES, "status_id": NEW_REQUEST}
        await self.kommo.post("/leads/move", body)

    async def owners(self) -> dict[int, int]:
        """Lead to its responsible, as Kommo tells."""
        return {row[0]: row[3] for row in (await self.kommo.get("/leads"))["leads"]}

    async def writes(self) -> Counter[int]:
        """Lead to how often a PATCH of ours was applied to it, as Kommo's journal tells."""
        rows = await self.kommo.rows("requests", method="PATCH")
        return Counter(
            item["id"]
            for row in rows
            if row["status"] in (200, 0)
            for item in orjson.loads(row["body"])
        )

    async def notes(self) -> Counter[str]:
        """Decision to how many notes of ours Kommo has of it, as its journal tells."""
        rows = await self.kommo.rows("requests", method="POST")
        return Counter(
            item["request_id"]
            for row in rows
            if row["status"] in (200, 0) and row["path"].endswith("/notes")
            for item in orjson.loads(row["body"])
        )

    async def tell_others(self, url: str) -> None:
        """Tell a target of every decision that Kommo holds (A8.4)."""
        async with self.opened() as installation:
            account = await installation.account(None)
            await webhooks.add_target(
                installation, account, TESTER, "crm", url=url, events=["assignment.confirmed"]
            )

    async def all_notes_written(self) -> bool:
        """Whether the gateway has nothing more to write."""
        async with self.opened() as installation, borrow(installation.pool) as connection:
            return not await notices.pending(connection, limit=1)

    async def tell_people(self) -> None:
        """Let every rule of the sample write a note and a task for each decision (D12.2)."""
        async with self.opened() as installation:
            account = await installation.account(None)
            sample = sample_rules(datetime.now(UTC), account.timezone)
            tell = {"note": True, "task": {"due_minutes": 30}, "webhook": "crm"}
            sections = [rule | {"tell": tell} for rule in sample["rules"]]
            await apply_rules(installation, dump(sample | {"rules": sections}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(System):
    """The embedded installation, as a process."""

    fairlead: Fairlead

    def opened(self) -> AbstractAsyncContextManager[Installation]:
        return open_installation(self.fairlead.data)


@asynccontextmanager
async def running(
    folder: Path,
    *,
    knobs: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Running]:
    """Start both, connect the sample account, apply the sample rules."""
    # A busy machine may bunch our requests after all; the pause is Kommo's, its length is not.
    knobs = {"retry_after_s": 1, **(knobs or {})}
    async with local_kommo(folder, leads=0, knobs=knobs) as kommo:
        fairlead = Fairlead(folder, 0, environment or {})
        try:
            await fairlead.start()
            address = f"http://127.0.0.1:{fairlead.port}"
            async with open_installation(fairlead.data) as installation:
                connected = await connect_sample(kommo, installation, address)
            yield Running(
                kommo=kommo,
                account_id=connected.account_id,
                hook_url=connected.hook_url,
                fairlead=fairlead,
            )
        except BaseException:
            sys.stderr.write(fairlead.log()[-LOG_CHARACTERS:])  # the folder goes, this is shown
            raise
        finally:
            if fairlead.process is not None:
                await end(fairlead.process)


async def connect_sample(kommo: LocalKommo, installation: Installation, address: str) -> Connected:
    """Connect the account, put the sample rules in force, and set the trigger on their stage."""
    connected = await connect(
        installation,
        TESTER,
        base_url=kommo.base_url,
        token=SecretStr(kommo.token_file.read_text()),
        public_url=address,
    )
    account = await installation.account(connected.account_id)
    await apply_rules(installation, dump(sample_rules(datetime.now(UTC), account.timezone)))
    trigger = {
        "pipeline_id": SALES,
        "status_id": NEW_REQUEST,
        "url": connected.hook_url.get_secret_value(),
    }
    await kommo.post("/triggers", trigger)
    return connected


async def apply_rules(installation: Installation, text: str) -> None:
    """Put rules in force in the only account."""
    await apply_in(installation, await installation.account(None), text)


async def apply_in(installation: Installation, account: RegisteredAccount, text: str) -> None:
    """Put rules in force in an account."""
    await rules.apply(
        installation,
        account,
        TESTER,
        text.encode(),
        base_revision=None,
        once=once(),
        assent=Assent(access=installation.who_may(), who=at_the_machine(TESTER)),
    )


def once() -> Once:
    """Under a key of its own, with more patience than a busy machine needs."""
    return Once(key=secrets.token_hex(8), wait_s=30.0)
