"""All accounts side by side, the one that needs somebody most first."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from contracts.events import LEAD, AllocationEvent, RuleStalled, TriggerFellSilent
from contracts.stage import Stage
from services.access.roles import ROLES, SCOPES, Role
from services.application.overview import Trouble, overview, overview_among
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.accounts import AccountRegistry
from services.storage.gone import GoneName, gone
from services.words.source import TROUBLES
from tests.projections.kit import (
    NINE,
    assigned,
    confirmed,
    deferred,
    later,
    opened,
    recorded,
    seen,
)
from tests.services.application.kit import NOTHING, lived

TESTER = Principal(id="cli:tester", scopes=SCOPES)
CONNECT = """
INSERT INTO accounts (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256,
    timezone, directory)
VALUES ($1::bigint, 'acme' || $1::bigint, 'https://acme.kommo.com', '',
    sha256($1::bigint::text::bytea), 'UTC',
    jsonb_build_object('webhooks', $2::text))
"""
GIVEN = (seen(1, at=later(-5)), opened(1), assigned(1), confirmed(1))
# One lead after the other for the same of two.
UNFAIR = tuple(
    event
    for n in range(1, 6)
    for event in (seen(n), opened(n), assigned(n, manager_id=501), confirmed(n))
)
LIVES: dict[int, tuple[AllocationEvent, ...]] = {
    1: GIVEN,
    2: GIVEN,
    3: (seen(1), opened(1), assigned(1)),
    4: GIVEN,
    5: (opened(1),),
    6: (opened(1), deferred(1), RuleStalled(rule_id="new", at=NINE)),
    7: UNFAIR,
    8: (opened(1), deferred(1), opened(2), deferred(2)),
    10: (TriggerFellSilent(rule_id="trigger-1", stage=Stage(7, 61), since=NINE, at=later(30)),),
}


async def test_D1_2_accounts_are_listed_by_what_is_wrong_with_them(pool: Any) -> None:
    for account_id, events in LIVES.items():
        ours = await lived(pool, recorded(*events, account_id=account_id))
        await pool.execute(CONNECT, account_id, "missing" if account_id == 2 else "on")
    await pool.execute(CONNECT, 9, "on")  # of which nothing was heard yet
    await pool.execute(
        "INSERT INTO gateway.stops (account_id, status, cause) VALUES (4, 401, 'token')"
    )
    ours = replace(ours, accounts=AccountRegistry(pool, NOTHING))

    found = await overview(ours, TESTER, now=NINE + timedelta(minutes=6))

    assert [(each.account_id, each.troubles) for each in found] == [
        (4, ("refused_by_kommo",)),
        (2, ("webhooks_off",)),
        (5, ("unaccounted",)),
        (3, ("pushes_late",)),
        (10, ("trigger_silent",)),
        (6, ("stalled",)),
        (7, ("unfair",)),
        (8, ()),
        (1, ()),
        (9, ()),
    ]
    by_id = {each.account_id: each for each in found}
    first = by_id[1]
    assert (first.subdomain, first.given, first.heard_at, first.decided_at) == (
        "acme1",
        1,
        later(-5),
        NINE,
    )
    assert (by_id[8].waiting, by_id[3].pending, by_id[7].given) == (2, 1, 5)
    assert by_id[7].deviation_units == 5 * LEAD // 2
    assert {each.behind for each in found} == {0}
    later_on = await overview(ours, TESTER, now=NINE + timedelta(hours=26))
    assert {each.given for each in later_on} == {0}
    some = await overview_among(ours, {2, 6, 7}.__contains__, now=NINE + timedelta(minutes=6))
    assert some == [each for each in found if each.account_id in {2, 6, 7}]


RULES = {
    "rules": [
        {
            "id": "site",
            "stages": [{"pipeline": 7, "stage": 61}, {"pipeline": 8, "stage": 62}],
            "participants": [{"manager": 501}, {"manager": 502}],
            "duty": {"manager": None, "fallback": 503, "rota": [{"manager": 504}]},
        },
        {"id": "all", "stages": [{"pipeline": 9, "stage": 63}], "participants": []},
    ]
}
THERE = {
    "webhooks": "on",
    "users": [
        {"id": 501, "name": "Ana", "is_active": False},
        {"id": 502, "name": "Bruno", "is_active": True},
        {"id": 504, "name": "Diego", "is_active": False, "is_gone": True},
    ],
    "pipelines": [
        {"id": 7, "name": "Sales", "is_archive": False, "stages": [{"id": 61, "name": "New"}]},
        {"id": 8, "name": "Old", "is_archive": True, "stages": [{"id": 62, "name": "In"}]},
    ],
}


async def test_D2_1_what_rules_name_and_kommo_has_no_more_is_found_by_name(pool: Any) -> None:
    ours = await lived(pool, recorded(*GIVEN, account_id=1))
    ours = replace(ours, accounts=AccountRegistry(pool, NOTHING))
    for account_id in (1, 2):
        await pool.execute(CONNECT, account_id, "on")
        await pool.execute("INSERT INTO readings.rules VALUES ($1, 1, $2)", account_id, RULES)
    await pool.execute("UPDATE accounts SET directory = $1 WHERE account_id = 1", THERE)

    found = await gone(pool)

    site: dict[str, Any] = {"account_id": 1, "rule_ids": ("site",)}
    person = {**site, "pipeline_id": 0, "how": "left"}
    assert found == [  # of account 2 nobody knows who is there
        GoneName(id=501, name="Ana", **person),
        GoneName(id=503, name="", **person),
        GoneName(id=504, name="Diego", **person),
        GoneName(pipeline_id=8, id=62, how="archived", name="Old / In", **site),
        GoneName(account_id=1, pipeline_id=9, id=63, how="deleted", name="", rule_ids=("all",)),
    ]
    assert await gone(pool, [2]) == []
    troubles = {each.account_id: each.troubles for each in await overview(ours, TESTER, now=NINE)}
    assert troubles == {1: ("rules_outdated",), 2: ()}


@pytest.mark.parametrize("role", ["manager", "viewer", "supervisor", "administrator"])
async def test_S8_only_who_keeps_the_installation_sees_all_accounts(role: Role) -> None:
    with pytest.raises(Refused, match="not_allowed"):
        await overview(NOTHING, Principal(id="person:7", scopes=ROLES[role]), now=NINE)


def test_every_trouble_has_its_words() -> None:
    assert get_args(Trouble) == TROUBLES
