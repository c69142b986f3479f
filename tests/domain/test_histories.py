"""Laws over random histories of a model of Kommo; a failure names the seed of its history."""

import os
import subprocess
import sys
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from contracts.events import (
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadLapsed,
    LookupRequested,
    RequestClosed,
    RequestOpened,
    TouchesRequested,
)
from contracts.inbound import InboundBody, LeadObserved
from domain.decide import decide
from domain.evolve import evolve
from domain.explain.reproduced import is_reproduced
from domain.limits.loads import Loads
from domain.snapshot import digest, dump, load
from domain.state import Account
from tests.domain.kommo_model import CALM, History, fates
from tests.domain.scenario import (
    ACCOUNT_ID,
    HOT,
    NEW,
    NOON,
    STAGES,
    WORK,
    Scenario,
    at,
    dp,
    given,
    missing,
    observed,
    patched,
    removed,
    reported,
    rule,
    rules,
)

ROOT = Path(__file__).parents[2]
SEEDS = 100
CHUNKS = [range(start, start + SEEDS) for start in range(0, 1_000, SEEDS)]
chunks = pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: str(seeds.start))


@chunks
def test_I5_I8_after_the_last_sweep_the_account_agrees_with_kommo(seeds: range) -> None:
    for seed in seeds:
        history = History(seed).run()
        account = history.account

        assert _known(account) == _true(history), seed
        assert [lead.wanted for lead in account.leads.values() if lead.wanted] == [], seed
        assert account.lookups == {}, seed
        assert account.loads == _recounted(account), seed
        assert [sum(ledger.values()) for ledger in account.credits.values() if any(ledger)] in (
            [],
            [0],
        ), seed


@pytest.mark.parametrize("seeds", CHUNKS[:3], ids=lambda seeds: str(seeds.start))
def test_I5_I8_leads_that_follow_others_agree_with_kommo_in_the_end(seeds: range) -> None:
    for seed in seeds:
        history = History(seed, with_linked=True).run()
        account = history.account

        assert _known(account) == _true(history), seed
        assert [lead.wanted for lead in account.leads.values() if lead.wanted] == [], seed
        assert (account.linking, account.transfers, account.changing) == ({}, {}, {}), seed
        assert account.loads == _recounted(account), seed
        assert load(dump(account)) == account, seed


@pytest.mark.parametrize("seeds", CHUNKS[:3], ids=lambda seeds: str(seeds.start))
def test_F36_in_fair_weather_a_handover_is_never_taken_for_a_person(seeds: range) -> None:
    for seed in seeds:
        history = History(seed, weather=CALM, with_bursts=False, with_linked=True).run()

        assert _taken_by_nobody(history) == [], seed


@chunks
def test_I2_every_request_has_one_fate(seeds: range) -> None:
    found = 0
    for seed in seeds:
        history = History(seed).run()
        account = history.account
        waiting = set(account.requests.by_id)

        for request_id, fate in fates(history.events).items():
            refusals = sum(
                1
                for event in history.events
                if isinstance(event, AssignmentWithdrawn)
                and event.request_id == request_id
                and event.reason == "manager_refused"
            )
            closings = [word for word in fate if word not in _STEPS]
            assert bool(fate) or request_id in waiting, (seed, request_id)
            assert fate.count("assigned") <= 1 + refusals, (seed, request_id)
            assert len(closings) + fate.count("confirmed") <= 1, (seed, request_id)
            assert not (closings and request_id in waiting), (seed, request_id)
            found += 1
    assert found > 0


@chunks
def test_D1_3_an_entry_is_decided_once_however_its_hooks_arrive(seeds: range) -> None:
    found = 0
    for seed in seeds:
        history = History(seed, with_plain_triggers=False).run()

        requests = _requests(history)
        for (lead_id, stage), count in requests.items():
            assert count <= history.leads[lead_id].entries.count(stage), (seed, lead_id)
            found += count
    assert found > 0


@chunks
def test_I2_an_entry_is_never_missed_once_the_sweep_has_seen_the_lead(seeds: range) -> None:
    found = 0
    for seed in seeds:
        history = History(seed).run()

        for lead_id, lead in history.account.leads.items():
            if lead.stage in (NEW, HOT) and history.leads[lead_id].created_at >= NOON:
                assert lead.request_id is not None, (seed, lead_id)
                found += 1
    assert found > 0


@chunks
def test_D1_3_in_fair_weather_each_entry_has_exactly_one_request(seeds: range) -> None:
    found = 0
    for seed in seeds:
        history = History(seed, weather=CALM, with_bursts=False).run()
        requests = _requests(history)

        for lead in history.leads.values():
            for stage in (NEW, HOT):
                entries = lead.entries.count(stage)
                assert requests[lead.lead_id, stage] == entries, (seed, lead.lead_id)
                found += entries
    assert found > 0


@chunks
def test_F60_in_fair_weather_a_lead_is_its_decided_managers_until_a_person_acts(
    seeds: range,
) -> None:
    for seed in seeds:
        history = History(seed, weather=CALM, with_bursts=False).run()

        assert all(count == 1 for count in history.pushes.values()), seed
        assert _taken_by_nobody(history) == [], seed
        decided = {e.lead_id: e for e in history.events if isinstance(e, LeadAssigned)}
        withdrawn = {
            (e.request_id, e.attempt) for e in history.events if isinstance(e, AssignmentWithdrawn)
        }
        for lead_id, decision in decided.items():
            lead = history.leads[lead_id]
            stands = (decision.request_id, decision.attempt) not in withdrawn
            if lead.is_open and stands and not any(t >= decision.at for t in lead.taken):
                assert lead.responsible_id == decision.manager_id, (seed, lead_id)


@pytest.mark.parametrize("seeds", CHUNKS[:3], ids=lambda seeds: str(seeds.start))
def test_D7_3_leads_that_are_passed_on_keep_every_promise(seeds: range) -> None:
    lapses = 0
    for seed in seeds:
        history = History(seed, with_redistribution=True).run()
        account = history.account
        decided = [e for e in history.events if isinstance(e, LeadAssigned)]
        offered = Counter((e.request_id, e.manager_id) for e in decided)
        refused = {
            (e.request_id, e.manager_id)
            for e in history.events
            if isinstance(e, AssignmentWithdrawn) and e.reason == "manager_refused"
        }

        assert _known(account) == _true(history), seed
        assert len({(e.request_id, e.attempt) for e in decided}) == len(decided), seed
        assert {key for key, times in offered.items() if times > 1} <= refused, seed
        assert account.loads == _recounted(account), seed
        assert set(account.offers) <= set(account.leads), seed
        assert all(sum(ledger.values()) == 0 for ledger in account.credits.values()), seed
        assert load(dump(account)) == account, seed
        for event in history.events:
            if isinstance(event, LeadLapsed):
                lapses += 1
                assert not _touched(history, event), (seed, event)

    assert lapses > 50


def _touched(history: History, lapse: LeadLapsed) -> bool:
    """Whether they had touched the lead, since Kommo showed it as theirs, when Kommo was asked."""
    events = [e for e in history.events if e.at <= lapse.at]
    key = (lapse.request_id, lapse.attempt)
    written = next(
        e.modified_at
        for e in events
        if isinstance(e, AssignmentConfirmed) and (e.request_id, e.attempt) == key
    )
    asked = [
        e.at for e in events if isinstance(e, TouchesRequested) and (e.request_id, e.attempt) == key
    ]
    touches = history.leads[lapse.lead_id].touches
    return lapse.is_read and any(
        by == lapse.manager_id and written is not None and written < at <= asked[-1]
        for by, at in touches
    )


@chunks
def test_I7_replay_from_zero_and_from_any_snapshot_is_exact(seeds: range) -> None:
    for seed in seeds[::4]:
        history = History(seed).run()
        replayed, again = Account(ACCOUNT_ID), Account(ACCOUNT_ID)
        done = 0
        for message, version in zip(history.messages, history.versions, strict=True):
            expected = tuple(history.events[done:version])
            for event in expected:
                evolve(replayed, event)
            restored = load(dump(again))
            assert restored == again, seed
            assert decide(restored, message) == expected, (seed, message)
            assert decide(again, message) == expected, (seed, message)
            assert digest(restored) == digest(again) == digest(replayed), (seed, message)
            done = version

        assert replayed == again == history.account, seed


@pytest.mark.server
def test_D10_1_decisions_do_not_depend_on_the_hash_seed() -> None:
    printed = set()
    for hash_seed in ("0", "1", "42", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-m", "tests.domain.kommo_model", "100"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            check=True,
            text=True,
        )
        printed.add(run.stdout)

    assert len(printed) == 1
    assert len(printed.pop().split()) == 100


def test_D10_2_a_decision_can_be_taken_again_from_what_its_event_says() -> None:
    decisions = [
        event
        for seed in range(SEEDS)
        for event in History(seed).run().events
        if isinstance(event, LeadAssigned)
    ]

    assert [event for event in decisions if not is_reproduced(event)] == []


# Every order of the hooks of one lead (F28) ---------------------------------------------------

BASE = (
    dp(1, NEW),
    reported(1, NEW, action="add"),
    reported(1, NEW, action="update", modified=at(2)),
)
ECHOES = (
    reported(1, NEW, by=501, action="responsible", modified=at(4)),
    reported(1, NEW, by=501, action="update", modified=at(4)),
)
DONE = patched(1, 501, modified=at(4))
SETS: dict[str, tuple[tuple[InboundBody, ...], LeadObserved]] = {
    "created in the stage, pushed": (
        (*BASE, *ECHOES, DONE),
        observed(1, NEW, by=501, modified=at(4), reason="lookup"),
    ),
    "created elsewhere, moved in": (
        (
            reported(1, WORK, action="add"),
            dp(1, NEW, old_stage=WORK),
            reported(1, NEW, modified=at(2)),
            reported(1, NEW, action="update", modified=at(2)),
            reported(1, NEW, by=501, action="responsible", modified=at(4)),
            dp(1, NEW, old_stage=WORK),
        ),
        observed(1, NEW, by=501, modified=at(4), reason="lookup"),
    ),
    "edited, moved on by a person": (
        (
            *BASE,
            reported(1, NEW, action="update", modified=at(3)),
            reported(1, WORK, modified=at(9)),
            reported(1, WORK, action="update", modified=at(9)),
        ),
        observed(1, WORK, modified=at(9), reason="lookup"),
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_F28_every_order_of_six_hooks_ends_in_the_same_state(name: str) -> None:
    messages, truth = SETS[name]
    for order in permutations(messages):
        scenario = _with_lookups(order, truth)
        lead = scenario.account.leads[1]
        decisions = sum(1 for event in scenario.log if isinstance(event, LeadAssigned))

        assert (lead.stage, lead.responsible_id) == (truth.stage, truth.responsible_id), order
        # A lead that is known to have left when its first hook arrives needs no decision (F29).
        assert decisions == 1 or (decisions == 0 and truth.stage == WORK), order


@pytest.mark.parametrize("end", ["closed", "deleted"])
def test_F28_an_ended_lead_stays_ended_in_every_order(end: str) -> None:
    stage = STAGES["won"]
    messages: tuple[InboundBody, ...] = (
        reported(1, NEW, action="add"),
        reported(1, NEW, action="update", modified=at(2)),
        reported(1, HOT, modified=at(3)),
        reported(1, stage, modified=at(5)) if end == "closed" else removed(1),
        reported(1, stage, action="update", modified=at(6)) if end == "closed" else removed(1),
    )
    truth = observed(1, stage, modified=at(6), reason="lookup") if end == "closed" else None

    for order in permutations(messages):
        account = _with_lookups(order, truth).account

        assert (account.leads, account.requests.waiting, account.loads) == ({}, {}, Loads()), order


def _with_lookups(messages: tuple[InboundBody, ...], truth: LeadObserved | None) -> Scenario:
    """Tell the messages; each lookup is answered at once with what Kommo holds by then."""
    scenario = given(rules=rules(rule(501)))
    answer = truth or missing(1)
    for second, message in enumerate(messages):
        scenario.when(message, at=at(20 + second))
        if any(isinstance(event, LookupRequested) for event in scenario.answer):
            scenario.when(answer)
    return scenario


# What is compared -----------------------------------------------------------------------------

_STEPS = ("assigned", "confirmed", "withdrawn")


def _known(account: Account) -> dict[int, tuple[object, ...]]:
    return {i: (lead.stage, lead.responsible_id) for i, lead in account.leads.items()}


def _true(history: History) -> dict[int, tuple[object, ...]]:
    leads = history.leads.items()
    return {i: (lead.stage, lead.responsible_id) for i, lead in leads if lead.is_open}


def _recounted(account: Account) -> Loads:
    loads = Loads()
    for lead in account.leads.values():
        loads.move(stage=None, owner_id=None, to=lead.stage, to_id=lead.owner_id)
    return loads


def _taken_by_nobody(history: History) -> list[int]:
    """The leads whose request was closed for a person who never took them."""
    return [
        event.lead_id
        for event in history.events
        if isinstance(event, RequestClosed)
        and event.reason == "taken_by_person"
        and not history.leads[event.lead_id].taken
    ]


def _requests(history: History) -> Counter[tuple[int, object]]:
    opened = [event for event in history.events if isinstance(event, RequestOpened)]
    return Counter((event.lead_id, event.stage) for event in opened)
