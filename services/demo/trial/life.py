"""Leads come, the team calls them and closes them, some are forgotten: at a pace to look at."""

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from contracts.stage import LOST, WON, Stage
from services.demo.kommo_process import LocalKommo
from services.demo.week import sample as week

# Percent of the leads that are forgotten, that are large, whose contact has a manager.
FORGOTTEN, LARGE, KNOWN = 12, 12, 40
HOTLINE_ONE_IN = 6
CALLED_AFTER_S, CLOSED_AFTER_S = (15, 100), (90, 400)
LOOK_EVERY_S = 2.0
SEED = 7


@dataclass(slots=True)
class Life:
    """What happens in one account of the local Kommo.

    Attributes:
        every_s: So long between two leads.
    """

    kommo: LocalKommo
    every_s: float
    _random: Random = field(init=False)
    _calls: dict[int, float] = field(default_factory=dict)
    _ends: dict[int, float] = field(default_factory=dict)
    _contacts: tuple[int, ...] = ()
    _came: int = 0

    def __post_init__(self) -> None:
        self._random = Random(SEED)  # noqa: S311 - made-up leads

    async def begin(self, leads: int) -> None:
        """Customers of two managers, and so many leads at once."""
        owners = [
            {"responsible_user_id": each, "name": "A customer"} for each in (week.ANA, week.BRUNO)
        ]
        made = await self.kommo.post("/cards", {"contacts": owners})
        self._contacts = tuple(made["contacts"])
        await self._come(leads)

    async def go_on(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        next_at = loop.time() + self.every_s
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S, self.every_s))
            now = loop.time()
            is_due = now >= next_at
            if is_due:
                next_at = now + self.every_s
            # A request that got lost on a busy machine ends nothing: life goes on.
            with suppress(httpx.TransportError):
                if is_due:
                    await self._come(1)
                await self._work(now)

    async def _come(self, leads: int) -> None:
        await self.kommo.post("/leads", {"leads": [self._lead() for _ in range(leads)]})

    def _lead(self) -> dict[str, Any]:
        self._came += 1
        stage = week.NEW if self._random.randrange(HOTLINE_ONE_IN) else week.HOTLINE
        lead = {"name": f"Request {self._came}", "price": 300, **stage._asdict()}
        if self._random.randrange(100) < LARGE:
            lead["price"] = week.VIP_PRICE
        if self._random.randrange(100) < KNOWN:
            lead["contact_ids"] = [self._random.choice(self._contacts)]
        return lead

    async def _work(self, now: float) -> None:
        """Do what is due, and plan what was given out since."""
        for lead_id, pipeline_id, owner_id in await self._given():
            if lead_id not in self._ends:
                self._plan(lead_id, now)
            if self._calls.get(lead_id, math.inf) <= now:
                del self._calls[lead_id]
                call = {"lead_ids": [lead_id], "kind": "call", "user_id": owner_id}
                await self.kommo.post("/leads/deeds", call)
            if self._ends[lead_id] <= now:
                del self._ends[lead_id]
                end = Stage(pipeline_id, self._random.choice((WON, LOST)))
                closed = {"lead_ids": [lead_id], "user_id": owner_id, **end._asdict()}
                await self.kommo.post("/leads/move", closed)

    def _plan(self, lead_id: int, now: float) -> None:
        called_at = now + self._random.randint(*CALLED_AFTER_S)
        if self._random.randrange(100) >= FORGOTTEN:
            self._calls[lead_id] = called_at
        self._ends[lead_id] = called_at + self._random.randint(*CLOSED_AFTER_S)

    async def _given(self) -> list[tuple[int, int, int]]:
        """Open leads that somebody was given: id, pipeline, whose."""
        rows = (await self.kommo.get("/leads"))["leads"]
        return [
            (lead_id, pipeline_id, owner_id)
            for lead_id, pipeline_id, status_id, owner_id, _, is_deleted in rows
            if owner_id != week.VERA and status_id not in (WON, LOST) and not is_deleted
        ]
