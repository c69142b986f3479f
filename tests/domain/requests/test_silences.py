"""A trigger that was deleted in Kommo, which tells nobody of it (D1.8)."""

from datetime import timedelta

from contracts.stage import Stage
from domain import snapshot
from tests.domain.commands.test_triggers import T, U, carry
from tests.domain.scenario import (
    ANN,
    BOB,
    HOT,
    NEW,
    NOON,
    Scenario,
    dp,
    facts,
    given,
    observed,
    reported,
    rule,
    rules,
    told,
)

BELIEVED = rules(trust_webhooks=True)
HOUR = timedelta(hours=1)


def come(scenario: Scenario, *leads: int, stage: Stage = NEW, after: timedelta = HOUR) -> Scenario:
    """Leads move into the stage one by one, of which the account's webhook alone tells."""
    for lead in leads:
        clock = scenario.clock + after
        scenario.when(reported(lead, stage, modified=clock), at=clock)
        read(scenario, lead)
    return scenario


def read(scenario: Scenario, lead: int) -> None:
    """Kommo is read for the lead, which waits for that if its stage has a trigger."""
    if (request := scenario.account.waiting_of(lead)) is not None:
        stage, revision = request.stage, scenario.account.revision
        scenario.when(facts(lead, stage, request_id=request.request_id, revision=revision))


def owners(scenario: Scenario, *leads: int) -> list[int | None]:
    found = (scenario.account.leads[lead].wanted for lead in leads)
    return [wanted.manager_id if wanted is not None else None for wanted in found]


def changes(scenario: Scenario) -> list[str]:
    names = ("silent", "heard")
    return [line for each in scenario.log if (line := told(each)).split()[0] in names]


def test_D1_8_after_three_leads_without_its_hook_a_triggers_rule_takes_no_more() -> None:
    scenario = come(given(carry(1), rules=BELIEVED), 1, 2, 3, 4)

    assert owners(scenario, 1, 2, 3, 4) == [ANN, ANN, ANN, None]
    assert changes(scenario) == [f"silent {T} at {NEW.status_id}"]


def test_D1_8_a_hook_between_them_begins_the_count_anew() -> None:
    scenario = come(given(carry(1), rules=BELIEVED), 1, 2)
    scenario.when(carry(1), dp(2, source="dp_widget"))
    come(scenario, 3, 4, 5)

    assert owners(scenario, 1, 2, 3, 4, 5) == [ANN] * 5
    assert changes(scenario) == [f"heard {T} at {NEW.status_id}"]


def test_D1_8_leads_of_which_its_hooks_tell_first_are_no_silence() -> None:
    scenario = given(carry(1), rules=BELIEVED)
    for lead in range(1, 6):
        clock = scenario.clock + HOUR
        fired = dp(lead, source="dp_widget", occurred_at=clock)
        scenario.when(carry(1), fired, reported(lead, modified=clock), at=clock)

    assert owners(scenario, *range(1, 6)) == [ANN] * 5
    assert changes(scenario) == []
    assert scenario.account.silences == {}


def test_D1_8_hooks_that_may_still_be_on_their_way_are_waited_for() -> None:
    many = come(given(carry(1), rules=BELIEVED), *range(1, 8), after=timedelta(seconds=1))

    assert owners(many, *range(1, 8)) == [ANN] * 7
    assert changes(many) == []


def test_D1_8_what_sweeps_alone_show_says_nothing_of_triggers() -> None:
    """Nothing reached us: their hooks would not have either."""
    scenario = given(carry(1), rules=BELIEVED)
    for lead in range(1, 6):
        clock = scenario.clock + HOUR
        scenario.when(observed(lead, modified=clock), at=clock)

    assert owners(scenario, *range(1, 6)) == [ANN] * 5
    assert changes(scenario) == []


def swept(scenario: Scenario, *leads: int, hooks: bool) -> None:
    """Sweeps show leads a minute after they came; hooks of another stage come meanwhile, or not."""
    for lead in leads:
        came = scenario.clock + HOUR
        if hooks:
            scenario.when(dp(100 + lead, HOT, source="dp_widget", occurred_at=came), at=came)
        scenario.when(observed(lead, modified=came), at=came + timedelta(minutes=1))


def test_D1_8_without_webhooks_of_the_account_leads_that_sweeps_show_count_beside_other_hooks() -> (
    None
):
    scenario = given(carry(1), carry(1, BOB, rule_id=U, stage=HOT), rules=BELIEVED)
    swept(scenario, 1, 2, 3, hooks=True)
    swept(scenario, 4, hooks=True)
    last = snapshot.load(snapshot.dump(scenario.account))

    assert owners(scenario, 1, 2, 3, 4) == [ANN, ANN, ANN, None]
    assert changes(scenario) == [f"silent {T} at {NEW.status_id}"]
    assert last.hook_at == scenario.account.hook_at is not None


def test_D1_8_while_no_hook_reaches_us_what_sweeps_show_ends_no_trigger() -> None:
    """Nor does what came before the hooks were back."""
    scenario = given(carry(1), carry(1, BOB, rule_id=U, stage=HOT), rules=BELIEVED)
    scenario.when(dp(100, HOT, source="dp_widget"))
    swept(scenario, 1, 2, 3, 4, hooks=False)
    later = scenario.clock + HOUR
    scenario.when(dp(101, HOT, source="dp_widget", occurred_at=later), at=later)
    scenario.when(observed(5, modified=later - timedelta(minutes=30)), at=later)
    swept(scenario, 6, hooks=True)

    assert owners(scenario, 1, 2, 3, 4, 5, 6) == [ANN] * 6
    assert changes(scenario) == []


def test_D1_8_a_trigger_with_conditions_of_its_own_need_not_tell_of_every_lead() -> None:
    scenario = given(carry(1, has_conditions_of_its_own=True), rules=rules(rule(BOB, stages=[HOT])))
    come(scenario, 1, 2, 3, 4)

    assert changes(scenario) == []


def test_D1_8_once_it_is_heard_of_it_takes_leads_again_that_of_its_hook_first() -> None:
    scenario = come(given(carry(1), rules=BELIEVED), 1, 2, 3, 4)
    scenario.when(carry(1), dp(4, source="dp_widget"))
    come(scenario, 5)

    assert owners(scenario, 4, 5) == [ANN, ANN]
    assert changes(scenario) == [f"silent {T} at {NEW.status_id}", f"heard {T} at {NEW.status_id}"]


def test_D1_8_in_one_of_two_pipelines_it_ends_there_alone() -> None:
    scenario = given(carry(1), carry(1, stage=HOT), rules=BELIEVED)
    come(scenario, 1, 2, 3, 4, stage=HOT)
    come(scenario, 5)

    assert owners(scenario, 4, 5) == [None, ANN]


def test_D1_8_the_next_trigger_of_the_stage_takes_over() -> None:
    """The leads of a deleted one go by the one that is left."""
    scenario = given(carry(1, ANN), carry(1, BOB, rule_id=U), rules=BELIEVED)
    for lead in range(1, 5):
        come(scenario, lead)
        scenario.when(carry(1, BOB, rule_id=U), dp(lead, source="dp_widget"))

    assert owners(scenario, 1, 2, 3, 4) == [ANN, ANN, ANN, BOB]


def test_D1_8_a_rule_that_a_file_takes_over_listens_to_no_trigger() -> None:
    scenario = come(given(carry(1), rules=BELIEVED), 1, 2, 3, 4)
    scenario.when(rules(rule(BOB, rule_id=T), trust_webhooks=True))
    come(scenario, 5)

    assert scenario.account.silences == {}
    assert owners(scenario, 5) == [BOB]


def test_D10_3_silences_are_kept_in_snapshots() -> None:
    counting = come(given(carry(1), rules=BELIEVED), 1, 2).account
    silent = come(given(carry(1), rules=BELIEVED), 1, 2, 3, 4).account

    for account in (counting, silent):
        again = snapshot.load(snapshot.dump(account))
        assert again.silences == account.silences
        assert again.configuration == account.configuration
    assert NEW not in silent.configuration.by_stage
    assert silent.silences[T, NEW].came[0] == NOON + HOUR
