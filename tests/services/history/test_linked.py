"""The checker knows each lie about what follows a lead by its name (D6.4)."""

from typing import Any

import pytest

from contracts.events import (
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    LinkedRequested,
    Recorded,
    Transfer,
)
from services.history.linked import check_linked
from services.history.verdict import Verdict
from tests.domain.scenario import ACCOUNT_ID, ANN, BOB, CEM, NOON

CONTACT = Transfer("contact", 7, BOB, ANN)
OF_1: dict[str, Any] = {"order_id": "1.1/1", "request_id": "1.1", "lead_id": 1, "at": NOON}
OF_2: dict[str, Any] = {"order_id": "2.2/1", "request_id": "2.2", "lead_id": 2, "at": NOON}


def asked(of: dict[str, Any] = OF_1, **changes: Any) -> LinkedRequested:
    whole = {"manager_id": ANN, "objects": ("contacts", "tasks"), "only_for": (), **of, **changes}
    return LinkedRequested(**whole)


def decided(
    *transfers: Transfer, of: dict[str, Any] = OF_1, is_undo: bool = False
) -> LinkedDecided:
    return LinkedDecided(handovers=transfers, is_undo=is_undo, by="rule", **of)


def changed(transfer: Transfer = CONTACT, of: dict[str, Any] = OF_1) -> LinkedChanged:
    return LinkedChanged(how="answered", **transfer._asdict(), **of)


def left(transfer: Transfer = CONTACT) -> LinkedLeft:
    thing = {"kind": transfer.kind, "entity_id": transfer.entity_id}
    return LinkedLeft(manager_id=transfer.manager_id, reason="gone", detail="", **thing, **OF_1)


def found(*events: Any, is_settled: bool = True) -> list[str]:
    verdict = Verdict(ACCOUNT_ID)
    recorded = [
        Recorded(account_id=ACCOUNT_ID, version=number, cause=f"m{number}", event=event)
        for number, event in enumerate(events, start=1)
    ]
    check_linked(recorded, verdict, is_settled=is_settled)
    return [violation.invariant for violation in verdict.violations]


@pytest.mark.parametrize(
    "events",
    [
        (asked(), decided(CONTACT), changed()),
        (asked(), decided(CONTACT), left()),
        (asked(), decided()),
        (asked(only_for=(BOB,)), decided(CONTACT), changed()),
        (asked(only_for=(CEM,)), decided(CONTACT._replace(responsible_before=0)), changed()),
        (
            decided(CONTACT, of={**OF_1, "order_id": "undo/4"}, is_undo=True),
            changed(of={**OF_1, "order_id": "undo/4"}),
        ),
    ],
    ids=["changed", "left", "nothing there", "of the chosen", "of nobody", "undone"],
)
def test_I4_what_follows_by_its_rule_keeps_every_promise(events: tuple[Any, ...]) -> None:
    assert found(*events) == []


@pytest.mark.parametrize(
    ("events", "broken"),
    [
        ((decided(CONTACT), changed()), ["I4"]),
        ((asked(), decided(CONTACT), changed(), decided(CONTACT), changed()), ["I4"]),
        ((asked(objects=("tasks",)), decided(CONTACT), changed()), ["I4"]),
        ((asked(only_for=(CEM,)), decided(CONTACT), changed()), ["I4"]),
        ((asked(manager_id=CEM), decided(CONTACT), changed()), ["I4"]),
        ((asked(), decided(CONTACT), changed(), changed()), ["I3"]),
        ((asked(), decided(CONTACT), changed(CONTACT._replace(manager_id=CEM))), ["I3"]),
        (
            (asked(), decided(CONTACT), asked(OF_2), decided(CONTACT, of=OF_2), changed(of=OF_2)),
            ["I3"],
        ),
        ((asked(),), ["I2"]),
        ((asked(), decided(CONTACT)), ["I2"]),
    ],
    ids=[
        "never asked for",
        "decided twice",
        "not of the rule",
        "not of the chosen",
        "to another manager",
        "ended twice",
        "ended with another",
        "on two ways at once",
        "never answered",
        "never ended",
    ],
)
def test_D6_4_each_lie_is_found(events: tuple[Any, ...], broken: list[str]) -> None:
    assert found(*events) == broken


def test_an_unsettled_history_may_leave_things_on_their_way() -> None:
    assert found(asked(), asked(OF_2), decided(CONTACT), is_settled=False) == []
