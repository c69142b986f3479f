"""`fairlead rules check`: look at a rules file, with what is known of the account."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.stage import Stage
from projections import requests
from services.cli.installation import Wrong, must_exist, open_installation
from services.cli.rules import stages_of, users_of
from services.rules_lint import Remark, look_over
from services.storage.accounts import Account
from services.storage.database import borrow

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What to tell the person.

    Attributes:
        remarks: In line order.
        left_out: What could not be looked at, and why; empty if nothing.
    """

    remarks: list[Remark]
    left_out: str

    def is_fine(self, *, strict: bool) -> bool:
        """Whether nothing needs a person; strictly, not even a note."""
        return not any(strict or remark.severity != "note" for remark in self.remarks)


async def check(data: Path, file: Path, account_id: int | None) -> Checked:
    """Look at the file; with the account of the installation, if there is one.

    Raises:
        Wrong: The file cannot be read, or the account that was named is not connected.
    """
    try:
        text = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise Wrong(f"{file}: {error.strerror}") from error
    account, inflow, left_out = await _known(data, account_id)
    remarks = await asyncio.to_thread(
        look_over,
        text,
        at=datetime.now(UTC),
        timezone=account.timezone if account is not None else "UTC",
        known_stages=stages_of(account) if account is not None else None,
        known_users=users_of(account) if account is not None else None,
        inflow=inflow,
    )
    return Checked(remarks=remarks, left_out=left_out)


async def _known(
    data: Path, account_id: int | None
) -> tuple[Account | None, Mapping[Stage, int] | None, str]:
    """The account, last week's leads, and what is not known of them."""
    try:
        must_exist(data)
    except Wrong:
        return None, None, f"no installation in {data}, so nothing is known of the account"
    async with open_installation(data) as installation:
        connected = await installation.accounts.all()
        if not connected and account_id is None:
            return None, None, "no account is connected, so nothing is known of it"
        account = await installation.account(account_id)
        since = datetime.now(UTC) - WEEK
        if account.connected_at > since:
            why = f"connected since {account.connected_at:%Y-%m-%d} only, so no week was counted"
            return account, None, why
        async with borrow(installation.pool) as connection:
            inflow = await requests.inflow(connection, account.account_id, since=since)
        return account, inflow, ""
