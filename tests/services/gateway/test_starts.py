"""The starts of our address in the database's table."""

from dataclasses import dataclass

import asyncpg
import pytest

from services.gateway.starts import SharedStarts
from services.kommo.starts import Starts
from tests.services.gateway.starts_conformance import MOST, StartsConformance, take_all
from tests.support.waiting import lasting

# A clock that is set back sees everything that was noted so much later, and the reverse.
SHIFT = """
UPDATE gateway.addresses SET
    starts = ARRAY(SELECT noted - $1 * interval '1 s' FROM unnest(starts) AS noted ORDER BY 1),
    closed_until = closed_until - $1 * interval '1 s'
"""


@dataclass
class Table:
    """The table, and the clock of its database."""

    pool: asyncpg.Pool

    def process(self) -> Starts:
        return SharedStarts(self.pool)

    async def set_clock(self, by_s: float) -> None:
        await self.pool.execute(SHIFT, by_s)

    async def passes(self, seconds: float) -> None:
        await lasting(seconds)  # the database tells the time


@pytest.fixture
def noted(pool: asyncpg.Pool) -> Table:
    return Table(pool)


class TestSharedStarts(StartsConformance):
    async def test_I13_no_more_starts_are_kept_than_count(self, noted: Table) -> None:
        await take_all(noted.process())
        await noted.passes(1.2)
        await take_all(noted.process())

        kept = await noted.pool.fetchval("SELECT cardinality(starts) FROM gateway.addresses")
        assert kept == MOST
