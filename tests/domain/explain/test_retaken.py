"""Past decisions are taken again by the rules themselves, from what the account knew (D10.2)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from contracts.events import AllocationEvent, LeadAssigned, RequestDeferred
from contracts.stage import Stage
from domain.evolve import evolve
from domain.explain.retaken import Mismatch, Retaker
from domain.requests import assign
from domain.snapshot import digest
from domain.state import Account
from tests.domain.kommo_model import History
from tests.golden.replay import Golden, files, read

GOLDEN = [read(path) for path in files([])]
KINDS: tuple[dict[str, Any], ...] = ({}, {"with_linked": True}, {"with_redistribution": True})


def events_of(golden: Golden) -> list[AllocationEvent]:
    return [recorded.event for _, answers in golden.steps for recorded in answers]


def audited(
    events: Iterable[AllocationEvent],
) -> tuple[tuple[int, Mismatch] | None, Retaker]:
    """The first event that is another one than comes out now, and what is."""
    account, retaker = Account(1), Retaker()
    for version, event in enumerate(events, start=1):
        before = digest(account)
        difference = retaker.compare(account, event)
        assert digest(account) == before, version
        if difference is not None:
            return (version, difference), retaker
        evolve(account, event)
    return None, retaker


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_D10_2_every_decision_of_a_golden_history_comes_out_again(golden: Golden) -> None:
    events = events_of(golden)
    found, retaker = audited(events)

    judged = [event for event in events if isinstance(event, LeadAssigned)]
    assert found is None
    assert retaker.decisions >= len(judged)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_D10_2_every_decision_of_random_histories_comes_out_again(kind: dict[str, Any]) -> None:
    decisions = 0
    for seed in range(40):
        found, retaker = audited(History(seed, **kind).run().events)
        decisions += retaker.decisions

        assert found is None, seed
        assert retaker.lapsed == {}, seed
    assert decisions > 100


def decided(golden: Golden) -> tuple[list[AllocationEvent], int]:
    """Its events, and the place of the first choice among several people."""
    events = events_of(golden)
    return events, next(
        place
        for place, event in enumerate(events)
        if isinstance(event, LeadAssigned)
        and event.policy == "fair_share"
        and sum(s.share > 0 for s in event.standings) > 1
    )


PLAIN = next(golden for golden in GOLDEN if golden.name.endswith("plain-day"))


def _of_first(event: LeadAssigned, **changes: Any) -> LeadAssigned:
    first, *others = event.standings
    return replace(event, standings=(first._replace(**changes), *others))


def _somebody_else(event: LeadAssigned) -> int:
    return next(s.manager_id for s in event.standings if s.manager_id != event.manager_id)


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda e: _of_first(e, credit=7), "standings.{first}.credit"),
        (lambda e: _of_first(e, verdict="paused"), "standings.{first}.verdict"),
        (lambda e: replace(e, standings=e.standings[:-1]), "standings"),
        (lambda e: replace(e, manager_id=_somebody_else(e)), "manager_id"),
        (lambda e: replace(e, movements=()), "movements"),
        (lambda e: replace(e, reason="duty"), "reason"),
        (lambda e: replace(e, turn=e.turn + 1), "turn"),
        (lambda e: replace(e, request_id="9.9"), "request_id"),
        (lambda e: replace(e, rule_id="none"), "rule_id"),
        (lambda e: replace(e, stage=Stage(9, 9)), "stage.pipeline_id"),
    ],
)
def test_D10_2_what_was_not_decided_so_is_named(spoil: Any, field: str) -> None:
    events, place = decided(PLAIN)
    event = events[place]
    assert isinstance(event, LeadAssigned)
    first = event.standings[0].manager_id

    found, _ = audited([*events[:place], spoil(event)])

    assert found is not None
    version, difference = found
    assert (version, difference.field) == (place + 1, field.format(first=first))
    assert difference.recorded != difference.found


def test_D10_2_a_lead_that_was_given_to_nobody_though_somebody_could_is_named() -> None:
    events, _ = decided(PLAIN)
    *_, place = (n for n, e in enumerate(events) if isinstance(e, LeadAssigned) and e.movements)
    event = events[place]
    assert isinstance(event, LeadAssigned)
    waits = RequestDeferred(
        request_id=event.request_id,
        lead_id=event.lead_id,
        rule_id=event.rule_id,
        reason="at_limit",
        next_look_at=event.at,
        standings=event.standings,
        at=event.at,
    )

    found, _ = audited([*events[:place], waits])

    difference = Mismatch(field="event", recorded="RequestDeferred", found="LeadAssigned")
    assert found == (place + 1, difference)


@pytest.mark.parametrize("field", [None, "manager_id"])
def test_F67_a_decision_under_another_time_zone_database_is_asked_for_what_it_recorded(
    field: str | None,
) -> None:
    events, place = decided(PLAIN)
    event = events[place]
    assert isinstance(event, LeadAssigned)
    # Its shifts were other ones, which nobody judges again; who got it follows from its standings.
    other = replace(_of_first(event, open_leads=99), tzdata="1999a")
    if field is not None:
        other = replace(other, manager_id=_somebody_else(event))

    found, _ = audited([*events[:place], other])

    assert (found and found[1].field) == field


@pytest.mark.parametrize(("tzdata", "is_found"), [(None, True), ("1999a", False)])
def test_F67_a_wait_is_judged_again_only_behind_a_decision_of_the_present_database(
    tzdata: str | None, *, is_found: bool
) -> None:
    events = events_of(next(golden for golden in GOLDEN if golden.name.endswith("off-hours")))
    given = next(place for place, e in enumerate(events) if isinstance(e, LeadAssigned))
    waits = next(
        place
        for place, e in enumerate(events)
        if place > given and isinstance(e, RequestDeferred) and e.standings
    )
    wait, last = events[waits], events[given]
    assert isinstance(wait, RequestDeferred)
    assert isinstance(last, LeadAssigned)
    first, *others = wait.standings
    spoiled = replace(wait, standings=(first._replace(open_leads=99), *others))
    for place in range(waits):
        event = events[place]
        if isinstance(event, LeadAssigned) and tzdata is not None:
            events[place] = replace(event, tzdata=tzdata)

    found, _ = audited([*events[:waits], spoiled])

    assert (found is not None) == is_found


def test_F82_so_is_one_under_another_version_of_its_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    events, place = decided(PLAIN)
    event = events[place]
    assert isinstance(event, LeadAssigned)
    spoiled = [*events[:place], _of_first(event, open_leads=99)]
    assert audited(spoiled)[0] is not None

    monkeypatch.setitem(assign.POLICY_VERSIONS, "fair_share", 99)  # type: ignore[arg-type]

    assert audited(spoiled)[0] is None
