"""What happens in the golden histories: messages by a fixed script, the same on every machine.

Together they make the engine record every kind of event. A new kind needs a place in one of
them; what is recorded of a released version stays as it is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from contracts.events import LeadKind, NoticeKind, Transfer
from contracts.inbound import (
    CarryTrigger,
    DistributeLeads,
    Ended,
    HandOverLeads,
    Inbound,
    LeadsListed,
    LedgerKinds,
    Linked,
    LinkedFound,
    LinkedResult,
    LinkedSettled,
    NoticeSettled,
    PassLeadOn,
    PostCorrection,
    SeenTask,
    StayedSuspended,
    TakeLead,
    TaskRemoved,
    TaskReported,
    TasksListed,
    UndoTransfers,
)
from contracts.stage import Stage
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
    announced,
    at,
    clock,
    dp,
    due,
    facts,
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


def incoming_leads() -> list[Inbound]:
    """Leads that are told of without a stage: accepted, declined, and found elsewhere."""
    story = given(rules=rules(rule(ANN, BOB)))
    story.when(announced(1), announced(2), announced(1), at=at(10))
    story.when(observed(1, NEW, modified=at(9), created=at(-DAY.days * 86_400), reason="lookup"))
    story.when(observed(2, WORK, modified=at(9), reason="lookup"), at=at(12))
    story.when(reported(1, NEW, action="add", modified=at(9)), at=at(13))
    story.when(announced(3), removed(3), missing(3), at=at(20))
    story.when(announced(2), at=at(30))
    story.when(observed(2, NEW, modified=at(29), reason="lookup"), at=at(31))
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
    story.when(reported(1, NEW, by=BOSS, action="responsible", modified=NOON + 2 * 40 * MINUTE))
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
    back = (Transfer("contact", 8, owner, BOSS), Transfer("lead", 7, owner, BOSS))
    request_id = _request(story, 1)
    story.when(
        UndoTransfers(request_id=request_id, lead_id=1, handovers=back, by="admin"), at=at(20)
    )
    return story.heard


def commands_that_come_again() -> list[Inbound]:
    """Commands under ids: repeated, late, without effect, refused, made for other rules."""
    old, new = rules(rule(ANN, BOB)), replace(rules(rule(ANN, CEM)), base_revision=1)
    correction = PostCorrection(manager_id=ANN, credit_units=7, by="person:7", reason="x")
    story = given(rules=old).when(old, once="r1").when(dp(1), at=at(1))
    story.when(correction, once="c1").when(correction, once="c1", at=at(2))
    story.when(new, once="r2").when(old, once="r1", at=at(3))
    story.when(new, once="r2").when(replace(new, rules=old.rules), once="r3", at=at(4))
    story.when(pause(BOB), once="p1", at=at(5)).when(resume(BOB), once="p2", at=at(6))
    story.when(pause(BOB), once="p1", at=at(7)).when(dp(2), at=at(8))
    story.when(correction, once="c1", at=at(9) + 7 * DAY)
    return story.heard


def taken_and_passed_on() -> list[Inbound]:
    """Offered leads that their managers take or pass on, that others may not, or nobody (D7.6)."""
    section = rule(ANN, BOB, CEM, redistribution={"after_minutes": 30, "accept": "required"})
    story = given(dp(1), dp(2), dp(3), rules=rules(section))
    for lead in (1, 2, 3):
        story.when(patched(lead, _wanted(story, lead)))
    story.when(TakeLead(lead_id=1, by="kommo:501", manager_id=_owner(story, 1)), at=at(10))
    story.when(PassLeadOn(lead_id=1, by="a", reason="late"), at=at(20))
    story.when(PassLeadOn(lead_id=2, by="a", reason="speaks Thai"), once="p1", at=at(30))
    story.when(PassLeadOn(lead_id=2, by="a", reason="speaks Thai"), once="p1", at=at(31))
    story.when(PassLeadOn(lead_id=2, by="a", reason="again"), at=at(32))
    story.when(patched(2, _wanted(story, 2), attempt=2), at=at(33))
    story.when(TakeLead(lead_id=3, by="kommo:1", manager_id=BOSS), at=at(40))
    story.when(clock(story, 3), at=at(1_900)).when(PassLeadOn(lead_id=3, by="a", reason="x"))
    return story.heard


def fair_in_kind() -> list[Inbound]:
    """Kinds that are read, refused, passed on, corrected, caught up with, and edited."""
    vip = {"tags": ["vip", "partner"]}
    people = (participant(ANN, coefficient="2"), BOB, CEM)
    passing = {"after_minutes": 30, "clock": "wall_clock"}
    owners = {"sources": ["contact"], "debt_max": 1}
    section = rule(*people, catch_up=1, redistribution=passing, owners=owners)
    story = given(rules=rules(section, **_ledger("source", vip, "stage")))
    for lead in range(1, 10):
        story.when(reported(lead, NEW, action="add", modified=at(lead)), at=at(lead))
        contact = {"contact": BOB} if lead == 4 else {}
        read_of = owned(lead, **contact).responsibles
        kinds = (LeadKind("source", 14_000 + lead % 3), LeadKind("tags", _tag(story, lead % 3)))
        told = (LedgerKinds("account", kinds),)
        story.when(facts(lead, modified=at(lead), responsibles=read_of, kinds=told))
        if lead % 4:
            _confirm(story, lead)
    story.when(refused(8, _wanted(story, 8), reason="manager_refused", active=True), at=at(20))
    story.when(reported(4, NEW, by=BOSS, action="responsible", modified=at(30)), at=at(31))
    story.when(pause(ANN), dp(10), at=at(40))
    story.when(due("readings", story.account.timers["readings"].generation), at=at(110))
    story.when(resume(ANN), dp(11), at=at(120))
    story.when(facts(11, modified=at(119), kinds=()), at=at(121))
    story.when(PostCorrection(manager_id=CEM, credit_units=1_500_000_001, by="admin", reason="x"))
    story.when(clock(story, 1), at=NOON + 40 * MINUTE)
    story.when(read(1, 1, request=_request(story, 1)))
    story.when(rules(section, **_ledger({"price": [1_000]}, {"tags": ["VIP"]})))
    story.when(dp(12), at=NOON + 41 * MINUTE)
    kinds = (LeadKind("price", 0), LeadKind("tags", _tag(story, 1)))
    told = (LedgerKinds("account", kinds),)
    story.when(facts(12, revision=2, modified=NOON + 41 * MINUTE, kinds=told))
    story.when(reported(8, WORK, by=BOSS, modified=NOON + 42 * MINUTE), at=NOON + 42 * MINUTE)
    return story.heard


def shifts_end() -> list[Inbound]:
    """Managers go home: what they touched stays, the rest goes to others or waits (D9.4)."""
    schedules = {"day": OFFICE, "late": {"weekly": {"mon-fri": ["15:00-22:00"]}}}
    people = (participant(ANN, schedule="day"), participant(BOB, schedule="late"))
    some = rule(*people, at_shift_end={"hand_over": "untouched"})
    every = rule(*people, rule_id="b", stages=[HOT], at_shift_end={"hand_over": "all"})
    story = given(rules=rules(some, every, schedules=schedules), at=NOON)
    for lead in (1, 2, 3):
        story.when(dp(lead, HOT if lead == 3 else NEW), at=NOON + lead * MINUTE)
        story.when(patched(lead, _wanted(story, lead), modified=NOON + lead * MINUTE))
    story.when(touch(ANN, lead=2, happened=NOON + 30 * MINUTE), at=NOON + 30 * MINUTE)
    for _ in range(6):
        due_at, timer_id = min((t.due_at, i) for i, t in story.account.timers.items() if t.due_at)
        story.when(due(timer_id, story.account.timers[timer_id].generation), at=due_at)
        if 1 in story.account.offers:
            story.when(read(1), at=due_at + MINUTE)
    return story.heard


def even_in_total() -> list[Inbound]:
    """Two rules of one registry, somebody who comes back, a refusal, a new period."""
    people = (participant(ANN, coefficient="2"), BOB)
    even = {"policy": "fewest_given", "registry": "all"}
    applied = rules(
        rule(*people, **even),
        rule(ANN, CEM, rule_id="b", stages=(HOT,), **even),
        registries={"all": {"period": "day"}},
    )
    story = given(pause(ANN), rules=applied)
    for lead in range(1, 7):
        story.when(dp(lead, (NEW, HOT)[lead % 2]), at=at(lead))
    story.when(resume(ANN), dp(7), dp(8, HOT), at=at(10))
    story.when(refused(7, _wanted(story, 7), active=True), at=at(11))
    story.when(reported(8, HOT, by=BOSS, action="responsible", modified=at(12)), at=at(13))
    story.when(dp(9), dp(10, HOT), at=NOON + DAY)
    return story.heard


def people_are_told() -> list[Inbound]:
    """Notes and tasks: written, found written, refused, late, of a lead that is gone (D12.2)."""
    people = [participant(each, schedule="office") for each in (ANN, BOB)]
    tell = {"note": True, "task": {"due_minutes": 30, "text": "Call"}, "webhook": "crm"}
    duty = {"duty": {"manager": CEM}, "off_hours": "duty"}
    story = given(rules=rules(rule(*people, tell=tell, **duty), schedules={"office": OFFICE}))
    for lead in (1, 2, 3):
        story.when(reported(lead, NEW, action="add", modified=at(lead)), at=at(lead))
        _confirm(story, lead)
    orders = [f"{_request(story, lead)}/1" for lead in (1, 2, 3)]

    def settled(order: str, kind: NoticeKind, **rest: Any) -> NoticeSettled:
        return NoticeSettled(order_id=order, kind=kind, **rest)

    story.when(settled(orders[0], "note", how="answered", entity_id=501_001), at=at(20))
    story.when(settled(orders[0], "task", how="read", entity_id=601_001))
    story.when(settled(orders[1], "task", how="refused", detail="No such user"), at=at(21))
    story.when(settled(orders[0], "webhook", how="answered"), at=at(21))
    story.when(settled(orders[1], "webhook", how="no_target"))
    story.when(settled(orders[2], "webhook", how="given_up"))
    story.when(removed(3), missing(3), at=at(22))
    story.when(settled(orders[2], "note", how="gone"), settled(orders[2], "note", how="gone"))
    evening = at(60, since=MONDAY + timedelta(hours=20))
    story.when(reported(4, NEW, action="add", modified=evening), at=evening)
    story.when(reported(5, NEW, action="add", modified=evening))
    _confirm(story, 4)
    return story.heard


def tasks_end() -> list[Inbound]:
    """Tasks of managers who have the lead no more: completed, never made, changed (D12.2)."""
    tell = {"task": {"due_minutes": 10}}
    first = rule(ANN, BOB, CEM, tell=tell, redistribution={"after_minutes": 30})
    story = given(rules=rules(first, rule(DAN, rule_id="b", stages=(HOT,))))
    for lead in (1, 2):
        story.when(reported(lead, NEW, action="add", modified=at(lead)), at=at(lead))
        _confirm(story, lead)
    done = NoticeSettled(order_id="1.1/1", kind="task", how="answered", entity_id=601_001)
    story.when(done, at=at(20))
    for lead in (1, 2):
        story.when(clock(story, lead), at=at(1_810))
        story.when(read(lead, request=f"{lead}.{lead}"), at=at(1_820))
        _confirm(story, lead)
    for order, how in (("1.1/2", "answered"), ("2.2/2", "read")):
        story.when(NoticeSettled(order_id=order, kind="task_end", how=how), at=at(1_830))
    story.when(reported(1, HOT, by=_owner(story, 1), modified=at(1_900)), at=at(1_901))
    _confirm(story, 1)
    last = f"{_request(story, 1)}/1"
    story.when(NoticeSettled(order_id=last, kind="task_end", how="task_changed"), at=at(1_910))
    story.when(reported(2, HOT, by=_owner(story, 2), modified=at(1_920)), at=at(1_921))
    return story.heard


def too_many_tasks() -> list[Inbound]:
    """Open tasks keep managers from leads: hooks and lists of them, overdue ones, no limit."""
    busy = {"limit_tasks": {"max": 2, "overdue_max": 1}}
    story = given(rules=rules(rule(ANN, participant(BOB, limit_tasks={"max": 1}), **busy)))

    def task(number: int, manager: int, till: int, changed: int) -> SeenTask:
        return SeenTask(number, manager, at(till), at(changed))

    def reported_task(seen: SeenTask, *, is_open: bool = True) -> TaskReported:
        return TaskReported(task=seen, is_open=is_open)

    def open_tasks(*tasks: SeenTask, second: int) -> TasksListed:
        return TasksListed(after_id=0, up_to_id=None, tasks=tasks, as_of=at(second))

    known = (task(1, ANN, 900, 1), task(2, ANN, 5_000, 1), task(3, BOB, 5_000, 1))
    story.when(dp(1), at=at(2))
    story.when(open_tasks(*known, second=3), dp(2), dp(3), at=at(4))
    story.when(reported_task(task(3, BOB, 5_000, 10), is_open=False), at=at(11))
    story.when(reported_task(task(4, BOB, 6_000, 12)), dp(4), at=at(13))
    story.when(reported_task(task(4, BOB, 6_000, 12)), TaskRemoved(task_id=99), at=at(14))
    story.when(due("look/a", story.account.timers["look/a"].generation), at=at(905))
    story.when(open_tasks(known[1], second=906), at=at(907))
    story.when(open_tasks(known[1], second=1_206), at=at(1_207))
    story.when(reported_task(task(5, ANN, 9_000, 1_300)), TaskRemoved(task_id=2), at=at(1_301))
    story.when(rules(rule(ANN, BOB)), dp(5), at=at(1_400))
    return story.heard


def triggers_are_rules() -> list[Inbound]:
    """Revisions that triggers carry: first, newer, older, a copy, and one made separate (D1.8)."""
    story = given(rules=rules(trust_webhooks=True))
    first, second = "trigger-1", "trigger-2"
    story.when(_carried(first, 1, ANN), dp(1), at=at(1))
    story.when(_carried(first, 1, ANN), _carried(first, 2, BOB), dp(2), at=at(2))
    story.when(_carried(first, 1, ANN, stage=HOT), dp(3, HOT), at=at(3))
    story.when(_carried(second, 1, CEM, stage=HOT, separated_from=first), dp(4, HOT), at=at(4))
    story.when(rules(rule(DAN), trust_webhooks=True), dp(5), dp(6, HOT), at=at(5))
    return story.heard


def a_deleted_trigger() -> list[Inbound]:
    """Leads that no hook tells of: one late, then none any more, then there again (D1.8)."""
    story = given(rules=rules(trust_webhooks=True))
    own = "trigger-1"
    story.when(_carried(own, 1, ANN), dp(1, source="dp_widget"), at=at(1))
    for lead in range(2, 7):
        now = at(lead * 3_600)
        story.when(reported(lead, modified=now), at=now)
        if (waiting := story.account.waiting_of(lead)) is not None:
            read = facts(lead, request_id=waiting.request_id, revision=story.account.revision)
            story.when(read)
        if lead == 2:
            story.when(_carried(own, 1, ANN), dp(lead, source="dp_widget"), at=at(7_300))
    story.when(_carried(own, 1, ANN), dp(6, source="dp_widget"), at=at(25_000))
    return story.heard


def _carried(
    rule_id: str,
    revision: int,
    manager: int,
    *,
    stage: Stage = NEW,
    separated_from: str | None = None,
) -> CarryTrigger:
    section: dict[str, Any] = {
        "id": rule_id,
        "participants": [participant(manager)],
        "widget": {"revision": revision},
    }
    return CarryTrigger(
        rule_id=rule_id,
        revision=revision,
        stage=stage,
        section=section,
        by="kommo:trigger",
        separated_from=separated_from,
    )


def rough_weather() -> list[Inbound]:
    """Random hooks, lost, late, twice and out of order, of a model of Kommo."""
    return kommo_model.History(ROUGH_SEED, leads_max=12).run().messages


def nobody_lets_us_in() -> list[Inbound]:
    """An account lets nobody in for a week: what waits ends, and is ordered again later (F57)."""
    story = given(rules=rules(rule(ANN, BOB, limit=limit(1))))
    for lead in range(1, 6):
        story.when(reported(lead), at=at(lead))
    story.when(patched(1, _wanted(story, 1)), at=at(10))
    story.when(reported(6), at=NOON + 6 * DAY)
    told = StayedSuspended(since=at(20), asked_before=at(20) + DAY)
    story.when(told, at=NOON + 8 * DAY).when(told, at=NOON + 8 * DAY)
    story.when(patched(6, _wanted(story, 6), request=_request(story, 6)), at=NOON + 9 * DAY)
    story.when(reported(6, STAGES["won"], by=_owner(story, 6), modified=NOON + 9 * DAY))
    ended = tuple(Ended(lead, f"{lead}.{lead}", "suspended", BOSS) for lead in (3, 4))
    story.when(DistributeLeads(lead_ids=(3, 4), by="admin", ended=ended), at=NOON + 9 * DAY)
    return story.heard


STORIES: dict[str, Callable[[], list[Inbound]]] = {
    "plain-day": plain_day,
    "limits-and-orders": limits_and_orders,
    "people-are-faster": people_are_faster,
    "incoming-leads": incoming_leads,
    "nobody-works": nobody_works,
    "off-hours": off_hours,
    "owners-and-orders": owners_and_orders,
    "what-belongs-to-a-lead": what_belongs_to_a_lead,
    "fair-in-kind": fair_in_kind,
    "even-in-total": even_in_total,
    "too-many-tasks": too_many_tasks,
    "triggers-are-rules": triggers_are_rules,
    "a-deleted-trigger": a_deleted_trigger,
    "rough-weather": rough_weather,
    "commands-that-come-again": commands_that_come_again,
    "taken-and-passed-on": taken_and_passed_on,
    "shifts-end": shifts_end,
    "people-are-told": people_are_told,
    "tasks-end": tasks_end,
    "nobody-lets-us-in": nobody_lets_us_in,
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


def _ledger(*kinds: object) -> dict[str, object]:
    return {"ledgers": {"account": {"kinds": list(kinds)}}}


def _tag(story: Scenario, place: int) -> int:
    """The number of a tag of the rules by its place, 0 for none of them."""
    by_tag = next(d for d in story.account.configuration.kinds["account"] if d.what == "tags")
    return (0, *(by_tag.numbers or ()))[place]


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
