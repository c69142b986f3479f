"""The main job from end to end: leads of a local Kommo through an installation of its own.

What counts is read back from the local Kommo's leads and journal: a lead that nobody was made
responsible for is lost, one that was written twice is twice. Our own tables only tell the rest.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.stage import Stage
from projections import assignments, linked, requests
from services.access.roles import SCOPES
from services.application import rules
from services.application.callers import at_the_machine
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.installation import Installation
from services.application.pauses import pause, resume
from services.application.principal import Principal
from services.cli.output import note, out, say
from services.demo.beside import beside
from services.demo.fairlead_process import fairlead_up
from services.demo.faults import (
    RETRY_AFTER_S,
    FaultScript,
    FaultStep,
    play,
)
from services.demo.findings import Findings, find
from services.demo.kafka import Comparison, compare, distributed
from services.demo.kommo_process import LocalKommo, local_kommo
from services.demo.letting_in import by_consent, by_token
from services.demo.output import (
    check_report,
    print_comparison,
    print_findings,
    write_report,
)
from services.demo.sample.leads import SampleLeads, make_leads
from services.demo.sample.rules import sample_rules
from services.demo.sample.team import ADMIN_ID, ANA, FELIPE, PAUSED_ID
from services.demo.stay import SETTINGS as STAYS
from services.demo.stay import stay
from services.projector.run import lag
from services.rules_file.file import dump
from services.runtime.installation import is_distributed, open_installation
from services.runtime.wrong import Wrong
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

READ_WITHIN_S = 120.0
# So long without any progress, and the demo ends with what there is.
STALLED_S = 60.0
ANSWER_WITHIN_S = 15.0
LOOK_EVERY_S = 0.1
# So that what DROP lost is found while somebody watches; else the default, every five minutes.
SWEEP_EVERY_S = 10
# With faults: pauses of minutes and hours take seconds.
HURRIED = {
    "FAIRLEAD_GATEWAY_BLOCKED_PROBE_S": "5",
    "FAIRLEAD_GATEWAY_PUSH_RETRY_FIRST_S": "2",
    "FAIRLEAD_GATEWAY_PUSH_PARKED_S": "5",
    "FAIRLEAD_GATEWAY_PUSH_STOPPED_S": "5",
    "FAIRLEAD_GATEWAY_LOOKUP_RETRY_S": "2",
    "FAIRLEAD_GATEWAY_LOOKUP_STOPPED_S": "5",
    "FAIRLEAD_GATEWAY_SWEEP_RETRY_S": "2",
    "FAIRLEAD_GATEWAY_SWEEP_STOPPED_S": "5",
    "FAIRLEAD_GATEWAY_DIRECTORY_RETRY_S": "2",
    "FAIRLEAD_GATEWAY_TOKENS_RETRY_FIRST_S": "1",
}
DEMO = Principal(id="demo:run", scopes=SCOPES)

Played = tuple[Findings, Comparison | None]
Teller = Callable[[Played, Installation], Awaitable[None]]


async def _untold(_played: Played, _installation: Installation) -> None:
    """Whoever plays it looks for themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One run of the demo.

    Attributes:
        batch: The most leads in one request to Kommo; None as an installation does by itself.
        kafka: Servers without topics of ours: then on processes, one per role, and proven to
            decide as the embedded engine does.
        faults: What goes wrong meanwhile; the leads then come one after another.
        stays: Whether the installation stays up afterwards, with its API, until told to stop.
    """

    leads: int
    drop_percent: int
    batch: int | None
    report: Path
    kafka: str | None = None
    faults: FaultScript | None = None
    stays: bool = False

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
        findings, comparison = await self.play(self._told)
        return findings.is_flawless and (comparison is None or comparison.is_same)

    async def _told(self, played: Played, installation: Installation) -> None:
        findings, comparison = played
        print_findings(findings)
        for number, neighbour in enumerate(findings.neighbours, 2):
            say("")
            say(f"Account {number}, behind the same address:")
            print_findings(neighbour)
        if comparison is not None:
            print_comparison(comparison)
        await asyncio.to_thread(write_report, findings, self.report)
        say("")
        say(f"The same as pictures: {self.report}")
        if self.stays:
            await stay(installation, manager_id=ANA)
        else:
            say("Its console, and one to click about in: make demo KEEP=1, make try")

    async def play(self, tell: Teller | None = None) -> Played:
        """Play it in a folder of its own, which stays only if something goes wrong.

        Args:
            tell: Told the result while the installation is still there.
        """
        folder = Path(tempfile.mkdtemp(prefix="fairlead-demo-"))
        try:
            played = await self._play(folder, tell or _untold)
        except BaseException:
            note(f"What happened is logged in {folder}")
            raise
        await asyncio.to_thread(shutil.rmtree, folder)
        return played

    async def _play(self, folder: Path, tell: Teller) -> Played:
        # A busy machine may bunch our requests after all; the pause is Kommo's, its length is not.
        knobs = {"journal_max": 10_000_000, "retry_after_s": RETRY_AFTER_S}
        is_sweeping = self.drop_percent > 0 or self.faults is not None
        settings = _settings(batch=self.batch, is_sweeping=is_sweeping)
        neighbours = 0
        if self.faults is not None:
            settings |= HURRIED
            neighbours = self.faults.accounts - 1
        if self.stays:
            settings |= STAYS
        starting = out().status("Starting a local Kommo and Fairlead ...")
        with starting:
            async with local_kommo(folder, leads=0, knobs=knobs, neighbours=neighbours) as kommo:
                if self.kafka is not None:
                    async with distributed(folder, self.kafka, settings) as here:
                        findings = await self._run(kommo, here.installation, here.address)
                        (account,) = await here.installation.accounts.all()
                        played = findings, await compare(here, account.account_id)
                        starting.stop()
                        await tell(played, here.installation)
                        return played
                settings["FAIRLEAD_KOMMO_ADDRESS"] = kommo.base_url
                async with (
                    fairlead_up(folder, settings) as address,
                    open_installation(folder / "data") as installation,
                ):
                    alone = await self._run(kommo, installation, address), None
                    starting.stop()
                    await tell(alone, installation)
                    return alone

    async def _run(self, kommo: LocalKommo, installation: Installation, address: str) -> Findings:
        kommos = (kommo, *kommo.neighbours)
        floods = [self._flood(each) for each in kommos]
        samples = [
            await make_leads(each, self.leads * (flood.times if flood else 1))
            for each, flood in zip(kommos, floods, strict=True)
        ]
        accounts = [
            await self._prepare(each, installation, address, sample)
            for each, sample in zip(kommos, samples, strict=True)
        ]
        began_at, playing = time.time(), None
        if self.faults is not None:
            moved = [[i for part in sample.rush.values() for i in part] for sample in samples]
            playing = asyncio.create_task(play(self.faults, kommos, moved))
        try:
            first, *others = await asyncio.gather(
                *(
                    self._distribute(each, installation, account, sample, playing)
                    for each, account, sample in zip(kommos, accounts, samples, strict=True)
                )
            )
        finally:
            if playing is not None:
                playing.cancel()
        flood = self._flood(kommo)
        if flood is not None:  # then there is a second account
            beside_it = await beside(
                kommos[1],
                kommo,
                [lead_id for moved in samples[1].rush.values() for lead_id in moved],
                flooded_at=began_at + flood.at_s,
            )
            others = [replace(others[0], beside=beside_it), *others[1:]]
        return replace(first, neighbours=tuple(others), faults=self._faults_in_words())

    def _flood(self, kommo: LocalKommo) -> FaultStep | None:
        return None if self.faults is None else self.faults.flood(kommo.number)

    def _faults_in_words(self) -> tuple[str, ...]:
        return () if self.faults is None else tuple(step.words for step in self.faults.steps)

    async def _prepare(
        self,
        kommo: LocalKommo,
        installation: Installation,
        address: str,
        sample: SampleLeads,
    ) -> RegisteredAccount:
        is_by_consent = self.faults is not None and self.faults.needs_consent
        let_in = by_consent if is_by_consent else by_token
        connected = await let_in(installation, DEMO, kommo, address)
        account = await installation.account(connected.account_id)
        text = dump(sample_rules(datetime.now(UTC), account.timezone))
        await rules.apply(
            installation,
            account,
            DEMO,
            text.encode(),
            base_revision=None,
            once=_once("rules"),
            assent=Assent(access=installation.who_may(), who=at_the_machine(DEMO)),
        )
        await pause(
            installation,
            account,
            DEMO,
            PAUSED_ID,
            until=None,
            reason="training",
            once=_once("training"),
        )
        hook_url = connected.hook_url.get_secret_value()
        is_told_by_webhooks = self.faults is not None and self.faults.is_told_by_webhooks
        for stage in {} if is_told_by_webhooks else {**sample.morning, **sample.rush}:
            await kommo.post("/triggers", {**stage._asdict(), "url": hook_url})
        await _await_baseline(installation, account, sample.total)
        await _morning(kommo, installation, account, sample)
        await kommo.turn({"drop_fraction": self.drop_percent / 100})
        return account

    async def _distribute(
        self,
        kommo: LocalKommo,
        installation: Installation,
        account: RegisteredAccount,
        sample: SampleLeads,
        playing: asyncio.Task[None] | None = None,
    ) -> Findings:
        moved_at = time.time()
        flood = self._flood(kommo)
        waves, spread_s = self.faults.spread if self.faults else (1, 0.0)
        after_s = 0.0
        if flood is not None:
            waves, after_s = 1, flood.at_s
        moving = asyncio.create_task(
            _move_in_waves(kommo, sample.rush, waves=waves, after_s=after_s, spread_s=spread_s)
        )
        lead_ids = [lead_id for moved in sample.rush.values() for lead_id in moved]
        await self._watch(kommo, installation, lead_ids)
        await moving
        if playing is not None:
            await playing
        await _await_views(installation)
        return await find(
            kommo,
            installation,
            account,
            sample=sample,
            rules=sample_rules(datetime.now(UTC), account.timezone)["rules"],
            moved_at=moved_at,
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
        with Progress(*columns, console=out(), disable=kommo.number > 1) as progress:
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


def _once(key: str) -> Once:
    return Once(key=key, wait_s=ANSWER_WITHIN_S)


async def _morning(
    kommo: LocalKommo, installation: Installation, account: RegisteredAccount, sample: SampleLeads
) -> None:
    """What comes before the rush, while Felipe is not there: Felipe catches up in the rush."""
    away = _once("away")
    await pause(installation, account, DEMO, FELIPE, until=None, reason="at the dentist", once=away)
    await _move(kommo, sample.morning)
    await _await_end(installation, account, sum(map(len, sample.morning.values())))
    await resume(installation, account, DEMO, FELIPE, once=_once("back"))


async def _move(kommo: LocalKommo, wave: Mapping[Stage, list[int]]) -> None:
    await asyncio.gather(
        *(
            kommo.post("/leads/move", {"lead_ids": lead_ids, **stage._asdict()})
            for stage, lead_ids in wave.items()
        )
    )


async def _move_in_waves(
    kommo: LocalKommo,
    rush: Mapping[Stage, list[int]],
    *,
    waves: int,
    after_s: float,
    spread_s: float,
) -> None:
    """Move the leads of each stage in so many parts, one after another; one part all at once."""
    await asyncio.sleep(after_s)
    for number in range(waves):
        await _move(kommo, {stage: moved[number::waves] for stage, moved in rush.items()})
        if number < waves - 1:
            await asyncio.sleep(spread_s / waves)


async def _counts(
    kommo: LocalKommo, installation: Installation, lead_ids: list[int]
) -> tuple[int, int, int]:
    """Of these leads, how many are decided and set in Kommo; of all, whose push is not settled."""
    owners = {row[0]: row[3] for row in (await kommo.get("/leads"))["leads"]}
    async with borrow(installation.pool) as connection:
        decided: int = await connection.fetchval(
            "SELECT count(DISTINCT lead_id) FROM assignments.leads"
            " WHERE lead_id = ANY($1::bigint[])",
            lead_ids,
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


def _settings(*, batch: int | None, is_sweeping: bool) -> dict[str, str]:
    settings = {
        "FAIRLEAD_GATEWAY_ACCOUNTS_RELOAD_S": "0.5",
        "FAIRLEAD_INGRESS_BURST": "1000000",
    }
    if batch is not None:
        settings["FAIRLEAD_GATEWAY_PUSH_BATCH_SIZE"] = str(batch)
        settings["FAIRLEAD_GATEWAY_PUSH_BATCH_SIZE_MAX"] = str(batch)
    if is_sweeping:
        settings["FAIRLEAD_GATEWAY_SWEEP_INTERVAL_S"] = str(SWEEP_EVERY_S)
    return settings


async def _await_views(installation: Installation) -> None:
    """Wait until the tables that are read next have taken in every event."""
    async with asyncio.timeout(READ_WITHIN_S):
        # They are moved by another process.
        while any((await lag(installation.pool, installation.events)).values()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)


async def _await_end(installation: Installation, account: RegisteredAccount, leads: int) -> None:
    """Wait until so many requests are assigned or closed, and Kommo has been told."""
    async with asyncio.timeout(READ_WITHIN_S):
        while True:
            async with borrow(installation.pool) as connection:
                tallies = await requests.counts(connection, account.account_id)
            ended = sum(t.requests for t in tallies if t.state in ("assigned", "closed"))
            if ended >= leads and await _is_settled(installation):
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def _await_baseline(
    installation: Installation, account: RegisteredAccount, leads: int
) -> None:
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
