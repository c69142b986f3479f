"""Connecting, where no account of a local Kommo comes to it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from services.application.connect import Step, Way, _admit
from services.application.refused import Refused
from services.storage.accounts import Admission
from services.words.source import CONNECTING

WAY = Way(
    base_url="https://acme.kommo.com",
    admission=Admission(token=SecretStr("token")),
    public_url="https://leads.test",
)


async def test_F66_a_zone_that_is_not_known_is_refused_before_anything_is_stored() -> None:
    async def account() -> Any:
        return SimpleNamespace(id=7, subdomain="acme", timezone="Mars/Phobos")

    client: Any = SimpleNamespace(account=account)
    nothing: Any = None

    with pytest.raises(Refused, match="time_zone_unknown"):
        await _admit(nothing, client, WAY)


@pytest.mark.parametrize(
    ("account_id", "subdomain", "only"), [(8, "acme", 7), (7, "another", None), (7, "acme", 9)]
)
async def test_S15_another_account_than_named_is_refused(
    account_id: int, subdomain: str, only: int | None
) -> None:
    async def account() -> Any:
        return SimpleNamespace(id=account_id, subdomain=subdomain, timezone="UTC")

    client: Any = SimpleNamespace(account=account)
    nothing: Any = None

    with pytest.raises(Refused, match="another_account"):
        await _admit(nothing, client, replace(WAY, only=only))


def test_every_step_of_connecting_has_words() -> None:
    assert get_args(Step) == CONNECTING
