"""Why a manager got a lead, and why everybody else did not."""

from contracts.events import DutyCause, LeadAssigned, Standing
from contracts.sentences import Sentence, sentence
from domain.choosing.policies import free_share
from domain.explain.kinds import NO_LEDGERS, Ledgers, kind_name
from domain.explain.states import owner_sentences, state_of


def assigned(event: LeadAssigned, ledgers: Ledgers = NO_LEDGERS) -> list[Sentence]:
    """Who got the lead, why, and then the others one by one.

    Args:
        event: The decision.
        ledgers: What leads were told apart in by the rules of then; else their kinds have no names.
    """
    told = [
        sentence(
            "explain.assigned",
            manager=event.manager_id,
            lead=event.lead_id,
            rule=event.rule_id,
            revision=event.revision,
        ),
        *owner_sentences(event.owners),
        *_why(event, ledgers),
    ]
    if event.keeps_lead:
        told.append(sentence("explain.keeps_lead"))
    if event.reserved_until is not None:
        told.append(sentence("explain.kept_for_opening", opens_at=event.reserved_until))
    if event.release == "fresh":
        told.append(sentence("explain.fresh_in_turn"))
    if event.policy != "owner":
        told.extend(
            sentence(
                "explain.not", manager=standing.manager_id, why=_why_not(standing, event, ledgers)
            )
            for standing in event.standings
            if standing.manager_id != event.manager_id
        )
    if event.movements:
        told.append(_afterwards(event))
    return told


def _afterwards(event: LeadAssigned) -> Sentence:
    """The credit of everybody whose credit it moved."""
    before = {standing.manager_id: standing.credit for standing in event.standings}
    if event.owner_debt is not None:  # they need be no participant
        before[event.manager_id] = event.owner_debt.credit
    credits_ = tuple(
        sentence("explain.credit_of", manager=manager_id, credit=before[manager_id] + units)
        for manager_id, units in event.movements
        if manager_id in before
    )
    return sentence("explain.credits_after", credits=credits_)


def duty_cause(cause: DutyCause | None) -> Sentence:
    """Why leads go to duty (D7.4); None while the rule sends all of them there."""
    if cause is None:
        return sentence("explain.duty_by_rule")
    return sentence(f"explain.duty_cause.{cause}")


def _why(event: LeadAssigned, ledgers: Ledgers) -> list[Sentence]:
    match event.policy:
        case "owner":
            return _what_it_costs(event)
        case "duty":
            return _why_duty(event)
        case _:
            return _why_chosen(event, ledgers)


def _what_it_costs(event: LeadAssigned) -> list[Sentence]:
    if event.owner_debt is None:
        return []
    paid = dict(event.movements).get(event.manager_id, 0)
    debt = event.owner_debt.max_units
    return [sentence("explain.owner_pays", manager=event.manager_id, paid=paid, most=debt)]


def _why_duty(event: LeadAssigned) -> list[Sentence]:
    return [
        sentence("explain.duty", manager=event.manager_id, cause=duty_cause(event.because)),
        *(
            sentence("explain.not_on_duty", manager=standing.manager_id, why=state_of(standing))
            for standing in event.duty
            if standing.tier < event.tier
        ),
        sentence("explain.duty_is_outside"),
    ]


def _why_chosen(event: LeadAssigned, ledgers: Ledgers) -> list[Sentence]:
    winner = next(s for s in event.standings if s.manager_id == event.manager_id)
    asked = [s for s in event.standings if s.tier == event.tier]
    able = sum(s.verdict == "eligible" for s in asked)
    numbers, manager_id = _numbers(winner, event, ledgers), event.manager_id
    if event.policy == "fair_share" or event.reason in (
        "fewest_open",
        "largest_free_share",
        "fewest_given",
    ):
        chosen = sentence(f"explain.chosen.{event.reason}", manager=manager_id, numbers=numbers)
    else:
        tie = sentence(f"explain.tie.{event.reason}")
        chosen = sentence(
            f"explain.tied.{event.policy}", manager=manager_id, numbers=numbers, tie=tie
        )
    return [sentence("explain.able", tier=event.tier, able=able, asked=len(asked)), chosen]


def _numbers(standing: Standing, event: LeadAssigned, ledgers: Ledgers) -> Sentence:
    """What the policy holds against the others' numbers."""
    credit, open_leads, limit = standing.credit, standing.open_leads, standing.limit
    if event.policy == "most_available" and limit is not None:
        left = int(free_share(standing) * 100)
        return sentence(
            "explain.numbers.free", open=open_leads, limit=limit, left=left, credit=credit
        )
    if event.policy == "most_available":
        return sentence("explain.numbers.unlimited", open=open_leads, credit=credit)
    if event.even is not None:
        got = event.even.levels[event.standings.index(standing)]
        return sentence("explain.numbers.even", got=got, credit=credit)
    if event.policy == "least_loaded":
        return sentence("explain.numbers.open", open=open_leads, credit=credit)
    if event.kinds:
        place = event.standings.index(standing)
        in_kinds = tuple(
            sentence(
                "explain.numbers.in_kind",
                credit=each.credits[place],
                kind=kind_name(ledgers, event.ledger, each.what, each.kind),
            )
            for each in event.kinds
        )
        return sentence(
            "explain.numbers.kinds", credit=credit, in_kinds=in_kinds, share=standing.share
        )
    return sentence("explain.numbers.credit", credit=credit, share=standing.share)


def _why_not(standing: Standing, event: LeadAssigned, ledgers: Ledgers) -> Sentence:
    if standing.verdict != "eligible" or standing.cap is not None or event.policy == "duty":
        return state_of(standing)
    if standing.tier != event.tier:
        return sentence("explain.other_priority", own=standing.tier, asked=event.tier)
    return _numbers(standing, event, ledgers)
