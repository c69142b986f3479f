"""The master key is replaced step by step, as the manual says (S17)."""

import asyncio
import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.runtime.installation import open_installation
from tests.services.cli.conftest import command

OLD, NEW = (base64.b64encode(byte * 32).decode() for byte in (b"o", b"n"))
TOKEN = "token-of-acme-1f"  # noqa: S105 - opens nothing


@pytest.mark.server
def test_S17_tokens_are_sealed_anew_and_the_old_key_is_of_no_use_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", OLD)
    asyncio.run(_connect(tmp_path))
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", NEW)
    too_early = command(tmp_path, "reseal")
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", f"{NEW},{OLD}")
    said = [command(tmp_path, "reseal").out for _ in range(2)]
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", NEW)

    assert too_early.error == "token of account 1: sealed with another key"
    assert said == [
        "1 token or dead letter is now sealed with the newest master key.\n",
        "Every token and dead letter is sealed with the newest master key.\n",
    ]
    assert asyncio.run(_token(tmp_path)) == TOKEN


async def _connect(data: Path) -> None:
    async with open_installation(data) as installation:
        await installation.accounts.add(
            1,
            subdomain="acme",
            base_url="https://acme.kommo.com",
            token=SecretStr(TOKEN),
            webhook_secret=SecretStr("secret of acme"),
            timezone="UTC",
        )


async def _token(data: Path) -> str:
    async with open_installation(data) as installation:
        return (await installation.accounts.token(1)).get_secret_value()
