"""Which pages may call, and how soon that is known."""

from dataclasses import replace
from typing import Any

import pytest

from services.application.widget.pages import ancestors_of, origins_of
from services.sandbox.sample import ACCOUNT_ID
from services.widget.cors import KNOWN_S, UNKNOWN_S, KnownOrigins
from tests.services.widget.kit import lobby

ACME, OTHER = "https://acme.kommo.com", "https://other.kommo.com"


async def test_S13_an_account_that_has_just_let_us_in_is_not_kept_waiting() -> None:
    """And whoever makes origins up does not have the database asked each time."""
    allowed, readings, now = {ACME}, [], [0.0]

    async def read() -> frozenset[str]:
        readings.append(now[0])
        return frozenset(allowed)

    known = KnownOrigins(read, lambda: now[0])
    before = [await known.has(each) for each in (ACME, OTHER, OTHER)]
    allowed.add(OTHER)
    now[0] = UNKNOWN_S
    after = [await known.has(each) for each in (ACME, OTHER, ACME)]
    allowed.clear()
    now[0] = UNKNOWN_S + KNOWN_S
    gone = await known.has(ACME)

    assert (before, after, gone) == ([True, False, False], [True, True, True], False)
    assert readings == [0.0, UNKNOWN_S, UNKNOWN_S + KNOWN_S]


@pytest.mark.server
async def test_S24_in_production_only_the_host_that_lets_us_in_may_call_and_no_pattern_of_hosts(
    pool: Any,
) -> None:
    """Outside of it, pages under Kommo's own names may call for an account that is simulated."""
    async with lobby(pool) as here:
        installation = here.here.installation
        simulated = await installation.accounts.get(ACCOUNT_ID)
    real = replace(simulated, base_url="https://acme.kommo.com")
    production = replace(installation, is_production=True)
    sisters = ("https://acme.kommo.com", "https://acme.amocrm.com", "https://acme.amocrm.ru")

    assert origins_of(installation, simulated) == (here.origin, *sisters)
    assert origins_of(production, simulated) == (here.origin,)
    assert origins_of(production, real) == ("https://acme.kommo.com",)
    assert ancestors_of(production, real) == sisters
