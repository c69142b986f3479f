"""A process beside `fairlead up`: it works in the same folder, and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from services.ops.health import Health
from services.ops.metrics import Metrics
from services.runtime.embedded import EmbeddedPeers
from services.runtime.installation import must_exist, open_embedded
from services.runtime.peers import Chore
from services.runtime.settings import EverySetting

CONNECTIONS = 12


class BesidePeers(EmbeddedPeers):
    """A guest of the folder: log, lag and housekeeping are looked after by whoever holds it."""

    def show(self, roles: Collection[str], health: Health, metrics: Metrics) -> None:
        """Nothing that is shown there already."""
        del roles, health, metrics

    def chores(self) -> Mapping[str, Chore]:
        """None."""
        return {}


@asynccontextmanager
async def beside(
    data: Path, settings: EverySetting, _stop: asyncio.Event
) -> AsyncIterator[BesidePeers]:
    """Open the installation of a folder as a guest.

    Raises:
        services.storage.embedded.database.EmbeddedDatabaseError: The folder cannot be used.
        services.runtime.wrong.Wrong: There is no installation in it.
    """
    must_exist(data)
    async with open_embedded(data, settings, connections=CONNECTIONS) as installation:
        database = installation.database
        assert database is not None, "an installation in a folder has one"  # noqa: S101
        yield BesidePeers(installation, database)
