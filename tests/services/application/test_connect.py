"""Connecting, where no account of a local Kommo comes to it."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from services.application.connect import _connect
from services.application.refused import Refused


async def test_F66_a_zone_that_is_not_known_is_refused_before_anything_is_stored() -> None:
    async def account() -> Any:
        return SimpleNamespace(id=7, timezone="Mars/Phobos")

    client: Any = SimpleNamespace(account=account)
    nothing: Any = None

    with pytest.raises(Refused, match="time_zone_unknown"):
        await _connect(
            nothing, client, "https://acme.kommo.com", SecretStr("token"), "https://leads.test"
        )
