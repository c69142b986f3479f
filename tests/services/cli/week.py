"""The demo's week in an installation of its own, for commands that ask about the past."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from services.demo.week.kept import keep
from services.demo.week.world import Week
from tests.services.cli.conftest import Said, command


@dataclass(frozen=True, slots=True)
class KeptWeek:
    """The week, and where it is kept."""

    week: Week
    data: Path

    def say(self, *words: object) -> Said:
        return command(self.data, *words)


@contextmanager
def kept_week() -> Iterator[KeptWeek]:
    """Nothing runs beside it."""
    folder = Path(mkdtemp(prefix="fairlead-week-"))
    week = Week(seed=7).run()
    asyncio.run(keep(week, folder / "data"))
    try:
        yield KeptWeek(week, folder / "data")
    finally:
        rmtree(folder, ignore_errors=True)
