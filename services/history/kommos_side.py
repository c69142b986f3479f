"""What the local Kommo's journals know of an account's past."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from contracts.stage import Stage
from services.history.record import Change, History, Hook, LeadInKommo, StageEntry, Write

LEADS_PATH = "/api/v4/leads"
TRIGGER = "trigger:"


class Window(Protocol):
    """What can be seen of the local Kommo."""

    async def get(self, path: str, **params: str | int) -> dict[str, Any]:
        """Something behind `/sandbox`."""
        ...

    async def rows(self, journal: str, **params: str | int) -> list[dict[str, Any]]:
        """A whole journal, oldest row first."""
        ...


async def from_kommo(
    kommo: Window, account_id: int, entries: Iterable[StageEntry] | None = None
) -> History:
    """A history of which only Kommo's side is known.

    Args:
        kommo: The local Kommo, which has this one account.
        account_id: Of that account.
        entries: What was moved into stages of the rules, if it is known completely.
    """
    triggers = {
        f"{TRIGGER}{row['id']}": Stage(row["pipeline_id"], row["status_id"])
        for row in (await kommo.get("/triggers"))["triggers"]
    }
    return History(
        account_id=account_id,
        events=(),
        hooks=tuple(
            hook for row in await kommo.rows("deliveries") for hook in _hooks(row, triggers)
        ),
        entries=None if entries is None else tuple(entries),
        writes=tuple(
            write
            for row in sorted(
                await kommo.rows("requests", method="PATCH"),
                key=lambda row: float(row["at"]),
            )
            if row["path"].partition("?")[0] == LEADS_PATH
            for write in _writes(row)
        ),
        changes=tuple(_change(row) for row in await kommo.rows("responsibles")),
        leads=tuple(
            LeadInKommo(
                lead_id=lead_id,
                stage=Stage(pipeline_id, status_id),
                responsible_id=responsible_id,
                is_deleted=is_deleted,
            )
            for lead_id, pipeline_id, status_id, responsible_id, _, is_deleted in (
                await kommo.get("/leads")
            )["leads"]
        ),
    )


def _hooks(row: Mapping[str, Any], triggers: Mapping[str, Stage]) -> Iterable[Hook]:
    is_trigger = row["hook"].startswith(TRIGGER)
    return (
        Hook(
            lead_id=lead_id,
            kind="trigger" if is_trigger else "webhook",
            stage=triggers.get(row["hook"]),
            status=row["status"],
            at=_instant(row["at"]),
        )
        for lead_id in row["lead_ids"]
    )


def _writes(row: Mapping[str, Any]) -> Iterable[Write]:
    return (
        Write(
            lead_id=item["id"],
            manager_id=item["responsible_user_id"],
            status=row["status"],
            at=_instant(row["at"]),
        )
        # Of a request that was cut off while it arrived there is no body, and nothing was asked.
        for item in orjson.loads(row["body"] or b"[]")
        if "responsible_user_id" in item
    )


def _change(row: Mapping[str, Any]) -> Change:
    return Change(
        lead_id=row["lead_id"],
        old_id=row["old"],
        new_id=row["new"],
        is_ours=row["via"] == "api",
        at=_instant(row["at"]),
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
