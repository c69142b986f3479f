"""`fairlead up`: all roles on the embedded database, in one process and one beside it."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from services.runtime.embedded import embedded
from services.runtime.environment import from_environment
from services.runtime.listening import OnListening
from services.runtime.process import live
from services.runtime.production import refuse_unsafe
from services.runtime.roles import TOGETHER
from services.runtime.settings import EverySetting
from services.runtime.wrong import Wrong


async def up(
    data: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    on_listening: OnListening | None = None,
    new_key: bool = False,
    beside: Sequence[str] = (),
    with_stdin: bool = False,
) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        data: The data folder.
        host: Where webhooks are received; default as the settings say.
        port: The same; 0 for any free one.
        on_listening: Told role and address of each that listens in this process.
        new_key: Make a new master key if that of the folder is lost.
        beside: More for the command line of the process beside this one.
        with_stdin: End as soon as standard input is closed, with whoever started the process.

    Raises:
        services.storage.embedded.database.EmbeddedDatabaseError: The folder cannot be used.
        Wrong: A setting is out of bounds, or not for production, an address cannot be listened
            at, or the environment names another installation.
    """
    settings = from_environment(EverySetting)
    web = settings.web if settings.web.enabled else None
    refuse_unsafe(settings, os.environ, web=web)
    if settings.installation.database_url is not None:
        raise Wrong(
            "FAIRLEAD_DATABASE_URL names a distributed installation: run its roles with"
            " fairlead run, or unset it to run the one in the folder"
        )
    await live(
        partial(embedded, new_key=new_key, beside=beside),
        TOGETHER,
        settings,
        data=data,
        host=host,
        port=port,
        on_listening=on_listening,
        with_stdin=with_stdin,
    )
