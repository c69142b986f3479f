"""What belongs to a lead follows it to its manager, and can be put back (D6.4)."""

from typing import Any

import pytest

from contracts.events import LinkedChanged, LinkedDecided, Transfer
from contracts.inbound import (
    ApplyRules,
    Linked,
    LinkedFound,
    LinkedResult,
    LinkedSettled,
    UndoTransfers,
)
from domain.limits.loads import Loads
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    NEW,
    WORK,
    Scenario,
    at,
    dp,
    given,
    observed,
    patched,
    reported,
    rule,
    rules,
    told,
)

OBJECTS = ("contacts", "company", "tasks", "company_leads", "contact_leads")
ORDER = "1.1/1"


def following(*objects: str, only_for: tuple[int, ...] = ()) -> ApplyRules:
    section = dict.fromkeys(objects or OBJECTS, True)
    return rules(rule(ANN, BOB, linked={**section, "only_for": list(only_for)}))


def found(*things: Linked, order: str = ORDER) -> LinkedFound:
    return LinkedFound(order_id=order, things=things)


def settled(*results: tuple[Any, int, Any], order: str = ORDER, modified: Any = None) -> Any:
    return LinkedSettled(
        order_id=order,
        results=tuple(LinkedResult(kind, i, how, modified, "") for kind, i, how in results),
    )


def set_in_kommo(**rest: Any) -> Scenario:
    """Lead 1 is Ann's, in Kommo too."""
    return given(reported(1), patched(1), rules=following(**rest))


def test_D6_4_what_belongs_to_a_lead_is_read_once_kommo_holds_its_manager() -> None:
    given(reported(1), rules=following()).when(patched(1)).then(
        "confirmed 1.1 of 501: answered", f"find {', '.join(OBJECTS)} for 1.1/1"
    )


def test_D6_4_only_the_switched_on_objects_are_read() -> None:
    asked = given(reported(1), rules=following("company", "contacts")).when(patched(1)).answer[1]

    assert asked.objects == ("contacts", "company")  # type: ignore[union-attr]


def test_D6_4_a_rule_without_linked_things_asks_for_none() -> None:
    given(reported(1)).when(patched(1)).then("confirmed 1.1 of 501: answered")


def test_D6_4_each_change_is_an_event_with_the_responsible_before() -> None:
    set_in_kommo().when(found(Linked("contact", 8, BOSS), Linked("task", 9, 0))).then(
        "hand over contact 8, task 9 by 1.1/1"
    ).when(settled(("contact", 8, "answered"), ("task", 9, "read"))).then(
        "contact 8 is 501's: answered", "task 9 is 501's: read"
    )
    handed = set_in_kommo().when(
        found(Linked("contact", 8, BOSS)), settled(("contact", 8, "answered"))
    )

    assert handed.answer[1] == LinkedChanged(
        order_id=ORDER,
        request_id="1.1",
        lead_id=1,
        kind="contact",
        entity_id=8,
        responsible_before=BOSS,
        manager_id=ANN,
        how="answered",
        at=handed.clock,
    )


def test_D6_4_only_the_selected_employees_things_change_hands_and_nobodys() -> None:
    things = (Linked("contact", 8, BOSS), Linked("company", 9, DAN), Linked("task", 7, 0))

    set_in_kommo(only_for=(BOSS,)).when(found(*things)).then("hand over contact 8, task 7 by 1.1/1")


def test_D6_4_what_is_the_managers_already_stays() -> None:
    set_in_kommo().when(found(Linked("contact", 8, ANN))).then("hand over nothing by 1.1/1")


def test_F60_what_a_person_changed_since_is_left() -> None:
    set_in_kommo().when(
        found(Linked("contact", 8, BOSS)), settled(("contact", 8, "changed_since"))
    ).then("hand over contact 8 by 1.1/1", "contact 8 left: changed_since")


def test_D1_3_repeated_and_late_answers_change_nothing() -> None:
    handed = set_in_kommo().when(
        found(Linked("contact", 8, BOSS)), settled(("contact", 8, "answered"))
    )

    handed.when(found(Linked("contact", 8, BOSS)), settled(("contact", 8, "answered"))).then()
    assert (handed.account.transfers, handed.account.changing, handed.account.linking) == (
        {},
        {},
        {},
    )


def test_D6_4_what_is_on_its_way_to_one_manager_is_not_given_to_another() -> None:
    both = given(reported(1), reported(2), patched(1), patched(2, BOB), rules=following())
    both.when(found(Linked("company", 9, BOSS)))

    both.when(found(Linked("company", 9, BOSS), order="2.2/1")).then("hand over nothing by 2.2/1")


# The lead left alone (D6.5) -------------------------------------------------------------------


def test_D6_5_only_what_belongs_to_the_lead_is_distributed() -> None:
    keeping = rules(rule(ANN, BOB, linked={"lead": False, "contacts": True}))
    kept = given(rules=keeping).when(reported(1))

    kept.then(
        "lead 1 in new of 900",
        "opened 1.1 under a",
        "assigned 1.1 to 501",
        "find contacts for 1.1/1",
    )
    assert kept.account.leads[1].wanted is None
    assert kept.account.loads == counted(kept)
    kept.when(found(Linked("contact", 8, BOSS))).then("hand over contact 8 by 1.1/1")


def test_D6_5_it_is_shared_fairly_all_the_same() -> None:
    keeping = rules(rule(ANN, BOB, linked={"lead": False, "tasks": True}))
    kept = given(rules=keeping).when(*(reported(lead) for lead in range(1, 5)))

    assert kept.got() == [ANN, BOB, ANN, BOB]
    # A repeat asks for nothing again (D1.3).
    kept.when(reported(1)).then()


# Leads among them (D5.2, F36) -----------------------------------------------------------------


def test_D5_2_a_lead_that_is_handed_over_counts_for_its_new_manager() -> None:
    both = given(observed(2, WORK, by=DAN), reported(1), patched(1), rules=following())
    both.when(found(Linked("lead", 2, DAN)), settled(("lead", 2, "answered"), modified=at(5)))

    assert both.account.leads[2].responsible_id == ANN
    assert both.account.loads == counted(both)


@pytest.mark.parametrize("action", ["responsible", "update"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before the answer", "after it"])
def test_F36_the_echo_of_a_handover_is_no_persons_change(action: Any, is_first: bool) -> None:  # noqa: FBT001
    asking = given(observed(3, WORK, by=DAN), reported(1), patched(1), rules=following())
    echo = reported(3, WORK, by=ANN, action=action, modified=at(5))
    answer = settled(("lead", 3, "answered"), modified=at(5))
    messages = (echo, answer) if is_first else (answer, echo)
    asking.when(found(Linked("lead", 3, DAN))).when(*messages, at=at(9))

    assert asking.account.leads[3].responsible_id == ANN
    assert [line for line in map(told, asking.answer) if "taken" in line] == []
    assert asking.account.leads[3].superseded_ids == ()
    assert asking.account.loads == counted(asking)


@pytest.mark.parametrize("by", [dp(2), reported(2)], ids=["wanted", "known"])
def test_D6_4_a_lead_that_is_being_distributed_itself_is_left_alone(by: Any) -> None:
    both = given(reported(1), patched(1), by, rules=following())

    both.when(found(Linked("lead", 2, DAN))).then("hand over nothing by 1.1/1")


def test_F60_a_decision_taken_meanwhile_still_stands() -> None:
    both = given(observed(2, WORK, by=DAN), reported(1), patched(1), rules=following())
    both.when(found(Linked("lead", 2, DAN))).when(
        reported(2, NEW, by=DAN, modified=at(5)), at=at(5)
    )
    decided = both.got()
    both.when(settled(("lead", 2, "answered"), modified=at(6)), at=at(7))
    wanted = both.account.leads[2].wanted

    assert wanted is not None
    assert ([wanted.manager_id], wanted.previous_id) == (decided, ANN)
    assert both.account.loads == counted(both)


# Undo -----------------------------------------------------------------------------------------


def undoing(*handovers: Transfer) -> UndoTransfers:
    return UndoTransfers(request_id="1.1", lead_id=1, handovers=handovers, by="admin")


def test_D6_4_a_decision_is_put_back_with_the_lead_itself() -> None:
    back = (Transfer("lead", 1, ANN, BOSS), Transfer("contact", 8, ANN, DAN))
    undone = set_in_kommo().when(undoing(*back))
    (event,) = undone.answer

    assert isinstance(event, LinkedDecided)
    assert (event.is_undo, event.by, event.handovers) == (True, "admin", back)
    undone.when(
        settled(
            ("lead", 1, "answered"),
            ("contact", 8, "changed_since"),
            order=event.order_id,
            modified=at(9),
        )
    )
    assert tuple(map(told, undone.answer)) == (
        "lead 1 is 900's: answered",
        "lead 1 in new of 900",
        "contact 8 left: changed_since",
    )
    assert undone.account.loads == counted(undone)


def test_D6_4_nothing_is_put_back_while_it_is_on_its_way() -> None:
    deciding = given(reported(1), rules=following())
    busy = set_in_kommo().when(found(Linked("contact", 8, BOSS)))

    deciding.when(undoing(Transfer("lead", 1, ANN, BOSS))).then(
        "refused undo: distribution_under_way, lead 1"
    )
    busy.when(undoing(Transfer("contact", 8, ANN, BOSS))).then(
        "refused undo: transfer_under_way, kind contact, entity 8"
    )


def test_I7_what_is_under_way_survives_a_snapshot() -> None:
    under_way = set_in_kommo().when(found(Linked("lead", 2, DAN), Linked("task", 9, CEM)))
    asking = set_in_kommo()

    assert load(dump(under_way.account)) == under_way.account
    assert load(dump(asking.account)) == asking.account


def counted(scenario: Scenario) -> Loads:
    loads = Loads()
    for lead in scenario.account.leads.values():
        loads.move(stage=None, owner_id=None, to=lead.stage, to_id=lead.owner_id)
    return loads
