"""What happens in the golden histories: messages by a fixed script, the same on every machine.

Together they make the engine record every kind of event. A new kind needs a place in one of
them; what is recorded of a released version stays as it is.
"""

from collections.abc import Callable
from datetime import timedelta

from contracts.events import Handover
from contracts.inbound import (
    DistributeLeads,
    HandOverLeads,
    Inbound,
    LeadsListed,
    Linked,
    LinkedFound,
    LinkedResult,
    LinkedSettled,
    PostCorrection,
    UndoHandovers,
)
from tests.domain import kommo_model
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    MONDAY,
    NEW,
    NINE,
    NOON,
    OFFICE,
    STAGES,
    WORK,
    Scenario,
    at,
    clock,
    dp,
    due,
    given,
    limit,
    missing,
    observed,
    owned,
    participant,
    patched,
    pause,
    read,
    refused,
    removed,
    reported,
    resume,
    rule,
    rules,
    touch,
    users,
)

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ROUGH_SEED = 3


def plain_day() -> list[Inbound]:
    """Coefficients, pushes and echoes, repeats, doubts, ends: what happens every day."""
    story = given(
        rules=rules(
            rule(
                participant(ANN, coefficient="2"),
                participant(BOB, coefficient="1.5"),
                participant(CEM, priority=2),
            ),
            rule(ANN, DAN, rule_id="b", stages=(HOT,), policy="least_loaded"),
        )
    )
    for lead in range(1, 13):
        story.when(reported(lead, NEW, action="add", modified=at(lead)), at=at(lead))
        story.when(dp(lead, NEW), dp(lead, NEW))
    for lead in range(1, 9):
        owner = _wanted(story, lead)
        story.when(patched(lead, owner, modified=at(60 + lead)), at=at(60 + lead))
        story.when(reported(lead, NEW, by=owner, action="responsible", modified=at(60 + lead)))
    story.when(reported(9, NEW, by=_wanted(story, 9), action="responsible", modified=at(80)))
    story.when(reported(1, WORK, by=ANN, modified=at(90)), at=at(91))
    story.when(reported(1, NEW, by=ANN, modified=at(90)))  # the same second: look it up
    story.when(observed(1, WORK, by=ANN, modified=at(90), reason="lookup"), at=at(93))
    story.when(dp(2, HOT, old_stage=NEW), at=at(100))
    story.when(patched(2, _wanted(story, 2), request=_request(story, 2), modified=at(101)))
    story.when(reported(3, STAGES["won"], by=BOB, modified=at(110)), at=at(111))
    story.when(removed(4), missing(5), at=at(120))
    story.when(reported(4, NEW, action="restore", modified=at(130)), at=at(131))
    story.when(observed(20, NEW, modified=at(140), created=at(140)), at=at(150))
    listed = tuple(lead for lead in sorted(story.account.leads) if lead != 7)
    story.when(LeadsListed(after_id=0, up_to_id=None, lead_ids=listed), missing(7), at=at(160))
    return story.heard


def limits_and_orders() -> list[Inbound]:
    """Full managers, a queue, places that get free; pauses, corrections, orders refused."""
    story = given(rules=rules(rule(ANN, BOB, limit=limit(2))))
    for lead in range(1, 8):
        story.when(dp(lead), at=at(lead))
    story.when(pause(ANN), at=at(20))
    story.when(pause(ANN, admin=True, until=at(600)), resume(ANN))
    story.when(pause(77), pause(BOB, until=at(1)))
    story.when(reported(1, STAGES["lost"], by=_wanted(story, 1), modified=at(30)), at=at(31))
    story.when(due("pause/501", 1), due("pause/501", 2), at=at(600))
    story.when(due("look/a", story.account.timers["look/a"].generation), at=at(1_000))
    story.when(PostCorrection(manager_id=BOB, credit_units=2_500_000_001, by="admin", reason="x"))
    story.when(PostCorrection(manager_id=DAN, credit_units=1, by="admin", reason="no part"))
    story.when(pause(BOB, admin=True), resume(BOB, admin=True), at=at(1_200))
    story.when(rules(rule(ANN, BOB, limit=limit(3))), at=at(1_300))
    story.when(rules({"id": "a"}), rules(rule(ANN, ANN)))
    return story.heard


def people_are_faster() -> list[Inbound]:
    """Persons who take leads, managers and leads that Kommo refuses, rules that change."""
    story = given(rules=rules(rule(ANN, BOB, CEM), rule(ANN, BOB, rule_id="b", stages=(HOT,))))
    for lead in range(1, 9):
        story.when(reported(lead, NEW, action="add", modified=at(lead)), at=at(lead))
    story.when(reported(1, NEW, by=DAN, action="responsible", modified=at(30)), at=at(31))
    story.when(refused(2, _wanted(story, 2), reason="manager_refused"), at=at(40))
    story.when(refused(3, _wanted(story, 3), reason="rejected", detail="no"), at=at(41))
    story.when(refused(4, _wanted(story, 4), reason="lead_gone"), at=at(42))
    story.when(reported(5, HOT, modified=at(50)), at=at(51))
    story.when(reported(6, WORK, modified=at(52)), at=at(53))
    story.when(users(ANN, BOB, DAN, BOSS, timezone="Europe/Lisbon"), at=at(60))
    story.when(pause(ANN, admin=True), pause(BOB, admin=True), at=at(61))
    story.when(dp(9), dp(10), dp(11, HOT), dp(12, WORK), at=at(62))
    story.when(reported(10, NEW, by=DAN, action="responsible", modified=at(70)), at=at(70))
    story.when(rules(rule(DAN, BOB, stages=(NEW,))), at=at(80))
    return story.heard


def nobody_works() -> list[Inbound]:
    """Leads that are passed on, touched, given to duty, and passed on in vain."""
    section = {"after_minutes": 30, "clock": "wall_clock"}
    story = given(
        rules=rules(
            rule(ANN, BOB, redistribution=section, duty={"manager": DAN}),
            rule(ANN, BOB, rule_id="b", stages=(HOT,), redistribution=section),
        )
    )
    for lead, stage in ((1, NEW), (2, NEW), (3, HOT)):
        story.when(reported(lead, stage, action="add", modified=at(lead)), at=at(lead))
        _confirm(story, lead)
    story.when(touch(_owner(story, 2), lead=2), at=NOON + 6 * MINUTE)
    for hop in (1, 2):
        for lead in (1, 3):
            story.when(clock(story, lead), at=NOON + hop * 40 * MINUTE)
            story.when(read(lead, hop, request=_request(story, lead)))
            _confirm(story, lead)
    story.when(reported(1, NEW, by=BOSS, action="responsible", modified=NOON + 3 * 40 * MINUTE))
    return story.heard


def off_hours() -> list[Inbound]:
    """A night, a weekend, an absence, a rule that has lost its last shift and finds one."""
    plan = {
        "schedules": {"office": {**OFFICE, "timezone": "Europe/Berlin"}},
        "default_schedule": "office",
        "absences": [{"manager": BOB, "from": "2026-10-24", "to": "2026-10-27", "reason": "away"}],
    }
    evening = MONDAY + 11 * DAY + timedelta(hours=20)  # a Friday; the clocks change on Sunday
    people = [participant(ANN), participant(BOB, coefficient="0.5")]
    story = given(rules=rules(rule(*people, catch_up=1), **plan), at=evening)
    for lead in range(1, 5):
        story.when(dp(lead), at=evening + lead * MINUTE)
    monday = NINE + 14 * DAY
    story.when(due("look/a", story.account.timers["look/a"].generation), at=monday)
    story.when(users(BOSS), dp(5), at=monday + MINUTE)
    story.when(rules(rule(ANN, absences=[]), **{**plan, "absences": _long_absence(ANN)}))
    story.when(users(ANN, BOB, BOSS), dp(6), at=monday + 2 * MINUTE)
    story.when(rules(rule(*people, caps={"day": 3}), **plan), at=monday + 3 * MINUTE)
    return story.heard


def owners_and_orders() -> list[Inbound]:
    """Leads that are somebody's already, read before the decision; what operators order."""
    story = given(
        rules=rules(
            rule(ANN, BOB, owners={"sources": ["contact", "company"]}),
            rule(ANN, CEM, rule_id="b", stages=(HOT,)),
        )
    )
    for lead in (1, 2, 3):
        story.when(reported(lead, NEW, action="add", modified=at(lead)), at=at(lead))
    story.when(owned(1, contact=BOB), at=at(10))
    story.when(pause(ANN, admin=True, until=at(3_600)), at=at(11))
    story.when(owned(2, company=ANN), owned(3), at=at(12))
    story.when(observed(8, HOT, modified=at(5), reason="baseline"), at=at(20))
    story.when(DistributeLeads(lead_ids=(1, 8, 99), by="operator"), at=at(30))
    story.when(pause(CEM, admin=True), at=at(35))
    story.when(
        HandOverLeads(handover_id="h", manager_id=CEM, lead_ids=(8, 1), by="operator"), at=at(40)
    )
    story.when(due("pause/501", 1), at=at(3_600))
    return story.heard


def what_belongs_to_a_lead() -> list[Inbound]:
    """Contacts and other leads that follow a lead to its manager, and are put back."""
    story = given(rules=rules(rule(ANN, BOB, linked={"contacts": True, "company_leads": True})))
    story.when(observed(7, WORK, modified=at(1), reason="baseline"), at=at(1))
    story.when(reported(1, NEW, action="add", modified=at(2)), at=at(2))
    story.when(patched(1, _wanted(story, 1), request=_request(story, 1), modified=at(5)), at=at(5))
    owner, order = _owner(story, 1), f"{_request(story, 1)}/1"
    things = (Linked("contact", 8, BOSS), Linked("lead", 7, BOSS), Linked("contact", 9, 0))
    story.when(LinkedFound(order_id=order, things=things), at=at(6))
    story.when(
        LinkedSettled(
            order_id=order,
            results=(
                LinkedResult("contact", 8, "answered", at(7), ""),
                LinkedResult("lead", 7, "read", at(7), ""),
                LinkedResult("contact", 9, "changed_since", None, ""),
            ),
        ),
        at=at(8),
    )
    back = (Handover("contact", 8, owner, BOSS), Handover("lead", 7, owner, BOSS))
    request_id = _request(story, 1)
    story.when(
        UndoHandovers(request_id=request_id, lead_id=1, handovers=back, by="admin"), at=at(20)
    )
    return story.heard


def rough_weather() -> list[Inbound]:
    """Random hooks, lost, late, twice and out of order, of a model of Kommo."""
    return kommo_model.History(ROUGH_SEED, leads_max=12).run().messages


STORIES: dict[str, Callable[[], list[Inbound]]] = {
    "plain-day": plain_day,
    "limits-and-orders": limits_and_orders,
    "people-are-faster": people_are_faster,
    "nobody-works": nobody_works,
    "off-hours": off_hours,
    "owners-and-orders": owners_and_orders,
    "what-belongs-to-a-lead": what_belongs_to_a_lead,
    "rough-weather": rough_weather,
}


def _wanted(story: Scenario, lead: int) -> int:
    wanted = story.account.leads[lead].wanted
    assert wanted is not None
    return wanted.manager_id


def _owner(story: Scenario, lead: int) -> int:
    owner_id = story.account.owner_of(lead)
    assert owner_id is not None
    return owner_id


def _request(story: Scenario, lead: int) -> str:
    request_id = story.account.leads[lead].request_id
    assert request_id is not None
    return request_id


def _confirm(story: Scenario, lead: int) -> None:
    """Kommo holds the decision that is on its way, if there is one."""
    wanted = story.account.leads[lead].wanted
    if wanted is not None:
        story.when(
            patched(
                lead,
                wanted.manager_id,
                request=wanted.request_id,
                attempt=wanted.attempt,
                modified=story.clock,
            )
        )


def _long_absence(manager: int) -> list[dict[str, object]]:
    return [{"manager": manager, "from": "2026-10-20", "to": "2027-10-20", "reason": "sabbatical"}]
