"""The main job from end to end: leads of a local Kommo through an installation of its own.

What counts is read back from the local Kommo's leads and journal: a lead that nobody was made
responsible for is lost, one that was written twice is twice. Our own tables only tell the rest.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.stage import Stage
from projections import assignments, linked, requests
from services.cli import people, rules
from services.cli.connect import connect
from services.cli.demo_findings import Findings, find
from services.cli.demo_kafka import Comparison, compare, distributed
from services.cli.demo_output import (
    check_report,
    print_comparison,
    print_findings,
    write_report,
)
from services.cli.installation import (
    RUNTIME_FILE,
    Installation,
    Wrong,
    is_distributed,
    open_installation,
)
from services.cli.kommo_process import LocalKommo, end, local_kommo, written
from services.cli.output import err, out, say
from services.cli.sample.leads import SampleLeads, make_leads
from services.cli.sample.rules import sample_rules
from services.cli.sample.team import ADMIN_ID, FELIPE, PAUSED_ID
from services.projector.run import lag
from services.rules_file import dump
from services.storage.accounts import Account
from services.storage.database import borrow

UP_WITHIN_S = 120.0
READ_WITHIN_S = 120.0
# So long without any progress, and the demo ends with what there is.
STALLED_S = 60.0
LOOK_EVERY_S = 0.1
# So that what DROP lost is found while somebody watches; else the default, every five minutes.
SWEEP_EVERY_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One run of the demo.

    Attributes:
        kafka: Servers without topics of ours: then on processes, one per role, and proven to
            decide as the embedded engine does.
    """

    leads: int
    drop_percent: int
    batch: int
    report: Path
    kafka: str | None = None

    async def run(self) -> bool:
        """Play it and print the result; whether nothing was lost, done twice or against a promise.

        Raises:
            Wrong: The page cannot be written where it is wanted, or the environment names
                another installation; nothing was played.
        """
        await asyncio.to_thread(check_report, self.report)
        if is_distributed():
            raise Wrong(
                "FAIRLEAD_DATABASE_URL is set, the demo makes its own installation: unset it"
            )
        findings, comparison = await self.play()
        print_findings(findings)
        if comparison is not None:
            print_comparison(comparison)
        await asyncio.to_thread(write_report, findings, self.report)
        say(f"\nThe same as pictures: {self.report}")
        return findings.is_flawless and (comparison is None or comparison.is_same)

    async def play(self) -> tuple[Findings, Comparison | None]:
        """Play it in a folder of its own, which stays only if something goes wrong."""
        folder = Path(tempfile.mkdtemp(prefix="fairlead-demo-"))
        try:
            played = await self._play(folder)
        except BaseException:
            err.print(f"What happened is logged in {folder}", markup=False)
            raise
        await asyncio.to_thread(shutil.rmtree, folder)
        return played

    async def _play(self, folder: Path) -> tuple[Findings, Comparison | None]:
        knobs = {"journal_max": 10_000_000}
        settings = _settings(batch=self.batch, is_sweeping=self.drop_percent > 0)
        with out.status("Starting a local Kommo and Fairlead ..."):
            async with local_kommo(folder, leads=0, knobs=knobs) as kommo:
                if self.kafka is not None:
                    async with distributed(folder, self.kafka, settings) as here:
                        findings = await self._run(kommo, here.installation, folder, here.address)
                        (account,) = await here.installation.accounts.all()
                        return findings, await compare(here, account.account_id)
                async with (
                    _fairlead(folder, settings) as address,
                    open_installation(folder / "data") as installation,
                ):
                    return await self._run(kommo, installation, folder, address), None

    async def _run(
        self, kommo: LocalKommo, installation: Installation, folder: Path, address: str
    ) -> Findings:
        sample = await make_leads(kommo, self.leads)
        account = await self._prepare(kommo, installation, folder, address, sample)
        return await self._distribute(kommo, installation, account, sample)

    async def _prepare(
        self,
        kommo: LocalKommo,
        installation: Installation,
        folder: Path,
        address: str,
        sample: SampleLeads,
    ) -> Account:
        token = SecretStr(await asyncio.to_thread(kommo.token_file.read_text))
        connected = await connect(
            installation,
            base_url=kommo.base_url,
            token=token,
            public_url=address,
        )
        account = await installation.account(connected.account_id)
        file = folder / "rules.yaml"
        text = dump(sample_rules(datetime.now(UTC), account.timezone))
        await asyncio.to_thread(file.write_text, text)
        await rules.apply(installation, account, file)
        await people.pause(installation, account, PAUSED_ID, until="", reason="training")
        hook_url = connected.hook_url.get_secret_value()
        for stage in {**sample.morning, **sample.rush}:
            await kommo.post("/triggers", {**stage._asdict(), "url": hook_url})
        await _await_baseline(installation, account, sample.total)
        await _morning(kommo, installation, account, sample)
        await kommo.turn({"drop_fraction": self.drop_percent / 100})
        return account

    async def _distribute(
        self,
        kommo: LocalKommo,
        installation: Installation,
        account: Account,
        sample: SampleLeads,
    ) -> Findings:
        moved_at = time.time()
        moving = asyncio.create_task(_move(kommo, sample.rush))
        lead_ids = [lead_id for moved in sample.rush.values() for lead_id in moved]
        await self._watch(kommo, installation, lead_ids)
        await moving
        await _await_views(installation)
        return await find(
            kommo,
            installation,
            account,
            sample=sample,
            rules=sample_rules(datetime.now(UTC), account.timezone)["rules"],
            moved_at=moved_at,
            batch=self.batch,
            drop_percent=self.drop_percent,
        )

    async def _watch(
        self, kommo: LocalKommo, installation: Installation, lead_ids: list[int]
    ) -> None:
        """Show the progress until every lead is set and settled, or nothing moves any more."""
        columns = (
            TextColumn("{task.description:>12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=out) as progress:
            decided = progress.add_task("decided", total=len(lead_ids))
            in_kommo = progress.add_task("set in Kommo", total=len(lead_ids))
            seen, moved_at = (-1, -1, -1), time.monotonic()
            while time.monotonic() - moved_at < STALLED_S:
                now = await _counts(kommo, installation, lead_ids)
                progress.update(decided, completed=now[0])
                progress.update(in_kommo, completed=now[1])
                if now[1] >= len(lead_ids) and await _is_settled(installation):
                    return
                if now != seen:
                    seen, moved_at = now, time.monotonic()
                await asyncio.sleep(LOOK_EVERY_S)


async def _morning(
    kommo: LocalKommo, installation: Installation, account: Account, sample: SampleLeads
) -> None:
    """What comes before the rush, while Felipe is not there: he catches up in the rush."""
    await people.pause(installation, account, FELIPE, until="", reason="at the dentist")
    await _move(kommo, sample.morning)
    await _await_end(installation, account, sum(map(len, sample.morning.values())))
    await people.resume(installation, account, FELIPE)


async def _move(kommo: LocalKommo, wave: Mapping[Stage, list[int]]) -> None:
    await asyncio.gather(
        *(
            kommo.post("/leads/move", {"lead_ids": lead_ids, **stage._asdict()})
            for stage, lead_ids in wave.items()
        )
    )


async def _counts(
    kommo: LocalKommo, installation: Installation, lead_ids: list[int]
) -> tuple[int, int, int]:
    """Of these leads, how many are decided and set in Kommo; of all, whose push is not settled."""
    owners = {row[0]: row[3] for row in (await kommo.get("/leads"))["leads"]}
    async with borrow(installation.pool) as connection:
        decided: int = await connection.fetchval(
            "SELECT count(*) FROM assignments.leads WHERE lead_id = ANY($1::bigint[])", lead_ids
        )
        backlog = await assignments.backlog(connection)
    pending = sum(part.leads for part in backlog)
    return decided, sum(owners[lead_id] != ADMIN_ID for lead_id in lead_ids), pending


async def _is_settled(installation: Installation) -> bool:
    """Whether nothing is left to be told to Kommo, or about it."""
    if any((await lag(installation.pool, installation.events)).values()):
        return False
    async with borrow(installation.pool) as connection:
        return not (
            await assignments.backlog(connection)
            or await linked.to_find(connection, limit=1)
            or await linked.to_set(connection, limit=1)
        )


def _settings(*, batch: int, is_sweeping: bool) -> dict[str, str]:
    settings = {
        "FAIRLEAD_GATEWAY_PUSH_BATCH_SIZE": str(batch),
        "FAIRLEAD_GATEWAY_ACCOUNTS_RELOAD_S": "0.5",
        "FAIRLEAD_INGRESS_BURST": "1000000",
    }
    if is_sweeping:
        settings["FAIRLEAD_GATEWAY_SWEEP_INTERVAL_S"] = str(SWEEP_EVERY_S)
    return settings


@asynccontextmanager
async def _fairlead(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[str]:
    """`fairlead up` as a process of its own; yields where it receives webhooks."""
    data = folder / "data"
    with (folder / "fairlead.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.cli",
            "up",
            "--port=0",
            f"--data={data}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **settings},
            start_new_session=True,
        )
    try:
        runtime = json.loads(await written(data / RUNTIME_FILE, process, UP_WITHIN_S))
        assert runtime["pid"] == process.pid  # noqa: S101 - the folder is ours
        yield runtime["address"]
    finally:
        await end(process)


async def _await_views(installation: Installation) -> None:
    """Wait until the tables that are read next have taken in every event."""
    async with asyncio.timeout(READ_WITHIN_S):
        # They are moved by another process.
        while any((await lag(installation.pool, installation.events)).values()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)


async def _await_end(installation: Installation, account: Account, leads: int) -> None:
    """Wait until so many requests are assigned or closed, and Kommo has been told."""
    async with asyncio.timeout(READ_WITHIN_S):
        while True:
            async with borrow(installation.pool) as connection:
                tallies = await requests.counts(connection, account.account_id)
            ended = sum(t.requests for t in tallies if t.state in ("assigned", "closed"))
            if ended >= leads and await _is_settled(installation):
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def _await_baseline(installation: Installation, account: Account, leads: int) -> None:
    """Wait until every lead of the account is known, as after any connection."""
    async with asyncio.timeout(READ_WITHIN_S):
        while True:
            async with borrow(installation.pool) as connection:
                known: int | None = await connection.fetchval(
                    "SELECT sum(open_leads)::bigint FROM loads.open_leads WHERE account_id = $1",
                    account.account_id,
                )
            if (known or 0) >= leads:
                return
            await asyncio.sleep(LOOK_EVERY_S)
