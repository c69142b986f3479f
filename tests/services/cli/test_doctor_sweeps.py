"""What the doctor tells of the comparison with Kommo (D11.2), and of passes that ended (D7.3)."""

from datetime import datetime, timedelta
from typing import Any

from projections import repairs, stranded
from services.cli.doctor import _stranded
from services.cli.doctor_sweeps import sweep_of
from services.gateway.postgres import PostgresSweeps, ensure_schema
from services.gateway.sweep import Progress
from services.projector.schema import prepare
from services.storage.accounts import Account
from tests.projections.kit import NINE, apply, closed, deleted, later, recorded, seen


class Beside:
    """What the doctor asks of an installation."""

    def __init__(self, pool: Any, *, is_up: bool = True) -> None:
        self.pool = pool
        self._is_up = is_up

    def running(self) -> object:
        return {} if self._is_up else None


ACME = Account(
    account_id=7,
    subdomain="acme",
    base_url="https://acme.kommo.com",
    timezone="UTC",
    directory={},
    connected_at=NINE,
    updated_at=NINE,
)


async def looked(pool: Any, at: datetime, *, is_up: bool = True) -> tuple[str, str]:
    found = await sweep_of(Beside(pool, is_up=is_up), ACME, at)  # type: ignore[arg-type]
    assert found.subject == "sweep of 7"
    return found.found, found.advice


async def swept(pool: Any) -> None:
    async with pool.acquire() as connection:
        await ensure_schema(connection)
    full_at = NINE - timedelta(hours=3)
    await PostgresSweeps(pool).save(Progress(account_id=7, watermark=NINE, full_at=full_at))


async def test_D11_2_an_account_that_was_never_swept_is_told(pool: Any) -> None:
    await prepare(pool, [repairs])

    assert (await looked(pool, NINE))[0] == "never completed"


async def test_D11_2_the_doctor_tells_the_last_sweep_and_what_was_found(pool: Any) -> None:
    await swept(pool)
    known = {"was_stage": seen().stage, "was_owner_id": 77, "source": "sweep"}
    events = recorded(seen(1, owner_id=501, **known), deleted(2, source="lookup"))
    await apply(pool, repairs, events)

    found, advice = await looked(pool, later(5))
    assert found == (
        "5 min ago, of all leads 3 h ago; leads found before any webhook so far:"
        " 1 moved or handed over, 1 deleted"
    )
    assert advice == ""


async def test_D11_2_a_late_sweep_comes_with_what_to_do_while_fairlead_runs(pool: Any) -> None:
    await swept(pool)
    await prepare(pool, [repairs])

    assert (await looked(pool, later(31)))[1] == "it is late; read the log for sweep_delayed"
    assert (await looked(pool, later(31), is_up=False))[1] == ""


async def test_D7_3_leads_that_nobody_is_left_for_are_named_with_their_rule(pool: Any) -> None:
    await prepare(pool, [stranded])
    assert [each async for each in _stranded(Beside(pool))] == []  # type: ignore[arg-type]

    end = closed(900_001, reason="pass_exhausted", detail="site", at=later(30))
    await apply(pool, stranded, recorded(end))

    (found,) = [each async for each in _stranded(Beside(pool))]  # type: ignore[arg-type]
    assert found.subject == "passes of rule site of 7"
    assert found.found == (
        "leads that nobody worked on, with the last manager: 1, as 900001, the longest since"
        " 2026-03-02 09:30 UTC"
    )
    assert found.advice == "name a duty manager in the rule, or somebody for them in Kommo"
