"""Every event of a lead's story, in English: each branch says what it should (D10.2)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import (
    LEAD,
    AllocationEvent,
    AssignmentWithdrawn,
    DistributionOrdered,
    HandoverOrdered,
    KindCredits,
    LeadAssigned,
    LeadSeen,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    Outcome,
    OwnerDebt,
    OwnerStanding,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    Standing,
    TimerScheduled,
    Verdict,
)
from contracts.rules import KindSection, LedgerSection
from contracts.stage import Stage
from domain.explain.kinds import kind_name
from domain.explain.requests import ordered
from domain.explain.story import told
from domain.kinds import compile_kinds
from services.words.catalogue import Words
from tests.support.words import in_words

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEN = NINE.replace(hour=10)
STAGE = Stage(1, 11)
OF_REQUEST: dict[str, Any] = {"request_id": "7.1", "lead_id": 7, "at": NINE}


def standing(manager: int, verdict: Verdict = "eligible", **changes: Any) -> Standing:
    values: dict[str, Any] = {
        "tier": 1,
        "credit": 0,
        "share": 0,
        "last_turn": 0,
        "open_leads": 3,
        "limit": None,
    }
    return Standing(manager_id=manager, verdict=verdict, **values | changes)


def given_to_one(*others: Standing, **changes: Any) -> LeadAssigned:
    """A fair share that M1 won."""
    values: dict[str, Any] = {
        "attempt": 1,
        "turn": 1,
        "manager_id": 1,
        "rule_id": "site",
        "revision": 2,
        "policy": "fair_share",
        "policy_version": 1,
        "ledger": "account",
        "tier": 1,
        "stage": STAGE,
        "responsible_before": None,
        "was_owner_id": None,
        "standings": (standing(1, credit=400_000_000, share=500_000_000), *others),
        "movements": (),
        "reason": "largest_credit",
        "tzdata": "2026.6",
    }
    return LeadAssigned(**OF_REQUEST, **values | changes)


def test_who_got_a_lead_comes_first_then_why_then_everybody_else() -> None:
    event = given_to_one(standing(2, credit=-100_000_000, share=500_000_000))

    assert in_words(event) == [
        'M1 got lead 7 under rule "site" (revision 2).',
        "Of the people with priority 1, 2 of 2 could take it.",
        "M1 had the most credit: +0.400 before, +0.500 for this lead.",
        "Not M2: -0.100 before, +0.500 for this lead.",
    ]


def test_D3_9_a_decision_in_kind_tells_what_was_owed_in_it() -> None:
    event = given_to_one(
        standing(2, credit=-100_000_000, share=500_000_000),
        reason="largest_sum",
        kinds=(KindCredits("source", 14001, (800_000_000, -800_000_000)),),
    )
    ledgers = compile_kinds({"account": LedgerSection(kinds=["source"])})

    assert in_words(event, ledgers=ledgers)[2:] == [
        (
            "M1 was owed the most, in all and in this kind of lead: +0.400 in all,"
            " +0.800 of the leads from source 14001, and +0.500 in each for this lead."
        ),
        (
            "Not M2: -0.100 in all, -0.800 of the leads from source 14001, and +0.500 in each for"
            " this lead."
        ),
    ]
    assert "of a kind that the rules do not name" in in_words(event)[2]


def _kind(**section: Any) -> KindSection:
    return KindSection.model_validate(section)


@pytest.mark.parametrize(
    ("kind", "place", "name"),
    [
        ("source", 14001, "from source 14001"),
        ("source", None, "from no source"),
        ("stage", 11, "in stage 11"),
        (_kind(tags=["VIP"]), 0, 'with the tag "VIP"'),
        (_kind(tags=["VIP"]), None, "with no tag that is told apart"),
        (_kind(price=[1000, 9000]), 0, "with a price below 1000"),
        (_kind(price=[1000, 9000]), 1, "with a price from 1000 to below 9000"),
        (_kind(price=[1000, 9000]), 2, "with a price from 9000"),
        (_kind(price=[1000, 9000]), None, "without a price"),
        (_kind(field={"id": 5, "values": ["Big"]}), 0, 'with "Big" in field 5'),
        (
            _kind(field={"id": 5, "values": ["Big"]}),
            None,
            "with nothing that is told apart in field 5",
        ),
    ],
)
def test_D3_9_each_kind_has_a_name(kind: Any, place: int | None, name: str) -> None:
    ledgers = compile_kinds({"account": LedgerSection(kinds=[kind])})
    (dimension,) = ledgers["account"]
    number = place or 0
    if dimension.numbers is not None:
        number = 0 if place is None else dimension.numbers[place]

    assert Words().say(kind_name(ledgers, "account", dimension.what, number)) == name


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (standing(2, "inactive"), "not an active user of Kommo"),
        (standing(2, "excluded"), "has the coefficient 0"),
        (standing(2, "paused"), "paused"),
        (standing(2, "off_shift"), "off shift"),
        (standing(2, "absent"), "absent"),
        (standing(2, "already_tried"), "was offered this lead before"),
        (standing(2, "at_limit", open_leads=5, limit=5), "at the limit, with 5 of 5 leads open"),
        (standing(2, "at_limit"), "at the limit"),
        (standing(2, "at_limit", cap="hour"), "as many leads this hour as the cap allows"),
        (standing(2, "at_limit", cap="day"), "as many leads today as the cap allows"),
        (standing(2, "at_limit", cap="week"), "as many leads this week as the cap allows"),
        (
            standing(2, "at_limit", cap="pace"),
            "as many of the waiting leads in this interval as the pace allows",
        ),
        (
            standing(2, tier=2),
            "has priority 2, and is asked only when nobody with priority 1 can take it",
        ),
    ],
)
def test_why_somebody_did_not_get_it_is_told_by_what_kept_them_away(
    other: Standing, why: str
) -> None:
    assert in_words(given_to_one(other))[-1] == f"Not M2: {why}."


def test_D3_6_whoever_has_no_limit_is_compared_without_one() -> None:
    event = given_to_one(
        standing(2, limit=10), policy="most_available", reason="largest_free_share"
    )

    assert in_words(event)[2:] == [
        "M1 had the largest part of the limit left: 3 open and no limit, credit +0.400.",
        "Not M2: 3 of 10 leads open, 70% left, credit +0.000.",
    ]


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        ("off_hours", "nobody was at work"),
        ("overflow", "everybody at work had been at the limit for too long"),
        ("age_limit", "it had waited longer than the age limit"),
        ("pass_exhausted", "everybody who could take it had been offered it"),
        ("hops_exhausted", "it had been passed on as often as the rule allows"),
        (None, "the rule says so"),
    ],
)
def test_D7_4_why_a_lead_went_to_duty_is_told(cause: Any, why: str) -> None:
    event = given_to_one(
        standing(2), policy="duty", reason="duty", because=cause, duty=(standing(1),)
    )

    assert in_words(event)[1:] == [
        f"It went to duty: {why}. M1 has duty.",
        "Duty leads count neither in the ledger nor in the limits.",
        "Not M2: could have taken it.",
    ]


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        (("lead", "eligible", None), "responsible for the lead, and gets it as the owner."),
        (("contact", "not_an_owner", None), "its main contact, but is no owner under this rule."),
        (("company", "paused", None), "its company, but paused."),
        (
            ("other_lead", "off_shift", TEN),
            "the contact's latest other lead, but off shift until 2026-03-02 10:00:00 UTC.",
        ),
    ],
)
def test_D6_2_whose_it_was_and_what_followed_is_told(owner: Any, said: str) -> None:
    source, verdict, back_at = owner
    owners = (OwnerStanding(source, 2, verdict, back_at),)

    assert in_words(given_to_one(owners=owners))[1].endswith(said)


def test_D6_5_a_lead_that_stays_while_its_things_move_is_told() -> None:
    assert in_words(given_to_one(keeps_lead=True))[-1] == (
        "Only what belongs to the lead changes hands; the lead itself stays."
    )


def test_D6_1_an_owners_lead_outside_of_the_ledger_costs_nothing_and_compares_nobody() -> None:
    event = given_to_one(standing(2), policy="owner", reason="owner")

    assert in_words(event) == ['M1 got lead 7 under rule "site" (revision 2).']


def test_D3_1_what_everybody_has_afterwards_is_told() -> None:
    event = given_to_one(
        standing(2, credit=-100_000_000, share=500_000_000),
        movements=((1, -500_000_000), (2, 500_000_000)),
    )

    assert in_words(event)[-1] == "Credit afterwards: M1 -0.100, M2 +0.400."


def test_D3_7_so_is_what_an_owner_has_who_shares_nothing() -> None:
    event = given_to_one(
        policy="owner",
        reason="owner",
        owner_debt=OwnerDebt(credit=250_000_000, max_units=LEAD),
        standings=(standing(2),),
        movements=((1, -LEAD), (2, LEAD)),
    )

    assert in_words(event)[-1] == "Credit afterwards: M1 -0.750, M2 +1.000."


@pytest.mark.parametrize(
    ("responsible", "told_"),
    [
        (None, "11 of pipeline 1; who is responsible is not known yet. Told by a webhook."),
        (0, "11 of pipeline 1, and nobody is responsible. Told by a webhook."),
        (9, "11 of pipeline 1, and M9 is responsible. Told by a webhook."),
    ],
)
def test_D1_1_where_a_lead_was_seen_is_told(responsible: int | None, told_: str) -> None:
    event = LeadSeen(
        lead_id=7,
        stage=STAGE,
        responsible_id=responsible,
        modified_at=None,
        was_stage=None,
        was_owner_id=None,
        owner_id=None,
        source="webhook",
        at=NINE,
    )

    assert in_words(event) == [f"lead 7 is in stage {told_}"]


def test_D1_1_that_it_asks_for_a_manager_is_told() -> None:
    request = RequestOpened(**OF_REQUEST, rule_id="site", stage=STAGE, source="sweep")

    assert in_words(request) == ["it asks for a manager: request 7.1, begun by a sweep."]


def test_D1_5_what_kommo_is_read_for_first_is_told() -> None:
    event = ReadingRequested(
        **OF_REQUEST, stage=STAGE, revision=1, parts=("lead", "contact"), next_look_at=TEN
    )

    assert in_words(event) == [
        (
            "Kommo is asked first about the lead, its main contact; if it has not answered by"
            " 2026-03-02 10:00:00 UTC, it is decided without."
        )
    ]


def test_D1_1_who_had_a_lead_distributed_is_told() -> None:
    request = RequestOpened(**OF_REQUEST, rule_id="site", stage=STAGE, source="operator")
    order = DistributionOrdered(by="administrator zoe", lead_ids=(7,), skipped=(), at=NINE)

    assert Words().say(ordered(request, order)) == (
        "Request 7.1 comes from an order: administrator zoe had the lead distributed."
    )


@pytest.mark.parametrize(("by", "who"), [("administrator zoe", "administrator zoe"), ("9", "M9")])
def test_D9_3_who_handed_whose_leads_over_is_told(by: str, who: str) -> None:
    request = RequestOpened(**OF_REQUEST, rule_id="site", stage=STAGE, source="handover")
    order = HandoverOrdered(
        handover_id="h", manager_id=2, by=by, rule_id=None, lead_ids=(7,), skipped=(), at=NINE
    )

    assert Words(name=lambda manager: f"M{manager}").say(ordered(request, order)) == (
        f"Request 7.1 comes from a handover: {who} handed over the open leads of M2."
    )


PREPARED = RequestPrepared(
    **OF_REQUEST,
    rule_id="site",
    outcomes=(
        Outcome("vip", "tags", is_met=False),
        Outcome("vip", "price", is_met=None),
        Outcome("site", "sources", is_met=True),
        Outcome("site", "field 184994", is_met=True),
        Outcome("site", "contact field 185002", is_met=True),
    ),
    responsibles=(),
    unread=(),
)


def test_D1_5_how_each_condition_came_out_is_told() -> None:
    assert in_words(PREPARED) == [
        'Request 7.1 falls under rule "site".',
        'Rule "vip": the condition on tags does not hold.',
        'Rule "vip": the condition on the price could not be checked; Kommo did not tell.',
        'Rule "site": the condition on the source holds.',
        'Rule "site": the condition on field 184994 holds.',
        'Rule "site": the condition on field 185002 of the contact holds.',
    ]


def test_D1_5_what_was_decided_without_is_told() -> None:
    event = replace(PREPARED, rule_id=None, outcomes=(), unread=("contact", "other_lead"))

    assert in_words(event) == [
        "Request 7.1 falls under no rule.",
        (
            "Kommo did not tell in time, or not clearly, about: its main contact,"
            " the contact's latest other lead. It was decided without."
        ),
    ]


def test_D6_2_for_whom_a_lead_is_kept_is_told() -> None:
    event = RequestReserved(
        **OF_REQUEST,
        rule_id="site",
        manager_id=2,
        next_look_at=TEN,
        owners=(OwnerStanding("lead", 2, "off_shift", TEN),),
    )

    assert in_words(event) == [
        'Kept for M2 under rule "site" until 2026-03-02 10:00:00 UTC.',
        "M2 is responsible for the lead, but off shift until 2026-03-02 10:00:00 UTC.",
    ]


def deferred(*standings: Standing) -> RequestDeferred:
    return RequestDeferred(
        **OF_REQUEST, rule_id="site", reason="paused", next_look_at=TEN, standings=standings
    )


def test_D8_1_why_a_lead_waits_is_told_person_by_person() -> None:
    assert in_words(deferred()) == [
        'Waits behind older requests of rule "site"; next look 2026-03-02 10:00:00 UTC.'
    ]
    assert in_words(deferred(standing(1, "paused"), standing(2, tier=2))) == [
        'Nobody under rule "site" could take it; next look 2026-03-02 10:00:00 UTC.',
        "M1: paused.",
        "M2: priority 2, which is not asked while a higher one is full.",
    ]


@pytest.mark.parametrize(
    ("reason", "detail", "said"),
    [
        ("taken_by_person", "", "somebody was faster and chose a manager by hand"),
        ("manager_refused", "", "Kommo no longer accepts this manager"),
        ("lead_gone", "", "the lead is gone"),
        ("lead_closed", "", "the lead was closed meanwhile"),
        ("rejected", "Invalid user", "Kommo rejected the change (Invalid user)"),
        ("superseded", "", "the lead moved on before Kommo had the decision"),
        (
            "not_there",
            "",
            "Kommo was read first, and the lead does not lie where a webhook said",
        ),
        ("suspended", "", "the account had let nobody in for seven days"),
    ],
)
def test_why_a_decision_does_not_stand_is_told(reason: Any, detail: str, said: str) -> None:
    event = AssignmentWithdrawn(
        **OF_REQUEST,
        attempt=1,
        manager_id=1,
        reason=reason,
        detail=detail,
        ledger="account",
        movements=(),
        stage=STAGE,
        owner_id=None,
    )

    assert in_words(event) == [f"Taken back from M1: {said}."]


@pytest.mark.parametrize(
    ("reason", "detail", "said"),
    [
        ("no_rule", "", "no rule takes such a lead in this stage"),
        ("lead_deleted", "", "the lead was deleted"),
        ("lead_closed", "", "the lead was closed"),
        ("left_stage", "", "the lead left the stage"),
        ("taken_by_person", "", "somebody chose a manager by hand"),
        ("rejected", "", "Kommo rejected the change"),
        ("rejected", "Invalid lead", "Kommo rejected the change (Invalid lead)"),
        ("superseded", "", "the lead moved on, and a newer request took over"),
        (
            "not_there",
            "",
            "Kommo was read, and the lead did not lie where a webhook had said",
        ),
        (
            "pass_exhausted",
            "site",
            "everybody who could take the lead was offered it, and nobody has duty, so it stays",
        ),
        (
            "hops_exhausted",
            "site",
            "the lead was passed on as often as the rule allows, and nobody has duty, so it stays",
        ),
        ("kept", "", "it is an employee's own lead, and the rule leaves it there"),
        (
            "suspended",
            "",
            "the account had let nobody in for seven days, and the lead had waited as long",
        ),
    ],
)
def test_D1_2_why_a_request_ended_is_told(reason: Any, detail: str, said: str) -> None:
    event = RequestClosed(**OF_REQUEST, reason=reason, detail=detail)

    assert in_words(event) == [f"Request 7.1 is closed: {said}."]


THING: dict[str, Any] = OF_REQUEST | {
    "order_id": "7.1/1",
    "kind": "contact",
    "entity_id": 5,
    "manager_id": 2,
}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            LinkedChanged(**THING, responsible_before=1, how="read"),
            "Contact 5 went from M1 to M2.",
        ),
        (
            LinkedChanged(**THING | {"kind": "company"}, responsible_before=0, how="read"),
            "Company 5 went from nobody to M2.",
        ),
        (
            LinkedLeft(**THING | {"kind": "task"}, reason="changed_since", detail=""),
            "Task 5 stays: somebody changed who is responsible since.",
        ),
        (
            LinkedLeft(**THING | {"kind": "lead"}, reason="gone", detail=""),
            "Lead 5 stays: it no longer exists.",
        ),
        (
            LinkedLeft(**THING, reason="refused", detail=""),
            "Contact 5 stays: Kommo refused the change.",
        ),
        (
            LinkedDecided(**OF_REQUEST, order_id="undo/9", handovers=(), is_undo=True, by="9"),
            "M9 put request 7.1 back.",
        ),
    ],
)
def test_D6_4_what_became_of_what_belongs_to_a_lead_is_told(
    event: AllocationEvent, said: str
) -> None:
    assert in_words(event) == [said]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("stage_changed", "moved it to another stage"),
        ("note", "wrote a note"),
        ("task_added", "added a task"),
        ("task_completed", "completed a task"),
        ("message", "sent a message"),
        ("call", "called"),
        ("edited", "edited it"),
    ],
)
def test_D7_2_who_touched_a_lead_and_how_is_told(kind: Any, said: str) -> None:
    event = LeadTouched(**OF_REQUEST, attempt=1, manager_id=1, kind=kind, by=2, happened_at=NINE)

    assert in_words(event) == [f"M2 {said} at 2026-03-02 09:00:00 UTC, so it stays with M1."]


def test_what_decides_nothing_about_a_lead_says_nothing() -> None:
    assert told(TimerScheduled(timer_id="readings", generation=1, due_at=None, at=NINE)) == []
