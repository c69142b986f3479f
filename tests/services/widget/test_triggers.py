"""A trigger is a rule: from its form to the lead's manager, by the real ingress (D1.4, D1.8)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from contracts.sentences import sentence
from services.application.awaited_hooks import is_due, read_due
from services.application.doctor.letters import findings
from services.application.widget.triggers import hook_address, rules_of
from services.ingress.app import serve
from services.ingress.settings import IngressSettings
from services.log.postgres import PostgresLogWriter
from services.sandbox.sample import ACCOUNT_ID, ADMIN_ID
from services.shared.errors import Unavailable
from services.shared.wall_clock import utc_now
from services.storage import widget_rules
from tests.domain.scenario import ANN, BOB, NEW, WORK, rule
from tests.services.oauth.kit import OPERATOR
from tests.services.widget.kit import Lobby, at_work
from tests.services.widget.test_screens import problem, screen

pytestmark = pytest.mark.server

SETTLED = "SELECT reason, settled_by FROM dead_letters WHERE state = 'replayed'"
ROWS = "SELECT reason FROM dead_letters ORDER BY id"


@dataclass
class Table:
    """That of the revisions; it can be away."""

    here: Lobby
    is_away: bool = False

    async def find(
        self, account_id: int, rule_id: str, revision: int
    ) -> widget_rules.TriggerRevision | None:
        if self.is_away:
            raise Unavailable("the database does not answer")
        return await rules_of(self.here.here.installation).get(account_id, rule_id, revision)


@asynccontextmanager
async def receiving(here: Lobby, table: Table) -> AsyncIterator[int]:
    """Ingress on a port of its own."""
    installation, stop = here.here.installation, asyncio.Event()
    bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(
            log_writer=PostgresLogWriter(installation.pool),
            dead_letters=installation.dead_letters,
            accounts=installation.accounts,
            settings=IngressSettings(directory_wait_ms=1),
            host="127.0.0.1",
            port=0,
            stop=stop,
            on_bound=bound.set_result,
            find=table.find,
        )
    )
    try:
        await asyncio.wait({bound, running}, return_when=asyncio.FIRST_COMPLETED)
        yield bound.result()
    finally:
        stop.set()
        await running


def hook(lead_id: int, carried: dict[str, Any], **others: Any) -> str:
    """As Kommo posts a trigger (kommo.md 2.2)."""
    flat = {
        "event[type]": 14,
        "event[type_code]": "lead_status_changed",
        "event[time]": int((utc_now() - timedelta(seconds=5)).timestamp()),
        "event[data][id]": lead_id,
        "event[data][element_type]": 2,
        "event[data][status_id]": NEW.status_id,
        "event[data][pipeline_id]": NEW.pipeline_id,
        **{f"action[settings][widget][settings][{k}]": v for k, v in carried.items()},
        "subdomain": "acme",
        "account_id": ACCOUNT_ID,
        **others,
    }
    return urlencode(flat)


def body(form: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"pipeline": NEW.pipeline_id, "stage": NEW.status_id, "form": form, **others}


def of(*managers: int, **others: Any) -> dict[str, Any]:
    """A form for these."""
    return {"participants": [{"manager": each} for each in managers], **others}


async def test_D1_8_a_form_is_in_force_once_a_trigger_carries_it_and_distributes_its_lead(  # noqa: PLR0915 - one job
    pool: Any,
) -> None:
    others = rule(BOB, rule_id="of-file", stages=[WORK])
    async with (
        at_work(pool, others, trust_webhooks=True) as (here, office),
        here.working(ADMIN_ID) as boss,
        here.working(ANN) as ann,
        receiving(here, table := Table(here)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as kommo,
    ):
        installation = here.here.installation
        account = await installation.accounts.get(ACCOUNT_ID)
        address = await hook_address(installation, account, OPERATOR)
        again = await hook_address(installation, account, OPERATOR)
        path = httpx.URL(address.get_secret_value()).path
        headers = {"content-type": "application/x-www-form-urlencoded"}

        async def fire(lead_id: int, carried: dict[str, Any], **rest: Any) -> int:
            answer = await kommo.post(path, content=hook(lead_id, carried, **rest), headers=headers)
            await office.caught_up()
            return answer.status_code

        empty = await screen(boss, screen="trigger", pipeline=NEW.pipeline_id, stage=NEW.status_id)
        refused = await ann.post("/widget/v1/rules", json=body(of(ANN)))
        wrong = await boss.post(
            "/widget/v1/rules", json=body(of(ANN, 424_242, limit={"max": -1}, schedule="none"))
        )
        first = (await boss.post("/widget/v1/rules", json=body(of(ANN)))).json()
        unused = (
            await boss.post("/widget/v1/rules", json=body(of(BOB), rule=first["rule"]))
        ).json()
        before: Any = (await here.account()).rules_data
        carried = {name: first[name] for name in ("rule", "rev", "key")}
        taken = await fire(1, carried)
        owner = (await here.account()).owner_of(1)

        # Opened with what it holds, it comes into force before any hook.
        held = {"rule": unused["rule"], "rev": unused["rev"]}
        there = await screen(
            boss, screen="trigger", pipeline=NEW.pipeline_id, stage=NEW.status_id, **held
        )
        of_copy = await fire(2, carried)
        second = (await here.account()).owner_of(2)

        quiet = [
            await fire(3, {**carried, "key": "guessed"}),
            await fire(4, {**carried, "rev": 99}),
            await fire(5, carried, account_id=ACCOUNT_ID + 1),
        ]
        kept = [row[0] for row in await pool.fetch(ROWS)]
        asked = [(await here.account()).leads.get(lead) for lead in (3, 4, 5)]

        third = (await boss.post("/widget/v1/rules", json=body(of(ANN), rule=first["rule"]))).json()
        table.is_away = True
        await fire(6, {**carried, "rev": third["rev"]})
        table.is_away = False
        unread = [row[0] for row in await pool.fetch(ROWS)][3:]
        told = [each.found async for each in findings(installation.dead_letters)]
        read_later = await read_due(installation, since=None, now=utc_now())
        await office.caught_up()
        of_hook = (await here.account()).owner_of(6)
        settled = await pool.fetch(SETTLED)

        file = await boss.post("/widget/v1/rules", json=body(of(BOB), rule="of-file"))
        opened = await boss.post(
            "/widget/v1/rules",
            json=body(of(BOB), rule=first["rule"], separate=True, stage=WORK.status_id),
        )
        switched = await boss.put(
            "/widget/v1/activity", json={"enabled": True, "managers_may_change": False}
        )
        rules: Any = (await here.account()).rules_data
        separate = await boss.post(
            "/widget/v1/rules", json=body(of(BOB), rule=opened.json()["rule"], stage=WORK.status_id)
        )
        later = await rules_of(installation).get(
            ACCOUNT_ID, separate.json()["rule"], separate.json()["rev"]
        )

    assert again.get_secret_value() == address.get_secret_value()
    assert (empty["rule"], empty["here"]["place"], empty["form"]["everyone"]) == (None, 1, True)
    assert problem(refused) == (403, "not-allowed")
    assert wrong.status_code == 422
    pointers = {each["pointer"] for each in wrong.json()["errors"]}
    assert "/form/limit/max" in pointers
    assert all(each.startswith("/form") for each in pointers)
    assert (first["rev"], unused["rev"], first["key"]) == (1, 2, unused["key"])
    assert [each["id"] for each in before["rules"]] == ["of-file"]
    assert (taken, owner) == (200, ANN)
    assert (there["rev"], there["form"]["participants"]) == (2, [{"manager": BOB}])
    assert there["here"] == {
        "place": 1,
        "of": 1,
        "after": [],
        "others": [],
        "is_copy_of": None,
        "both_unconditional": False,
    }
    assert (of_copy, second) == (200, BOB)
    assert quiet == [200, 200, 200]
    assert [each.partition(" of account")[0] for each in kept] == [
        "the trigger's key is not the account's",
        "the trigger's rule has no revision 99 here",
        "the secret is",
    ]
    assert asked == [None, None, None]
    assert unread == ["the trigger's rule could not be looked up in time"]
    assert sentence("doctor.triggers_unknown", count=2) in told
    assert (read_later, of_hook) == (1, ANN)
    assert [tuple(row) for row in settled] == [(unread[0], "fairlead")]
    assert problem(file) == (409, "rule-of-file")
    assert opened.json()["rule"] != first["rule"]
    assert separate.json()["rev"] == 2
    assert (later and later.separated_from) == first["rule"]
    assert switched.status_code == 200
    assert [each["id"] for each in rules["rules"]] == ["of-file", first["rule"]]


def test_D1_8_what_waits_for_its_revision_is_read_again_after_growing_pauses_for_an_hour() -> None:
    came = utc_now()
    looks = [came + timedelta(seconds=5 * each) for each in range(1, 900)]
    ages = [
        (now - came).total_seconds()
        for since, now in pairwise([came, *looks])
        if is_due(came, since, now)
    ]

    assert ages == [5, 15, 45, 120, 300, 900, 1_800, 3_600]
    assert is_due(came, None, looks[0])
