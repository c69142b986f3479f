"""Requests of a day in exactly one of three, and leads that nobody asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import AllocationEvent, LeadSeen, RulesApplied
from contracts.kommo.rest import Lead
from contracts.stage import Stage
from domain.state import Account
from services.access.roles import ROLES, Role
from services.application.principal import Principal
from services.application.proof.day import prove
from services.application.proof.ledger import Before, DayLedger
from services.application.proof.orphans import Compared, Listed
from services.application.refused import Refused
from services.application.span import Span
from tests.domain.scenario import NEW as RULED
from tests.domain.scenario import given
from tests.projections.kit import (
    assigned,
    closed,
    deferred,
    opened,
    prepared,
    reading,
    recorded,
    reserved,
    seen,
    withdrawn,
)

DAY = datetime(2026, 10, 13, tzinfo=UTC)
NINE, NIGHT = DAY + timedelta(hours=9), DAY + timedelta(hours=24)
SPAN = Span(start=DAY, end=NIGHT)
NOTHING: Any = None  # nobody gets that far


def ledger(*events: AllocationEvent, before: Account | None = None) -> DayLedger:
    account = before or given().account
    known = Before(connected_at=account.connected_at, rules=account.rules_data)
    found = DayLedger(known, SPAN)
    found.take(recorded(*events))
    return found


def new(lead: int, **rest: Any) -> AllocationEvent:
    return opened(lead, **{"request_id": f"{lead}.1", "stage": RULED, "at": NINE, **rest})


def came(lead: int, **rest: Any) -> LeadSeen:
    return seen(lead, **{"stage": RULED, "at": NINE, **rest})


def test_I2_each_request_of_the_day_is_assigned_waiting_or_closed() -> None:
    given_ = assigned(1, request_id="1.1")
    found = ledger(
        new(1), given_,
        new(2), deferred(2),
        new(3), reading(3), prepared(3), closed(3, reason="no_rule"),
        new(4), reserved(4),
        new(5), assigned(5), withdrawn(assigned(5)), closed(5, reason="taken_by_person"),
    )  # fmt: skip

    assert found.fates == {
        "1.1": "assigned",
        "2.1": "waiting",
        "3.1": "closed no_rule",
        "4.1": "waiting",
        "5.1": "closed taken_by_person",
    }


def test_I2_what_is_none_of_the_three_stays_undecided() -> None:
    assert ledger(new(1)).fates == {"1.1": "undecided"}


def test_requests_of_other_days_are_none_of_it_and_their_leads_are_no_orphans() -> None:
    found = ledger(new(1, at=NIGHT), new(2, at=DAY - timedelta(seconds=1)))

    assert found.fates == {}
    assert found.asked == {1, 2}


def kommos(*leads: tuple[int, Stage], at: datetime = NINE) -> Listed:
    return Listed(
        leads=tuple(
            Lead(
                id=lead,
                responsible_user_id=900,
                status_id=stage.status_id,
                pipeline_id=stage.pipeline_id,
                created_at=at,
                updated_at=at,
            )
            for lead, stage in leads
        ),
        unreadable=0,
        now=NIGHT,
    )


def test_D11_2_a_lead_in_a_stage_of_a_rule_for_which_nobody_asked_is_an_orphan() -> None:
    found = ledger(new(1), came(1))

    compared = kommos((1, RULED), (2, RULED), (3, Stage(9, 90))).held_against(found)

    assert compared == Compared(leads=3, in_stages=2, orphans=(2,), fresh=0, unreadable=0)


def test_one_that_was_seen_and_not_asked_for_is_an_orphan_too() -> None:
    assert kommos((1, RULED)).held_against(ledger(came(1))).orphans == (1,)


def test_D1_7_a_lead_that_was_there_before_a_rule_covered_its_stage_is_none() -> None:
    before = given().account
    rules = before.rules_data
    assert rules is not None
    found = ledger(
        came(1, stage=Stage(7, 77)),
        RulesApplied(
            revision=2,
            rules={**rules, "rules": [{**_first(rules), "stages": [{"pipeline": 7, "stage": 77}]}]},
            by="cli:root",
            at=NINE,
        ),
        before=before,
    )

    assert kommos((1, Stage(7, 77))).held_against(found).orphans == ()


def _first(rules: Any) -> Any:
    return rules["rules"][0]


def test_D1_7_leads_from_before_the_connection_are_none() -> None:
    account = given(at=NINE + timedelta(hours=1)).account

    assert kommos((1, RULED)).held_against(ledger(before=account)).orphans == ()
    assert kommos((1, RULED)).held_against(ledger(before=Account(1))).in_stages == 0


def test_F30_one_that_came_a_moment_ago_may_still_be_found() -> None:
    listed = kommos((1, RULED), at=NIGHT - timedelta(minutes=1))

    compared = listed.held_against(ledger())

    assert (compared.orphans, compared.fresh) == ((), 1)


@pytest.mark.parametrize("role", ["manager", "operator"])
async def test_S8_who_may_not_audit_gets_no_proof(role: Role) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await prove(NOTHING, NOTHING, principal, day=DAY.date(), span=SPAN, now=NIGHT)
