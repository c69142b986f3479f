"""What of a decision can be put back, from its events (D6.4)."""

from dataclasses import replace
from typing import Any

from contracts.events import LinkedChanged, Transfer
from services.application.undo import plan_of
from tests.projections.kit import NINE, assigned, withdrawn

FIRST = assigned(1, responsible_before=77)


def changed(kind: Any, entity_id: int, *, before: int = 77, **rest: Any) -> LinkedChanged:
    values = {"order_id": "1.1/1", "manager_id": 501, **rest}
    return LinkedChanged(
        request_id="1.1",
        lead_id=1,
        kind=kind,
        entity_id=entity_id,
        responsible_before=before,
        how="answered",
        at=NINE,
        **values,
    )


def test_D6_4_the_lead_and_what_followed_it_go_back() -> None:
    plan = plan_of([FIRST, changed("contact", 8), changed("task", 9, before=505)], "1.1", 1)

    assert plan.transfers == (
        Transfer("lead", 1, 501, 77),
        Transfer("contact", 8, 501, 77),
        Transfer("task", 9, 501, 505),
    )
    assert plan.unknown == ()


def test_D6_4_what_was_nobodys_or_unknown_stays() -> None:
    unknown = assigned(1, responsible_before=None)
    plan = plan_of([unknown, changed("contact", 8, before=0)], "1.1", 1)

    assert (plan.transfers, plan.unknown) == ((), (("lead", 1), ("contact", 8)))


def test_D6_4_after_several_attempts_it_goes_back_to_where_it_came_from() -> None:
    again = replace(FIRST, attempt=2, manager_id=502, responsible_before=501)
    events = [
        FIRST,
        changed("contact", 8),
        again,
        changed("contact", 8, before=501, manager_id=502),
    ]

    assert plan_of(events, "1.1", 1).transfers == (
        Transfer("lead", 1, 502, 77),
        Transfer("contact", 8, 502, 77),
    )


def test_D6_4_what_was_taken_back_or_undone_is_not_undone_again() -> None:
    undone = changed("contact", 8, before=501, order_id="undo/9", manager_id=77)

    assert plan_of([FIRST, withdrawn(FIRST)], "1.1", 1).transfers == ()
    assert plan_of([FIRST, changed("contact", 8), undone], "1.1", 1).transfers == (
        Transfer("lead", 1, 501, 77),
    )


def test_D6_4_other_decisions_are_left_alone() -> None:
    other = assigned(1, request_id="1.2", manager_id=502, responsible_before=501)

    assert plan_of([FIRST, other], "1.2", 1).transfers == (Transfer("lead", 1, 502, 501),)
