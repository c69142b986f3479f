"""A database restored by other means than a copied folder is told of by a person (F79)."""

import asyncio
import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.gateway.postgres import RegisteredAccounts
from services.runtime.installation import open_installation
from services.storage.database import borrow
from tests.services.cli.conftest import command


@pytest.mark.server
def test_F79_the_gateway_hears_of_it_for_each_account_and_who_said_so_is_kept(
    tmp_path: Path,
) -> None:
    assert asyncio.run(_known(tmp_path)) == ([None], [])
    before = datetime.now(UTC)

    said = command(tmp_path, "restored")

    (restored_at,), noticed_by = asyncio.run(_known(tmp_path))
    assert before <= restored_at <= datetime.now(UTC)
    assert noticed_by == [f"cli:{getpass.getuser()}"]
    assert said.out.startswith("Recorded. All leads of 1 account are read from Kommo")
    assert command(tmp_path, "restored").out == said.out  # once more, and read once more
    assert asyncio.run(_known(tmp_path))[0] > [restored_at]


def test_F79_a_folder_without_an_installation_was_never_restored(tmp_path: Path) -> None:
    assert command(tmp_path / "nothing", "restored").error.startswith("no installation in ")


async def _known(data: Path) -> tuple[list[Any], list[str]]:
    """When the gateway takes each account to be restored, and who said so."""
    async with open_installation(data) as installation:
        if not await installation.accounts.all():
            await installation.accounts.add(
                1,
                subdomain="acme",
                base_url="https://acme.kommo.com",
                token=SecretStr("token-of-acme-1f"),
                webhook_secret=SecretStr("secret of acme"),
                timezone="UTC",
            )
        connected = await RegisteredAccounts(installation.accounts).connected()
        async with borrow(installation.pool) as connection:
            rows = await connection.fetch(
                "SELECT noticed_by FROM restorations ORDER BY restored_at"
            )
    return [each.restored_at for each in connected], [row["noticed_by"] for row in rows]
