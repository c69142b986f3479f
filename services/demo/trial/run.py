"""An installation to click about in, until Ctrl-C; then nothing is left of it."""

import asyncio
import os
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from services.access.roles import SCOPES
from services.application import rules
from services.application.callers import at_the_machine
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.connect import Connected, connect
from services.application.installation import WEB_FILE, Installation
from services.application.pauses import pause
from services.application.principal import Principal
from services.application.refused import Refused
from services.cli.output import note, out, say
from services.demo.door import INSTALLER, VISITORS, WayIn, open_door
from services.demo.fairlead_process import fairlead_up
from services.demo.faults import RETRY_AFTER_S
from services.demo.kommo_process import LocalKommo, local_kommo
from services.demo.stay import SETTINGS as SERVED
from services.demo.stay import say_door, say_ending, served_at, told_to_stop
from services.demo.trial import sample
from services.demo.trial.life import Life
from services.demo.week import sample as week
from services.rules_file.file import dump
from services.runtime.installation import open_installation

LEADS_AT_ONCE = 40
# For the screens that compare accounts one more that is well, and one that is not; one to connect.
NEIGHBOURS = 3
VERA = Principal(id="demo:vera", scopes=SCOPES)
LUNCH = timedelta(minutes=40)
ANSWER_WITHIN_S = 60.0
# A busy machine keeps the local Kommo waiting.
CONNECTED_WITHIN_TRIES = 5
SETTINGS = {
    **SERVED,
    "FAIRLEAD_GATEWAY_ACCOUNTS_RELOAD_S": "0.5",
    "FAIRLEAD_ACCESS_FRESH_MINUTES": "60",
    "FAIRLEAD_WEB_GALLERY": "true",
}


async def try_out(*, every_s: float, opens_browser: bool) -> None:
    """Run it until Ctrl-C or SIGTERM.

    Args:
        every_s: So long between two leads.
        opens_browser: If there is one.
    """
    folder = Path(tempfile.mkdtemp(prefix="fairlead-try-"))
    async with told_to_stop() as stop:
        running = asyncio.create_task(_run(folder, every_s, opens_browser=opens_browser))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not running.done():
            running.cancel()
            say_ending()
        await asyncio.wait({running})
    if not running.cancelled() and (error := running.exception()) is not None:
        note(f"What happened is logged in {folder}")
        raise error
    await asyncio.to_thread(shutil.rmtree, folder)


async def _run(folder: Path, every_s: float, *, opens_browser: bool) -> None:
    async with _opened(folder, every_s) as (door, lives):
        if opens_browser and _has_browser():
            await asyncio.to_thread(webbrowser.open, door.address)
        async with asyncio.TaskGroup() as going_on:
            for life in lives:
                going_on.create_task(life.go_on())


@asynccontextmanager
async def _opened(folder: Path, every_s: float) -> AsyncIterator[tuple[WayIn, list[Life]]]:
    with out().status("Starting a local Kommo and Fairlead ...") as starting:
        async with (
            local_kommo(
                folder,
                leads=0,
                # A busy machine may bunch requests; the pause is Kommo's, its length is not.
                knobs={"retry_after_s": RETRY_AFTER_S},
                neighbours=NEIGHBOURS,
                seeded=sample.kommo(),
            ) as kommo,
            fairlead_up(folder, SETTINGS) as address,
            open_installation(folder / "data") as installation,
        ):
            *well, sick, fresh = (kommo, *kommo.neighbours)
            first, *_ = [await _prepare(each, installation, address) for each in well]
            await _connected(sick, installation, address)
            await sick.turn({"blocked": True})
            await _set_aside(first)
            lives = [Life(each, every_s * place) for place, each in enumerate(well, start=1)]
            for life in lives:
                await life.begin(LEADS_AT_ONCE)
            await served_at(installation.data / WEB_FILE)
            async with open_door(
                installation,
                first.account_id,
                week.ANA,
                visitors=(*VISITORS, INSTALLER),
            ) as door:
                starting.stop()
                await _greet(door, kommo, fresh)
                yield door, lives


async def _prepare(kommo: LocalKommo, installation: Installation, address: str) -> Connected:
    """Connect an account, put its rules in force, and let somebody have lunch."""
    connected = await _connected(kommo, installation, address)
    account = await installation.account(connected.account_id)
    now = datetime.now(UTC)
    await rules.apply(
        installation,
        account,
        VERA,
        dump(sample.rules(now)).encode(),
        base_revision=None,
        once=_once("rules"),
        assent=Assent(access=installation.who_may(), who=at_the_machine(VERA)),
    )
    until = (now + LUNCH).replace(second=0, microsecond=0)
    await pause(
        installation, account, VERA, week.CARLA, until=until, reason="lunch", once=_once("lunch")
    )
    return connected


async def _connected(kommo: LocalKommo, installation: Installation, address: str) -> Connected:
    token = SecretStr(await asyncio.to_thread(kommo.token_file.read_text))
    for _ in range(CONNECTED_WITHIN_TRIES - 1):
        try:
            return await connect(
                installation, VERA, base_url=kommo.base_url, token=token, public_url=address
            )
        except Refused as refused:
            if refused.code not in {"kommo_away", "kommo_busy"}:
                raise
    return await connect(
        installation, VERA, base_url=kommo.base_url, token=token, public_url=address
    )


async def _set_aside(connected: Connected) -> None:
    """A webhook that makes no sense, for whoever looks what is done about one."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for lead in ("x", "y", "z"):
            body = {"leads[add][0][id]": lead, "leads[add][0][status_id]": "new"}
            answer = await client.post(connected.hook_url.get_secret_value(), data=body)
            answer.raise_for_status()


def _once(key: str) -> Once:
    return Once(key=key, wait_s=ANSWER_WITHIN_S)


async def _greet(door: WayIn, kommo: LocalKommo, fresh: LocalKommo) -> None:
    say_door(door)
    say("")
    token = await asyncio.to_thread(fresh.token_file.read_text)
    say(f"An account to connect: {fresh.base_url} with the token {token.strip()}")
    say("")
    say(f"Leads come in and are given out while you look; Kommo's side: {kommo.base_url}/sandbox")
    say("Nothing here is real, and nothing is left of it after Ctrl-C.")


def _has_browser() -> bool:
    """Whether one has a window to open in."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
