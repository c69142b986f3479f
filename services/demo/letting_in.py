"""The two ways in which the demo connects its accounts: by a token, or by consent."""

import asyncio
from dataclasses import replace
from typing import Final

from pydantic import SecretStr

from services.application.connect import Connected, connect
from services.application.consenting import Return, connect_by_code
from services.application.installation import Installation
from services.application.integrations import REDIRECT_PATH, register_integration
from services.application.principal import Principal
from services.demo.kommo_process import LocalKommo

_CLIENT_ID: Final = "5a3bdc4e-demo"


async def by_token(
    installation: Installation, principal: Principal, kommo: LocalKommo, address: str
) -> Connected:
    """Connect the account by its administrator's long-lived token."""
    token = SecretStr(await asyncio.to_thread(kommo.token_file.read_text))
    return await connect(
        installation, principal, base_url=kommo.base_url, token=token, public_url=address
    )


async def by_consent(
    installation: Installation, principal: Principal, kommo: LocalKommo, address: str
) -> Connected:
    """Let an integration into the account: its tokens end and are renewed (OAuth 2.0)."""
    here = replace(installation, kommo_address=kommo.base_url)
    redirect = address + REDIRECT_PATH
    wanted = {"client_id": _CLIENT_ID, "redirect_uri": redirect, "name": "Fairlead"}
    told = await kommo.post("/integrations", wanted)
    secret = SecretStr(told["client_secret"])
    await register_integration(
        here, principal, client_id=_CLIENT_ID, secret=secret, redirect_uri=redirect
    )
    granted = await kommo.post(f"/integrations/{_CLIENT_ID}/code", {})
    brought = Return(
        client_id=_CLIENT_ID,
        code=SecretStr(granted["code"]),
        referer=kommo.base_url.partition("://")[2],
    )
    return await connect_by_code(here, principal, brought, public_url=address)
