"""Everything that is looked at, the most basic first."""

import asyncio
from collections.abc import AsyncIterator

from contracts.sentences import sentence
from domain.schedule import tzdata_version
from services.application.doctor import accounts, engine, kafka, letters, spool
from services.application.doctor.finding import Diagnosis, problem, well
from services.application.installation import Installation
from services.application.principal import Principal
from services.shared.wall_clock import utc_now
from services.storage.database import borrow


async def examine(installation: Installation, principal: Principal) -> AsyncIterator[Diagnosis]:
    """Look at everything.

    Raises:
        Refused: They may not.
    """
    principal.require("operate")
    yield await _database(installation)
    zones = sentence("doctor.zones_are", version=tzdata_version())
    yield well(sentence("doctor.time_zones"), zones)
    if installation.kafka is None:
        yield _process(installation)
    else:
        async for finding in kafka.findings(installation, principal, installation.kafka):
            yield finding
    async for finding in accounts.findings(installation, utc_now()):
        yield finding
    async for finding in engine.findings(installation, utc_now()):
        yield finding
    async for finding in letters.findings(installation.dead_letters):
        yield finding
    yield await asyncio.to_thread(spool.finding, installation, utc_now())


async def _database(installation: Installation) -> Diagnosis:
    async with borrow(installation.pool) as connection:
        version = str(await connection.fetchval("SHOW server_version"))
    if installation.kafka is not None:
        return well(sentence("doctor.database"), sentence("doctor.database_is", version=version))
    folder = str(installation.data)
    found = sentence("doctor.database_in_folder", version=version, folder=folder)
    return well(sentence("doctor.database"), found)


def _process(installation: Installation) -> Diagnosis:
    subject, runtime = sentence("doctor.process"), installation.running()
    if runtime is None:
        return problem(subject, sentence("doctor.not_running"), sentence("remedy.start"))
    process, address = int(runtime["pid"]), str(runtime["address"])
    if "ops" not in runtime:  # of a release before it
        return well(subject, sentence("doctor.runs", process=process, address=address))
    ops = str(runtime["ops"])
    return well(
        subject, sentence("doctor.runs_with_ops", process=process, address=address, ops=ops)
    )
