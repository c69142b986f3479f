"""Who may say that others are told, and what they are told of what was told (A8.4, S14)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.access.roles import ROLES, SCOPES
from services.application import keys, webhooks
from services.application.doctor import webhooks as doctor
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.outgoing.post import Attempt
from services.outgoing.signatures import PREFIX
from services.outgoing.work import WebhookWork
from services.storage.accounts import AccountRegistry
from services.storage.dead_letters import DeadLetters
from services.storage.events import EventStore
from services.storage.webhook_deliveries import NewDelivery, list_deliveries
from tests.services.application.kit import NOTHING, account_of
from tests.services.outgoing.kit import ACCOUNT, desk
from tests.support.vault import VAULT

pytestmark = pytest.mark.server

US = account_of(ACCOUNT)
BOSS = Principal(id="cli:boss", scopes=SCOPES)
URL = "https://hooks.example.com/in"


async def outside(name: str) -> Sequence[str]:
    assert name
    return ["93.184.215.14"]


async def installation(pool: Any, *, production: bool = True) -> Installation:
    await desk(pool)
    return Installation(
        data=NOTHING,
        database=None,
        pool=pool,
        wakeup=NOTHING,
        events=EventStore(pool),
        accounts=AccountRegistry(pool, VAULT),
        dead_letters=DeadLetters(pool, VAULT),
        log=NOTHING,
        is_production=production,
    )


async def added(here: Installation, name: str = "crm", **rest: Any) -> webhooks.NewTarget:
    what = {"url": URL, "resolve": outside, **rest}
    return await webhooks.add_target(here, US, BOSS, name, **what)


async def listed(here: Installation, count: int, target: str = "crm") -> None:
    new = [
        NewDelivery(message_id=f"{ACCOUNT}-{n}", version=n, type="lead.seen", body="{}")
        for n in range(1, count + 1)
    ]
    async with here.pool.acquire() as connection:
        await list_deliveries(connection, ACCOUNT, target, new)


async def not_taken(here: Installation, **rest: Any) -> datetime:
    """The first delivery was tried for the last time."""
    now = datetime.now(UTC) + timedelta(minutes=1)
    (due,) = await WebhookWork(here.pool).due(now, limit=1)
    await WebhookWork(here.pool).not_taken(
        due.delivery,
        Attempt(failure="status", status=500),
        at=now,
        next_at=None,
        off_after=rest.get("off_after", timedelta(days=3)),
    )
    return now


async def refused(asked: Any) -> str:
    with pytest.raises(Refused) as error:
        await asked
    return error.value.code


async def test_A8_4_a_secret_is_shown_once_and_told_to_nobody_else(pool: Any) -> None:
    here = await installation(pool)
    new = await added(here, events=["lead.assigned", "lead.assigned", "lead.seen"])
    (target,) = await webhooks.targets(here, US, BOSS)

    assert new.secret.get_secret_value().startswith(PREFIX)
    assert (target.name, target.url, target.events, target.made_by) == (
        "crm",
        URL,
        ("lead.assigned", "lead.seen"),
        "cli:boss",
    )
    assert new.secret.get_secret_value() not in repr((new, target))


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"name": "CRM"}, "target_name_unusable"),
        ({"name": ""}, "target_name_unusable"),
        ({"name": "a" * 65}, "target_name_unusable"),
        ({"events": ["lead.invented"]}, "target_event_unknown"),
        ({"url": "http://hooks.example.com/"}, "target_address"),
        ({"url": "http://127.0.0.1:8000/"}, "target_address"),
        ({"url": "https://10.0.0.1/"}, "target_address"),
    ],
)
async def test_S14_what_is_no_target_is_refused(pool: Any, what: dict[str, Any], code: str) -> None:
    here = await installation(pool)

    assert await refused(added(here, **what)) == code
    assert await webhooks.targets(here, US, BOSS) == []


async def test_S14_a_name_that_means_somebody_inside_is_refused_when_it_is_added(pool: Any) -> None:
    async def inside(name: str) -> Sequence[str]:
        return ["93.184.215.14", "10.0.0.1"] if name else []

    async def unknown(name: str) -> Sequence[str]:
        raise OSError(name)

    here = await installation(pool)
    for resolve in (inside, unknown):
        assert await refused(added(here, resolve=resolve)) == "target_address"


async def test_S14_a_server_of_the_machine_is_a_target_on_a_desk(pool: Any) -> None:
    async def here_only(name: str) -> Sequence[str]:
        return ["127.0.0.1"] if name == "127.0.0.1" else []

    here = await installation(pool, production=False)
    new = await added(here, url="http://127.0.0.1:8000/", resolve=here_only)

    assert new.name == "crm"


async def test_A8_4_names_are_taken_once_and_targets_are_few(pool: Any) -> None:
    here = await installation(pool)
    await added(here)
    assert await refused(added(here)) == "target_name_taken"
    for number in range(1, webhooks.TARGETS_MAX):
        await added(here, f"crm{number}")

    assert await refused(added(here, "more")) == "too_many_targets"
    await webhooks.remove_target(here, US, BOSS, "crm")
    assert await refused(webhooks.remove_target(here, US, BOSS, "crm")) == "target_unknown"
    await added(here, "more")


async def test_A9_2_whoever_may_not_say_who_has_access_may_none_of_it(pool: Any) -> None:
    here = await installation(pool)
    await added(here)
    others = [
        Principal(id="person:7", scopes=scopes)
        for scopes in (ROLES["viewer"], ROLES["supervisor"], ROLES["operator"], frozenset())
    ]
    for who in others:
        for asked in (
            webhooks.targets(here, US, who),
            webhooks.add_target(here, US, who, "b", url=URL, resolve=outside),
            webhooks.remove_target(here, US, who, "crm"),
            webhooks.rotate_secret(here, US, who, "crm"),
            webhooks.ping(here, US, who, "crm"),
            webhooks.deliveries(here, US, who),
            webhooks.delivery(here, US, who, "crm", "x"),
            webhooks.redeliver(here, US, who, "crm"),
        ):
            assert await refused(asked) == "not_allowed"
    administrator = Principal(id="person:8", scopes=ROLES["administrator"])
    assert len(await webhooks.targets(here, US, administrator)) == 1


async def test_A8_4_deliveries_are_listed_by_pages_the_newest_first(pool: Any) -> None:
    here = await installation(pool)
    await added(here)
    await added(here, "other")
    await listed(here, 7)
    found = await webhooks.deliveries(here, US, BOSS, target="crm", limit=4)
    rest = await webhooks.deliveries(here, US, BOSS, target="crm", beside=found[-1].place, limit=9)

    assert sorted(each.version for each in (*found, *rest)) == [1, 2, 3, 4, 5, 6, 7]
    assert (len(found), len(rest)) == (4, 3)
    assert await webhooks.deliveries(here, US, BOSS, target="other") == []
    assert await webhooks.deliveries(here, US, BOSS, state="failed") == []
    assert await refused(webhooks.deliveries(here, US, BOSS, target="none")) == "target_unknown"


async def test_A8_4_what_failed_is_sent_once_more_and_so_is_any_single_one(pool: Any) -> None:
    here = await installation(pool)
    await added(here)
    await listed(here, 2)
    assert await refused(webhooks.redeliver(here, US, BOSS, "crm")) == "nothing_to_redeliver"
    await not_taken(here)
    (failed,) = await webhooks.deliveries(here, US, BOSS, state="failed")

    assert (failed.version, failed.attempts, failed.status) == (1, 1, 500)
    assert await webhooks.redeliver(here, US, BOSS, "crm") == [failed.message_id]
    again = await webhooks.delivery(here, US, BOSS, "crm", failed.message_id)
    assert (again.state, again.attempts, again.first_at) == ("pending", 0, None)
    one = webhooks.redeliver(here, US, BOSS, "crm", "nothing")
    assert await refused(one) == "delivery_unknown"


async def test_A8_4_a_ping_is_a_delivery_of_its_own(pool: Any) -> None:
    here = await installation(pool)
    await added(here)
    message_id = await webhooks.ping(here, US, BOSS, "crm")
    found = await webhooks.delivery(here, US, BOSS, "crm", message_id)

    assert (found.type, found.version, found.state) == ("ping", 0, "pending")
    assert await refused(webhooks.ping(here, US, BOSS, "none")) == "target_unknown"


async def test_A8_4_the_doctor_tells_who_takes_nothing_and_who_was_given_up(pool: Any) -> None:
    here = await installation(pool)
    await added(here)
    await listed(here, 2)
    assert [each async for each in doctor.findings(here)] == []
    await not_taken(here)
    (failing,) = [each async for each in doctor.findings(here)]
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE webhook_targets SET rests_until = NULL")
    await not_taken(here, off_after=timedelta())
    (off,) = [each async for each in doctor.findings(here)]

    assert failing.found.id == "doctor.webhook_target_failing"
    assert off.found.id == "doctor.webhook_target_off"
    assert off.remedy is not None


async def test_S17_secrets_are_sealed_anew_with_another_master_key(pool: Any) -> None:
    here = await installation(pool)
    new = await added(here)
    rotated = await webhooks.rotate_secret(here, US, BOSS, "crm")
    vault = type(VAULT)((b"n" * 32, *VAULT.keys))
    await keys.reseal(replace(here, accounts=AccountRegistry(pool, vault)), BOSS)
    only_new = replace(here, accounts=AccountRegistry(pool, type(VAULT)((b"n" * 32,))))

    found = await webhooks._targets(only_new).secrets(ACCOUNT, "crm")
    assert found == (rotated.secret, new.secret)
