"""What the doctor tells of the comparison with Kommo (D11.2), and of passes that ended (D7.3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.sentences import sentence
from projections import repairs, unassigned
from services.application.doctor.engine import unassigned_leads
from services.application.doctor.finding import Diagnosis
from services.application.doctor.sweeps import sweep_of
from services.gateway.postgres import PostgresSweeps
from services.gateway.sweep import Progress
from services.projector.schema import prepare
from services.storage.accounts import RegisteredAccount
from services.words.catalogue import Words
from tests.projections.kit import NINE, apply, closed, deleted, later, recorded, seen


class Beside:
    """What the doctor asks of an installation."""

    def __init__(self, pool: Any, *, is_up: bool = True) -> None:
        self.pool = pool
        self._is_up = is_up

    def running(self) -> object:
        return {} if self._is_up else None


ACME = RegisteredAccount(
    account_id=7,
    subdomain="acme",
    base_url="https://acme.kommo.com",
    timezone="UTC",
    directory={},
    connected_at=NINE,
    updated_at=NINE,
)


WORDS = Words(language="en", zone=UTC)


async def looked(pool: Any, at: datetime, *, is_up: bool = True) -> Diagnosis:
    found = await sweep_of(Beside(pool, is_up=is_up), ACME, at)  # type: ignore[arg-type]
    assert found.subject == sentence("doctor.sweep", account=7)
    return found


async def swept(pool: Any) -> None:
    full_at = NINE - timedelta(hours=3)
    await PostgresSweeps(pool).save(Progress(account_id=7, watermark=NINE, full_at=full_at))


async def test_D11_2_an_account_that_was_never_swept_is_told(pool: Any) -> None:
    await prepare(pool, [repairs])

    found = await looked(pool, NINE)

    assert (found.found.id, found.severity) == ("doctor.never_swept", "passing")


async def test_D11_2_the_doctor_tells_the_last_sweep_and_what_was_found(pool: Any) -> None:
    await swept(pool)
    known = {"was_stage": seen().stage, "was_owner_id": 77, "source": "sweep"}
    events = recorded(seen(1, owner_id=501, **known), deleted(2, source="lookup"))
    await apply(pool, repairs, events)

    found = await looked(pool, later(5))

    assert WORDS.say(found.found) == (
        "5 minutes ago, of all leads 3 hours ago; leads found before any webhook so far:"
        " 1 moved or with another manager, 1 deleted"
    )
    assert found.remedy is None


async def test_F30_the_doctor_tells_what_the_last_sweeps_took(pool: Any) -> None:
    await prepare(pool, [repairs])
    full_at = NINE - timedelta(hours=3)
    progress = Progress(account_id=7, watermark=NINE, full_at=full_at, full_requests=812)
    await PostgresSweeps(pool).save(progress)
    alone = await looked(pool, later(5))
    await PostgresSweeps(pool).save(replace(progress, window_requests=1))
    both = await looked(pool, later(5))

    before = "5 minutes ago, of all leads 3 hours ago (the last took "
    after = "); no lead found before its webhook so far"
    assert WORDS.say(alone.found) == f"{before}812 for all leads{after}"
    assert WORDS.say(both.found) == (
        f"{before}1 request for what changed, 812 for all leads{after}"
    )
    assert await PostgresSweeps(pool).load(7) == replace(progress, window_requests=1)


async def test_D11_2_a_late_sweep_comes_with_what_to_do_while_fairlead_runs(pool: Any) -> None:
    await swept(pool)
    await prepare(pool, [repairs])

    assert (await looked(pool, later(31))).remedy == sentence("remedy.sweep_is_late")
    assert (await looked(pool, later(31), is_up=False)).remedy is None


async def test_D7_3_leads_that_nobody_is_left_for_are_named_with_their_rule(pool: Any) -> None:
    await prepare(pool, [unassigned])
    assert [each async for each in unassigned_leads(Beside(pool))] == []  # type: ignore[arg-type]

    end = closed(900_001, reason="pass_exhausted", detail="site", at=later(30))
    await apply(pool, unassigned, recorded(end))

    (found,) = [each async for each in unassigned_leads(Beside(pool))]  # type: ignore[arg-type]
    assert found.subject == sentence("doctor.passes", rule="site", account=7)
    assert found.found == sentence("doctor.stranded", count=1, example=900_001, since=later(30))
    assert found.remedy == sentence("remedy.name_duty")
