"""The week's account in an installation of its own, for whoever wants to ask about it."""

import secrets
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contracts.stage import LOST, WON
from services.allocator.run import CONSUMER
from services.demo.week import sample as s
from services.demo.week.world import Week
from services.log.postgres import source_of
from services.projector.run import Projector
from services.runtime.installation import open_installation
from services.runtime.wrong import Wrong

# Where nobody answers: the account is not to be found in any Kommo.
ADDRESS = "http://127.0.0.1:9"


def refuse_taken(data: Path) -> None:
    """See that no installation is in a folder: the week goes into one of its own.

    Raises:
        Wrong: There is.
    """
    if (data.expanduser() / "postgres").exists():
        raise Wrong(f"--keep: an installation is in {data}; expected a folder without one")


async def keep(week: Week, data: Path) -> None:
    """Store the week as an allocator would have, and bring the tables up to date.

    Args:
        week: What happened.
        data: A folder without an installation; made if missing.
    """
    async with open_installation(data) as installation:
        await installation.accounts.add(
            s.ACCOUNT_ID,
            subdomain="week",
            base_url=ADDRESS,
            token=SecretStr("none"),
            webhook_secret=SecretStr(secrets.token_urlsafe(32)),
            timezone=s.TIMEZONE,
        )
        await installation.accounts.update_directory(s.ACCOUNT_ID, _directory())
        answers = groupby(week.log, key=lambda recorded: recorded.cause)
        for position, (_, events) in enumerate(answers, start=1):
            await installation.events.append(
                list(events),
                consumer=CONSUMER,
                source=source_of(s.ACCOUNT_ID),
                position=position,
            )
        projector = Projector(installation.pool, installation.events, wait=_never)
        await projector.catch_up()


async def _never(_: float, /) -> None:
    """One pass waits for nothing."""


def _directory() -> dict[str, Any]:
    def stage(status_id: int, name: str) -> dict[str, Any]:
        return {"id": status_id, "name": name}

    ends = [stage(WON, "Won"), stage(LOST, "Lost")]
    return {
        "timezone": s.TIMEZONE,
        "users": [
            {"id": user_id, "name": name, "is_active": True} for user_id, name in s.NAMES.items()
        ],
        "pipelines": [
            {
                "id": s.NEW.pipeline_id,
                "name": "Site",
                "stages": [stage(s.NEW.status_id, "New request"), *ends],
            },
            {
                "id": s.HOTLINE.pipeline_id,
                "name": "Hotline",
                "stages": [stage(s.HOTLINE.status_id, "Call"), *ends],
            },
        ],
    }
