"""The demo's installation stays up, to be looked at in the console and written against."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from services.access.roles import ROLES
from services.application.installation import WEB_FILE, Installation
from services.application.people.keys import make_key
from services.cli.opening import caller_here
from services.cli.output import say
from services.demo.door import VISITORS, WayIn, open_door
from services.demo.kommo_process import POLL_S

LABEL = "demo"
# As long as a busy machine needs to start a process.
SERVED_WITHIN_S = 240.0
SETTINGS = {"FAIRLEAD_WEB_ENABLED": "true", "FAIRLEAD_WEB_PORT": "0"}


async def stay(installation: Installation, *, manager_id: int) -> None:
    """Say where console and API are, with a key that is ready, and stay until Ctrl-C or SIGTERM.

    Args:
        installation: Served already.
        manager_id: As whom one may look at the pages of a manager.
    """
    account, *_ = await installation.accounts.all()
    address = await served_at(installation.data / WEB_FILE)
    async with (
        told_to_stop() as stop,
        open_door(installation, account.account_id, manager_id) as door,
    ):
        _, key = await make_key(
            installation.who_may(),
            caller_here(),
            label=LABEL,
            account_id=account.account_id,
            scopes=ROLES["supervisor"],
            days=1,
        )
        say("")
        say("The installation stays up until Ctrl-C.")
        say_door(door)
        say("")
        say("What its API needs:")
        say("")
        say(f"export FAIRLEAD_DATA={installation.data}")
        say(f"export FAIRLEAD_URL={address}")
        say(f"export FAIRLEAD_ACCOUNT={account.account_id}")
        say(f"export FAIRLEAD_KEY={key.get_secret_value()}")
        say("")
        say("What to ask: README.md, and step by step docs/how-to/api.md")
        await stop.wait()
        say_ending()


def say_ending() -> None:
    """That it takes a moment; nobody hears it whose terminal is gone."""
    with suppress(OSError):
        say("Ending ...")


def say_door(door: WayIn) -> None:
    """How to get into the console."""
    by_hand = ", ".join(visitor.login for visitor in VISITORS if not visitor.needs_codes)
    say("")
    say(f"Its console: open {door.address}")
    say("and choose who to be. By hand, or when you are asked again who you are:")
    say(f"{door.console} as {by_hand}, password {door.password.get_secret_value()}")


@asynccontextmanager
async def told_to_stop() -> AsyncIterator[asyncio.Event]:
    """Set at Ctrl-C, SIGTERM, or when the terminal is closed; afterwards they end it as they do."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def served_at(file: Path) -> str:
    """Where the API is, as soon as it is.

    Raises:
        TimeoutError: It is not in time; the log of the folder says why.
    """
    async with asyncio.timeout(SERVED_WITHIN_S):
        # The file is the other process's way to say so.
        while not file.exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(POLL_S)
    address: str = json.loads(file.read_text(encoding="utf-8"))["address"]  # noqa: ASYNC240
    return address
