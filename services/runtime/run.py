"""`fairlead run`: some roles of the distributed installation, or those beside `fairlead up`."""

import os
from collections.abc import Collection
from pathlib import Path

from services.runtime.beside import beside
from services.runtime.distributed import distributed
from services.runtime.environment import from_environment
from services.runtime.listening import OnListening
from services.runtime.process import Opener, live
from services.runtime.production import refuse_unsafe
from services.runtime.roles import APART, ROLES
from services.runtime.settings import EverySetting
from services.runtime.wrong import Wrong


def chosen(names: Collection[str]) -> tuple[str, ...]:
    """The roles of these names; `all` names every one.

    Raises:
        Wrong: A name is none.
    """
    unknown = [name for name in names if name not in (*ROLES, "all")]
    if unknown:
        raise Wrong(f"there is no role {unknown[0]!r}; expected some of: {', '.join(ROLES)}, all")
    return tuple(role for role in ROLES if role in names or "all" in names)


async def run(
    data: Path,
    roles: Collection[str],
    *,
    host: str | None = None,
    port: int | None = None,
    on_listening: OnListening | None = None,
    with_stdin: bool = False,
) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        data: The folder of this process; its spool is there.
        roles: What it runs.
        host: Where ingress receives webhooks; default as its settings say.
        port: The same; 0 for any free one.
        on_listening: Told role and address of each that listens.
        with_stdin: End as soon as standard input is closed.

    Raises:
        Wrong: The environment names no distributed installation, a setting is out of bounds,
            or not for production,
            a topic is missing or divided otherwise, or an address cannot be listened at.
    """
    settings = from_environment(EverySetting)
    refuse_unsafe(settings, os.environ, web=settings.web if "web" in roles else None)
    if settings.installation.database_url is None and not set(roles) <= set(APART):
        raise Wrong(
            "FAIRLEAD_DATABASE_URL is not set: it names the PostgreSQL that all processes of a"
            " distributed installation share; for everything in one process: fairlead up"
        )
    opener: Opener = distributed
    if settings.installation.database_url is None:
        opener = beside
        at = settings.ops.model_copy(update={"port": settings.web.ops_port})
        settings = settings.model_copy(update={"ops": at})
    await live(
        opener,
        roles,
        settings,
        data=data,
        host=host,
        port=port,
        on_listening=on_listening,
        with_stdin=with_stdin,
    )
