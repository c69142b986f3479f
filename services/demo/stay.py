"""The demo's installation stays up, to be tried by whoever wants to write against the API."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.access.roles import ROLES
from services.application.installation import WEB_FILE, Installation
from services.application.people.keys import make_key
from services.cli.opening import caller_here
from services.cli.output import say
from services.demo.kommo_process import POLL_S

LABEL = "demo"
SERVED_WITHIN_S = 60.0
SETTINGS = {"FAIRLEAD_WEB_ENABLED": "true", "FAIRLEAD_WEB_PORT": "0"}


async def stay(installation: Installation) -> None:
    """Say where the API is, with a key that is ready, and stay until Ctrl-C or SIGTERM."""
    async with _told_to_stop() as stop:
        address = await _served_at(installation.data / WEB_FILE)
        account, *_ = await installation.accounts.all()
        _, key = await make_key(
            installation.who_may(),
            caller_here(),
            label=LABEL,
            account_id=account.account_id,
            scopes=ROLES["supervisor"],
            days=1,
        )
        say("")
        say("The installation stays up until Ctrl-C. What its API needs:")
        say("")
        say(f"export FAIRLEAD_DATA={installation.data}")
        say(f"export FAIRLEAD_URL={address}")
        say(f"export FAIRLEAD_ACCOUNT={account.account_id}")
        say(f"export FAIRLEAD_KEY={key.get_secret_value()}")
        say("")
        say("What to ask: README.md, and step by step docs/how-to/api.md")
        await stop.wait()
        say("Ending ...")


@asynccontextmanager
async def _told_to_stop() -> AsyncIterator[asyncio.Event]:
    """Set at Ctrl-C or SIGTERM; afterwards they end the process as they do."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _served_at(file: Path) -> str:
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
