"""A backup is the data folder of a fairlead that does not run; a restored one goes on (F77)."""

import asyncio
import subprocess
from pathlib import Path

from tests.support.running import running, until
from tests.system.checks import all_set, is_known, settled

LEADS = 5


async def test_F77_a_copied_folder_goes_on_where_the_copy_was_made(tmp_path: Path) -> None:
    async with running(tmp_path, knobs={"requests_per_second": 1_000}) as system:
        await until(lambda: is_known(system))
        first = await system.new_leads(LEADS)
        await system.move(first)
        await until(lambda: all_set(system, first))
        owners = await system.owners()
        assert await system.fairlead.stop() == 0
        copy, data = tmp_path / "backup", system.fairlead.data
        await asyncio.to_thread(subprocess.run, ["cp", "-a", data, copy], check=True)
        data.rename(tmp_path / "lost")
        copy.rename(data)

        await system.fairlead.start()
        second = await system.new_leads(LEADS)
        await system.move(second)
        await until(lambda: all_set(system, second))

        await settled(system)
        assert {each: (await system.owners())[each] for each in first} == {
            each: owners[each] for each in first
        }
        assert await system.writes() == dict.fromkeys((*first, *second), 1)
