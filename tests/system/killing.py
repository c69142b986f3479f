"""Kills processes at fail points under load, and examines what is left (C2)."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

from contracts.events import AssignmentConfirmed, LeadAssigned, Recorded, RequestClosed
from contracts.inbound import Inbound, PauseManager
from services.demo.sample import INBOX, SALES
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.shared.failpoints import POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE
from services.storage.embedded.cluster import LINE_OF_STATUS, announced
from tests.support.campaign import Tally
from tests.support.hook_target import HookTarget
from tests.support.running import Running, System
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, settled

LEADS = 80
PERSON = 509  # on vacation, so nobody but a person gives them a lead
MORE_LEADS = 10
PASSING_MAX = 2
DIES_WITHIN_S = 240.0
AGAIN_AFTER_S = 2.0
SLOWER_EACH_TIME = 1.5
PAUSE_MAX_S = 12.0
SETTLED_WITHIN_S = 240.0
PAUSED_FOR = timedelta(seconds=1)
KNOBS = {
    # Refused webhooks come again soon, some twice.
    "time_scale": 0.004,
    "duplicate_fraction": 0.2,
    "disable_after": 1_000_000,
}


class Victim(Protocol):
    """What a point is in: a process that can be started with it armed."""

    async def start(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        """End it in order if it lives, and start it with this besides its own environment."""
        ...

    async def lose_its_log(self) -> None:
        """Let the inbound log be away for a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Everything:
    """All roles in one process, on the embedded database."""

    system: Running

    async def start(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        fairlead = self.system.fairlead
        if fairlead.process is not None and fairlead.process.returncode is None:
            await fairlead.stop()
        fairlead.environment = environment
        try:
            await fairlead.start()
        except ChildProcessError:  # perhaps at the point, before it had said that it is up
            if fairlead.process is None or fairlead.process.returncode != -signal.SIGKILL:
                raise
        assert fairlead.process is not None
        return fairlead.process

    async def lose_its_log(self) -> None:
        if announced(self.system.fairlead.data / "postgres", LINE_OF_STATUS) == "ready":
            self.system.fairlead.kill_database()  # else it is away, and could never come back


class Killing:
    """Goes from point to point; a death is recovered from while the next one is provoked."""

    def __init__(
        self,
        system: System,
        victim_at: Callable[[str], Victim],
        target: HookTarget,
        *,
        leads: int = LEADS,
    ) -> None:
        self._system = system
        self._victim_at = victim_at
        self._target = target
        self._leads = leads
        self._dead: Victim | None = None
        self.moved: list[int] = []

    async def kill_at(self, point: str, chance: random.Random) -> None:
        """Die at one of the first passings of the point, with new leads on their way.

        What leads there is done again until it does: whether the spool is needed, or a reading, is
        a matter of moments; the pauses grow, for a busy machine needs longer to get there.
        """
        victim = self._victim_at(point)
        if self._dead is not None and self._dead is not victim:
            await self._dead.start({})
        passing = chance.randint(1, PASSING_MAX) if point.startswith("gateway") else 1
        process = await victim.start(
            {
                PROFILE_VARIABLE: TEST_PROFILE,
                POINTS_VARIABLE: f"{point}@{passing}=kill",
                "FAIRLEAD_ALLOCATOR_SNAPSHOT_EVERY": "100",
            }
        )
        dying = asyncio.create_task(process.wait())
        first = len(self.moved)
        pause_s = AGAIN_AFTER_S
        async with asyncio.timeout(DIES_WITHIN_S):
            while not dying.done():
                await self._provoke(point, victim)
                await self._load(self._leads if len(self.moved) == first else MORE_LEADS)
                await asyncio.wait([dying], timeout=pause_s)
                pause_s = min(pause_s * SLOWER_EACH_TIME, PAUSE_MAX_S)
        assert dying.result() == -signal.SIGKILL, f"{point}: ended with {dying.result()}"
        self._dead = victim
        if point == "gateway.after_send":  # Kommo has it, nobody here knows: a person is faster
            await self._take(chance.sample(self.moved[first:], self._leads // 10))

    async def end(self) -> Tally:
        """Run without any point until all is settled; checks every promise (I1 to I10)."""
        if self._dead is not None:
            await self._dead.start({})
        await until(lambda: all_set(self._system, self.moved), SETTLED_WITHIN_S, 0.3)
        await until(lambda: agrees(self._system, self.moved), SETTLED_WITHIN_S, 0.5)
        events = await settled(self._system, self.moved)
        await self._told_once(events)
        return self._tally(events)

    async def _told_once(self, events: list[Recorded]) -> None:
        """Check that each decision that Kommo holds gets one note (D12.2), and is told (A8.4)."""
        decisions = Counter(
            f"{r.event.request_id}/{r.event.attempt}"
            for r in events
            if isinstance(r.event, AssignmentConfirmed)
        )
        await until(self._system.all_notes_written, SETTLED_WITHIN_S, 0.5)
        assert await self._system.notes() == decisions
        confirmed = {r.version for r in events if isinstance(r.event, AssignmentConfirmed)}
        told = self._target.versions_of
        await until(lambda: told("assignment.confirmed") == confirmed, SETTLED_WITHIN_S)
        await until(lambda: len(told("notice.requested")) == len(confirmed), SETTLED_WITHIN_S)

    async def _load(self, leads: int) -> None:
        lead_ids = await self._system.new_leads(leads)
        self.moved += lead_ids
        await self._system.move(lead_ids)

    def _tally(self, events: list[Recorded]) -> Tally:
        decided = Counter(r.event.lead_id for r in events if isinstance(r.event, LeadAssigned))
        confirmed = {r.event.lead_id for r in events if isinstance(r.event, AssignmentConfirmed)}
        closed = {r.event.lead_id for r in events if isinstance(r.event, RequestClosed)}
        return Tally(
            accepted=len(self.moved),
            decided=len(decided),
            confirmed=len(confirmed),
            lost=len(set(self.moved) - confirmed - closed),
            twice=sum(1 for lead_id in self.moved if decided[lead_id] > 1),
        )

    async def _provoke(self, point: str, victim: Victim) -> None:
        """Make happen what the load alone does not."""
        match point.partition("."):
            case ("spool", *_):
                await victim.lose_its_log()
            case ("clock", *_):
                await self._pause_for_a_moment()
            case (_, _, "after_lookup"):
                await self._raise_doubt()
            case _:
                pass

    async def _pause_for_a_moment(self) -> None:
        now = datetime.now(UTC)
        body = PauseManager(
            manager_id=501, by="a test", by_administrator=True, until=now + PAUSED_FOR
        )
        account_id = self._system.account_id
        message = Inbound(account_id=account_id, message_id=str(uuid4()), at=now, body=body)
        async with self._system.opened() as installation:
            await installation.log.publish([Entry(account_id, encode_inbound(message))])

    async def _raise_doubt(self) -> None:
        """Move leads there and back within a second."""
        lead_ids = await self._system.new_leads(5)
        for stage in (INBOX + 2, INBOX, INBOX + 2, INBOX):
            body = {"lead_ids": lead_ids, "pipeline_id": SALES, "status_id": stage}
            await self._system.kommo.post("/leads/move", body)

    async def _take(self, lead_ids: Sequence[int]) -> None:
        await self._system.kommo.post(
            "/leads/responsible", {"lead_ids": list(lead_ids), "responsible_user_id": PERSON}
        )
