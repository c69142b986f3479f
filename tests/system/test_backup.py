"""A part of what our database knew is lost: old backups, and a failover that forgot."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from tests.support.cluster import Cluster, cluster
from tests.support.running import running
from tests.support.waiting import until
from tests.system.checks import agrees, all_set, each_once, is_known, settled

LEADS = 5


async def backup(folder: Path, copy: Path) -> Path:
    """A copy of the folder of something that does not run."""
    await asyncio.to_thread(subprocess.run, ["cp", "-a", folder, copy], check=True)
    return copy


def restore(folder: Path, copy: Path) -> None:
    """Put a copy in the folder's place."""
    folder.rename(folder.with_name("lost"))
    copy.rename(folder)


async def test_F77_a_copied_folder_goes_on_where_the_copy_was_made(tmp_path: Path) -> None:
    async with running(tmp_path, knobs={"requests_per_second": 1_000}) as system:
        await until(lambda: is_known(system))
        first = await system.new_leads(LEADS)
        await system.move(first)
        await until(lambda: all_set(system, first))
        owners = await system.owners()
        assert await system.fairlead.stop() == 0
        copy = await backup(system.fairlead.data, tmp_path / "backup")
        restore(system.fairlead.data, copy)

        await system.fairlead.start()
        second = await system.new_leads(LEADS)
        await system.move(second)
        await until(lambda: all_set(system, second))

        await settled(system)
        assert {each: (await system.owners())[each] for each in first} == {
            each: owners[each] for each in first
        }
        assert await system.writes() == dict.fromkeys((*first, *second), 1)


async def test_F79_an_older_backup_gives_out_nothing_that_was_given_since(tmp_path: Path) -> None:
    async with running(tmp_path, knobs={"requests_per_second": 1_000}) as system:
        await until(lambda: is_known(system))
        known = await system.new_leads(LEADS)
        first = await system.new_leads(LEADS)
        await system.move(first)
        await until(lambda: all_set(system, first))
        assert await system.fairlead.stop() == 0
        copy = await backup(system.fairlead.data, tmp_path / "backup")

        await system.fairlead.start()
        new = await system.new_leads(LEADS)
        lost = [*known, *new]
        await system.move(lost)
        await until(lambda: all_set(system, lost))
        owners = await system.owners()
        await system.fairlead.kill()
        system.fairlead.kill_database()
        restore(system.fairlead.data, copy)
        while_down = await system.new_leads(LEADS)
        await system.move(while_down)

        await system.fairlead.start()
        await until(lambda: all_set(system, while_down))
        last = await system.new_leads(LEADS)
        await system.move(last)
        await until(lambda: all_set(system, last))

        given = [*first, *lost]
        await until(lambda: agrees(system, [*given, *while_down, *last]))
        assert {each: (await system.owners())[each] for each in given} == {
            each: owners[each] for each in given
        }
        assert await system.writes() == dict.fromkeys((*given, *while_down, *last), 1)


async def test_F39_what_a_failover_forgot_is_decided_just_so_again_and_not_sent_again(
    tmp_path: Path,
) -> None:
    async with cluster(tmp_path) as system:
        first = await distributed(system)
        await die(system)
        copy = await backup(system.database.cluster, tmp_path / "seconds-ago")
        await asyncio.to_thread(system.database.revive)
        forgotten = await distributed(system)
        owners = await system.owners()

        await die(system)
        restore(system.database.cluster, copy)
        await asyncio.to_thread(system.database.revive)
        last = await distributed(system)

        given = [*first, *forgotten]
        await until(lambda: agrees(system, given), within_s=240, every_s=0.5)
        assert {each: (await system.owners())[each] for each in given} == owners
        await each_once(system, [*given, *last])


async def distributed(system: Cluster) -> list[int]:
    """New leads, once each of them is somebody's."""
    lead_ids = await system.new_leads(LEADS)
    await system.move(lead_ids)
    await until(lambda: all_set(system, lead_ids), within_s=240)
    await until(lambda: agrees(system, lead_ids), within_s=240, every_s=0.5)
    return lead_ids


async def die(system: Cluster) -> None:
    """Kill the database; its folder is then as after a loss of power."""
    pid = system.database.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    async def is_dead() -> bool:
        return await asyncio.to_thread(system.database.pid) is None

    await until(is_dead)
