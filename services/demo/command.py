"""What `fairlead demo` and `fairlead try` play; the command line knows nothing else of it."""

import asyncio
import shlex
from pathlib import Path

from services.cli.opening import complete
from services.cli.output import say
from services.demo.faults import read_script
from services.demo.run import Demo
from services.demo.trial.run import try_out as run_trial
from services.demo.week.findings import find
from services.demo.week.kept import keep, refuse_taken
from services.demo.week.output import print_week
from services.demo.week.world import Week

WEEK_SEED = 7


def play_week(data: Path | None = None) -> bool:
    """A working week in virtual time; whether every rule held.

    Args:
        data: Where its account is kept, for commands to be tried on.
    """
    week = Week(seed=WEEK_SEED).run()
    found = find(week)
    print_week(found)
    if data is not None:
        complete(_kept(week, data))
        say(f"Kept in {data}: fairlead explain 900001 --data {shlex.quote(str(data))}")
    return not found.broken


async def _kept(week: Week, data: Path) -> None:
    refuse_taken(data)
    await keep(week, data)


def play_leads(
    *,
    leads: int,
    drop_percent: int,
    batch: int | None,
    report: Path,
    kafka: str | None,
    faults: Path | None,
    stays: bool,
) -> bool:
    """So many leads on an installation of its own; whether all that is promised was kept."""

    async def run() -> bool:
        demo = Demo(
            leads=leads,
            drop_percent=drop_percent,
            batch=batch,
            report=report,
            kafka=kafka,
            faults=None if faults is None else await asyncio.to_thread(read_script, faults),
            stays=stays,
        )
        return await demo.run()

    return complete(run())


def try_out(*, every_s: float, opens_browser: bool) -> None:
    """An installation to click about in, until Ctrl-C."""
    complete(run_trial(every_s=every_s, opens_browser=opens_browser))
