"""Fair in number and in kind: what leads are told apart in, and what that does to who gets them."""

from typing import Any

import pytest

from contracts.events import (
    LEAD,
    AssignmentWithdrawn,
    CreditMoved,
    KindCredits,
    LeadAssigned,
    LeadKind,
    RequestPrepared,
    Standing,
)
from contracts.inbound import LedgerKinds, PostCorrection
from contracts.rules import LedgerSection
from domain.choosing.policies import choose
from domain.conditions import Facts
from domain.explain.reproduced import is_reproduced
from domain.kinds import OTHER, Dimension, compile_kinds, kinds_read
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    DAN,
    HOT,
    MONDAY,
    NEW,
    NINE,
    OFFICE,
    Scenario,
    at,
    clock,
    dp,
    facts,
    given,
    owned,
    participant,
    patched,
    pause,
    read,
    refused,
    reported,
    resume,
    rule,
    rules,
    users,
)

TWO = (NEW, HOT)
SITE, PHONE = 14_001, 14_002


def of(*kinds: Any, **rest: Any) -> dict[str, Any]:
    """The section of the ledgers, for the account's."""
    return {"ledgers": {"account": {"kinds": list(kinds), **rest}}}


def dimension(kind: Any) -> Dimension:
    (found,) = compile_kinds({"account": LedgerSection(kinds=[kind])})["account"]
    return found


def from_source(lead: int, source: int, **rest: Any) -> Any:
    """What is read of a lead that came from a source."""
    kinds = (LeadKind("source", source),)
    return facts(lead, kinds=(LedgerKinds("account", kinds),), **rest)


def decided(scenario: Scenario) -> LeadAssigned:
    """The last decision of the answer."""
    return [e for e in scenario.answer if isinstance(e, LeadAssigned)][-1]


def in_kind(scenario: Scenario, what: str, kind: int) -> dict[int, int]:
    return dict(scenario.account.kind_credits("account", LeadKind(what, kind)))


# What leads are told apart in -----------------------------------------------------------------


def test_D3_9_each_source_of_kommo_is_a_kind() -> None:
    by_source = dimension("source")

    assert by_source.kind_of(Facts(source_id=SITE)) == SITE
    assert by_source.kind_of(Facts()) == OTHER


def test_D3_9_the_first_tag_of_the_file_that_a_lead_has_is_its_kind() -> None:
    by_tag = dimension({"tags": ["VIP", "partner"]})
    vip, partner = by_tag.numbers or ()

    assert by_tag.kind_of(Facts(tags=("partner", "vip"))) == vip
    assert by_tag.kind_of(Facts(tags=("partner", "new"))) == partner
    assert by_tag.kind_of(Facts(tags=("new",))) == OTHER


@pytest.mark.parametrize(
    ("price", "band"), [(0, 0), (999, 0), (1_000, 1), (9_999, 1), (10_000, 2), (2**52, 2)]
)
def test_D3_9_prices_are_told_apart_by_bounds(price: int, band: int) -> None:
    by_price = dimension({"price": [1_000, 10_000]})

    assert by_price.kind_of(Facts(price=price)) == (by_price.numbers or ())[band]
    assert by_price.kind_of(Facts(price=None)) == OTHER


def test_D3_9_values_of_a_field_are_kinds_whatever_their_capitals() -> None:
    by_field = dimension({"field": {"id": 5, "values": ["Enterprise", " Small "]}})
    enterprise, small = by_field.numbers or ()

    assert by_field.kind_of(Facts(fields={5: ("enterprise",)})) == enterprise
    assert by_field.kind_of(Facts(fields={5: ("small",)})) == small
    assert by_field.kind_of(Facts(fields={6: ("small",)})) == OTHER


def test_D3_9_a_kind_has_the_same_number_wherever_it_stands() -> None:
    first = dimension({"tags": ["vip", "partner"]})
    second = dimension({"tags": ["new", "Partner", "VIP"]})

    assert set(first.numbers or ()) < set(second.numbers or ())
    assert dimension({"tags": ["1"]}).numbers != dimension({"price": [1]}).numbers
    assert all(0 < number < 2**53 for number in second.numbers or ())


def test_D3_9_the_stage_is_told_by_the_request_and_not_read() -> None:
    dimensions = compile_kinds({"a": LedgerSection(kinds=["stage", "source"])})["a"]

    assert kinds_read(dimensions, Facts(source_id=SITE)) == (LeadKind("source", SITE),)


# Who gets them --------------------------------------------------------------------------------


def test_D3_9_the_largest_sum_wins_in_which_the_total_counts_twice() -> None:
    standings = (
        Standing(ANN, 1, "eligible", 200, LEAD // 2, 0, 0, None),
        Standing(BOB, 1, "eligible", -200, LEAD // 2, 0, 0, None),
    )

    total = choose(standings)
    both = choose(standings, "fair_share", (KindCredits("source", SITE, (-500, 500)),))
    tied = choose(standings, "fair_share", (KindCredits("source", SITE, (-400, 400)),))

    assert total is not None
    assert both is not None
    assert tied is not None
    assert (total.manager_id, total.reason) == (ANN, "largest_credit")
    assert (both.manager_id, both.reason) == (BOB, "largest_sum")
    assert (tied.manager_id, tied.reason) == (ANN, "smaller_id")
    assert both.movements == ((ANN, LEAD // 2), (BOB, LEAD // 2 - LEAD))


def test_D3_9_both_managers_get_half_of_each_source() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of("source")))
    got: dict[tuple[int, int], int] = {}
    for lead in range(1, 41):
        source = SITE if lead % 2 else PHONE  # in turn, as by a total alone each gets one kind
        scenario.when(dp(lead), from_source(lead, source))
        (winner,) = scenario.got()
        got[winner, source] = got.get((winner, source), 0) + 1

    assert got == dict.fromkeys(((m, s) for m in (ANN, BOB) for s in (SITE, PHONE)), 10)


def test_D3_9_by_a_total_alone_one_of_them_gets_all_of_the_best() -> None:
    scenario = given(rules=rules(rule(ANN, BOB)))
    scenario.when(*map(dp, range(1, 41)))

    assert set(scenario.got()[::2]) == {ANN}


def test_D3_9_a_decision_tells_the_kinds_and_every_credit_in_them() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of("source", "stage")))
    scenario.when(dp(1), from_source(1, SITE)).when(dp(2), from_source(2, SITE))

    half = LEAD // 2
    assert decided(scenario).kinds == (
        KindCredits("source", SITE, (-half, half)),
        KindCredits("stage", NEW.status_id, (-half, half)),
    )
    assert decided(scenario).reason == "largest_sum"
    assert is_reproduced(decided(scenario))


def test_D3_9_only_numbers_of_kinds_are_kept() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of({"tags": ["vip"]})))
    (vip,) = scenario.account.configuration.kinds["account"][0].numbers or ()
    told = LedgerKinds("account", (LeadKind("tags", vip),))
    scenario.when(dp(1)).then(
        "lead 1 in new of None",
        "opened 1.1 under a",
        "read lead for 1.1 until 12:01:00",
        "timer readings #1: 12:01:00",
    )
    scenario.when(facts(1, kinds=(told,)))

    prepared = [e for e in scenario.answer if isinstance(e, RequestPrepared)]
    assert [e.kinds for e in prepared] == [(LeadKind("tags", vip),)]
    assert in_kind(scenario, "tags", vip) == {ANN: -LEAD // 2, BOB: LEAD // 2}


def test_D3_9_what_cannot_be_read_in_time_is_of_the_kind_other() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of("source")))
    scenario.when(dp(1)).when(dp(2), at=at(61))

    assert decided(scenario).kinds == (KindCredits("source", OTHER, (0, 0)),)


def test_D3_9_a_stage_alone_is_not_read_for() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, stages=TWO), **of("stage")))
    scenario.when(dp(1, NEW), dp(2, HOT), dp(3, NEW), dp(4, HOT))

    assert scenario.got() == [ANN, BOB, BOB, ANN]


def test_D3_9_other_policies_know_no_kinds() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, policy="least_loaded"), **of("source", "stage")))

    assert decided(scenario.when(dp(1))).kinds == ()


# What moves credit moves it in kinds ----------------------------------------------------------


def test_D3_9_a_refund_gives_back_in_the_kind_as_well() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of("source")))
    scenario.when(dp(1), from_source(1, SITE))
    scenario.when(reported(1, NEW, by=DAN, action="responsible", modified=at(5)), at=at(6))

    (withdrawn,) = [e for e in scenario.answer if isinstance(e, AssignmentWithdrawn)]
    assert withdrawn.kinds == (LeadKind("source", SITE),)
    assert scenario.account.kinds == {}


def test_D3_9_a_lead_refused_with_one_manager_keeps_its_kind() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of("source")))
    scenario.when(dp(1), from_source(1, SITE)).when(refused(1, ANN, active=True))

    assert scenario.got() == [BOB]
    assert decided(scenario).kinds[0][:2] == ("source", SITE)


def test_D3_9_a_lead_that_is_passed_on_keeps_its_kind_and_both_pay() -> None:
    passing = {"after_minutes": 30, "clock": "wall_clock"}
    owners = {"sources": ["contact"]}
    scenario = given(
        rules=rules(rule(ANN, BOB, CEM, redistribution=passing, owners=owners), **of("source"))
    )
    known = from_source(1, SITE, responsibles=owned(1, contact=ANN).responsibles)
    scenario.when(dp(1), known).when(patched(1, ANN))
    scenario.when(clock(scenario), at=at(31 * 60)).when(read(1))

    (winner,) = scenario.got()
    assert winner != ANN
    assert decided(scenario).kinds[0][:2] == ("source", SITE)
    assert in_kind(scenario, "source", SITE)[winner] < 0


def test_D3_9_a_correction_is_spread_as_the_leads_were() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, stages=TWO), **of("stage")))
    scenario.when(*(dp(lead, HOT if lead == 4 else NEW) for lead in range(1, 5)))
    before = {stage: in_kind(scenario, "stage", stage.status_id) for stage in TWO}
    scenario.when(PostCorrection(manager_id=ANN, credit_units=4 * LEAD, by="admin", reason="x"))

    (moved,) = [e for e in scenario.answer if isinstance(e, CreditMoved)]
    after = {stage: in_kind(scenario, "stage", stage.status_id) for stage in TWO}
    assert [(k.kind, dict(k.movements)[ANN]) for k in moved.kinds] == [
        (NEW.status_id, 3 * LEAD),
        (HOT.status_id, LEAD),
    ]
    assert after[NEW].get(ANN, 0) - before[NEW].get(ANN, 0) == 3 * LEAD
    assert after[HOT].get(ANN, 0) - before[HOT].get(ANN, 0) == LEAD


def test_D3_9_a_correction_is_made_up_for_in_full() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, stages=TWO), **of("stage")))
    scenario.when(*(dp(lead, TWO[lead % 2]) for lead in range(1, 9)))
    scenario.when(PostCorrection(manager_id=ANN, credit_units=4 * LEAD, by="admin", reason="x"))
    scenario.when(*(dp(lead, TWO[lead % 2]) for lead in range(9, 49)))

    assert scenario.got().count(ANN) == 20 + 4


def test_D3_9_what_is_caught_up_with_is_spread_too() -> None:
    scenario = given(rules=rules(rule(ANN, BOB, CEM, catch_up=2), **of("stage")))
    scenario.when(pause(ANN)).when(*map(dp, range(1, 13))).when(resume(ANN), dp(13))

    (moved,) = [e for e in scenario.answer if isinstance(e, CreditMoved)]
    (in_stage,) = moved.kinds
    assert in_stage.movements == moved.movements
    assert dict(moved.movements)[ANN] == 2 * LEAD


def test_D3_7_D3_9_an_owner_owes_no_more_than_their_debt_in_any_kind() -> None:
    owners = {"sources": ["contact"], "debt_max": 1}
    scenario = given(rules=rules(rule(ANN, BOB, stages=TWO, owners=owners), **of("stage")))
    for lead in range(1, 7):
        scenario.when(dp(lead, NEW)).when(owned(lead, contact=ANN))

    book = in_kind(scenario, "stage", NEW.status_id)
    assert -LEAD <= book[ANN] < -LEAD + LEAD // 10
    assert sum(book.values()) == 0
    assert is_reproduced(decided(scenario))


def test_D3_9_kinds_that_stay_keep_their_credits_and_new_ones_start_at_0() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of({"tags": ["vip", "gone"]}, "stage")))
    vip, gone = scenario.account.configuration.kinds["account"][0].numbers or ()
    for lead, kind in ((1, vip), (2, gone)):
        told = LedgerKinds("account", (LeadKind("tags", kind),))
        scenario.when(dp(lead), facts(lead, kinds=(told,)))
    kept = in_kind(scenario, "tags", vip)
    scenario.when(rules(rule(ANN, BOB), **of({"tags": ["new", "VIP"]})))

    assert kept
    assert list(scenario.account.kinds["account"]) == [LeadKind("tags", vip)]
    assert in_kind(scenario, "tags", vip) == kept


def test_D3_9_a_refund_finds_no_kind_that_was_edited_away() -> None:
    scenario = given(rules=rules(rule(ANN, BOB), **of("source")))
    scenario.when(dp(1), from_source(1, SITE)).when(rules(rule(ANN, BOB), **of("stage")))
    scenario.when(reported(1, NEW, by=DAN, action="responsible", modified=at(5)), at=at(6))

    (withdrawn,) = [e for e in scenario.answer if isinstance(e, AssignmentWithdrawn)]
    assert withdrawn.kinds == ()
    assert (scenario.credits(), scenario.account.kinds) == ({}, {})


def test_D3_9_nor_one_that_came_back_meanwhile() -> None:
    by_source, by_stage = (rules(rule(ANN, BOB), **of(kind)) for kind in ("source", "stage"))
    scenario = given(rules=by_source)
    scenario.when(dp(1), from_source(1, SITE)).when(by_stage, by_source)
    scenario.when(reported(1, NEW, by=DAN, action="responsible", modified=at(5)), at=at(6))

    assert (scenario.credits(), scenario.account.kinds) == ({}, {})


def test_F84_D3_9_what_waits_is_read_again_for_other_kinds() -> None:
    night = MONDAY.replace(hour=20)
    people = (participant(ANN, schedule="office"), participant(BOB, schedule="office"))
    hours: dict[str, Any] = {"schedules": {"office": OFFICE}}
    scenario = given(rules=rules(rule(*people), **hours), at=night)
    scenario.when(dp(1)).when(rules(rule(*people), **hours, **of("source")))

    assert [type(e).__name__ for e in scenario.answer][:2] == ["RulesApplied", "ReadingRequested"]
    scenario.when(from_source(1, SITE, revision=2, modified=night), at=NINE.replace(day=13))
    assert decided(scenario).kinds[0][:2] == ("source", SITE)


def test_D8_1_D3_9_a_reserved_lead_has_its_kind() -> None:
    section = rule(participant(ANN, schedule="office"), off_hours="reserve_first_starter")
    applied = rules(section, schedules={"office": OFFICE}, **of("stage"))
    scenario = given(rules=applied, at=MONDAY.replace(hour=20)).when(dp(1))

    assert decided(scenario).kinds == (KindCredits("stage", NEW.status_id, (0,)),)


def test_F83_kinds_are_in_a_snapshot() -> None:
    passing = {"after_minutes": 30}
    applied = rules(rule(ANN, BOB, CEM, redistribution=passing), **of("source", "stage"))
    scenario = given(rules=applied)
    scenario.when(dp(1), from_source(1, SITE)).when(dp(2), pause(ANN), pause(BOB), pause(CEM))
    scenario.when(from_source(2, PHONE))

    account = scenario.account
    assert account.kinds
    assert account.offers[1].kinds == account.leads[1].wanted.kinds  # type: ignore[union-attr]
    assert account.requests.by_id["2.2"].kinds == (LeadKind("source", PHONE),)
    assert load(dump(account)) == account


def test_D3_9_equal_standings_in_kind_are_settled_as_D3_2_says() -> None:
    standings = [Standing(m, 1, "eligible", 0, LEAD // 2, 0, 0, None) for m in (BOB, ANN)]
    kinds = (KindCredits("stage", 70, (0, 0)),)
    rested = [standings[0]._replace(last_turn=1), standings[1]._replace(last_turn=2)]

    id_wins, wait_wins = choose(standings, "fair_share", kinds), choose(rested, "fair_share", kinds)

    assert id_wins is not None
    assert wait_wins is not None
    assert (id_wins.manager_id, id_wins.reason) == (ANN, "smaller_id")
    assert (wait_wins.manager_id, wait_wins.reason) == (BOB, "longest_wait")


def test_D3_9_nobody_eligible_gets_nothing() -> None:
    standing = Standing(ANN, 1, "at_limit", 0, 0, 0, 1, 1)

    assert choose((standing,), "fair_share", (KindCredits("stage", 70, (0,)),)) is None


def test_D3_9_users_who_leave_take_no_part_in_kinds() -> None:
    scenario = given(rules=rules(rule(), **of("stage")), active=(ANN, BOB))
    scenario.when(dp(1)).when(users(BOB, CEM)).when(dp(2))

    assert decided(scenario).kinds == (KindCredits("stage", NEW.status_id, (LEAD // 2, 0)),)
