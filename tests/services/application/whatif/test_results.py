"""What came of the requests of a time, counted."""

from dataclasses import replace

from contracts.events import LEAD
from services.application.whatif.results import ResultCounter, Results, Waits
from tests.projections.kit import assigned, closed, later, opened, recorded, withdrawn


def counted(*events: object) -> Results:
    counter = ResultCounter()
    for number, event in enumerate(events):
        counter.add(recorded(event, after=number))  # type: ignore[arg-type]
    return counter.results()


def test_D1_2_each_request_is_assigned_waiting_or_closed() -> None:
    results = counted(
        opened(1, request_id="1.1"),
        opened(2, request_id="2.2"),
        opened(3, request_id="3.3"),
        assigned(1, request_id="1.1"),
        closed(2, request_id="2.2", reason="no_rule"),
    )

    assert (results.requests, results.assigned, results.waiting) == (3, 1, 1)
    assert results.closed == {"no_rule": 1}


def test_D7_5_what_was_withdrawn_nobody_got() -> None:
    given = assigned(1, request_id="1.1", manager_id=501)
    results = counted(opened(1, request_id="1.1"), given, withdrawn(given))

    assert [(each.manager_id, each.got) for each in results.managers if each.got] == []
    assert (results.assigned, results.waiting) == (0, 1)


def test_waits_are_from_the_request_to_the_first_decision() -> None:
    events: list[object] = []
    for lead in range(1, 11):
        events.append(opened(lead, request_id=f"{lead}.1", at=later(0)))
        events.append(assigned(lead, request_id=f"{lead}.1", at=later(lead)))
    again = replace(assigned(1, request_id="1.1", at=later(99)), attempt=2)

    results = counted(*events, again)

    assert results.waits == Waits(median_s=300, most_s=540, longest_s=600)


def test_D3_5_deviations_are_of_these_leads_alone() -> None:
    movements = ((501, -LEAD // 2), (502, LEAD // 2))
    results = counted(
        opened(1, request_id="1.1"),
        assigned(1, request_id="1.1", manager_id=501, movements=movements),
    )

    assert {each.manager_id: each.deviation_units for each in results.managers} == {
        501: LEAD // 2,
        502: -LEAD // 2,
    }
    assert results.widest_units == LEAD // 2


def test_without_requests_there_is_nothing_to_count() -> None:
    results = counted()

    assert results.managers == ()
    assert results.waits == Waits(median_s=None, most_s=None, longest_s=None)
