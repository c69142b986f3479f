"""Allocators as processes over a broker of their own."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import Engine, an_engine
from tests.support.kafka import Victim, settings_of


@pytest.fixture
async def engine(
    victim: Victim, database_url: str, pool: Any, tmp_path: Path, chance: random.Random
) -> AsyncIterator[Engine]:
    await victim.mend()
    settings = settings_of(victim.broker.address)
    async with an_engine(settings, database_url, pool, tmp_path, chance) as engine:
        yield engine
