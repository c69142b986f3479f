"""What a decision has to know and the account does not: asked for, and what the answer says.

While Kommo is read, a request is being *prepared*: it waits, with an instant after which it is
decided without the answer, and it stands in no queue, because which one is not known. Requests
whose rules ask nothing are never prepared.
"""

from collections.abc import Iterable, Sequence

from contracts.events import Outcome, ReadingPart, ReadingRequested
from contracts.stage import Stage
from domain.configuration import Rule
from domain.state import Lead, Request
from domain.step import Step
from domain.timers import due_at, schedule

TIMER = "readings"
PARTS: tuple[ReadingPart, ...] = ("lead", "contact", "company", "other_lead")


def wanted_parts(rules: Sequence[Rule], request: Request, lead: Lead) -> tuple[ReadingPart, ...]:
    """What has to be read before one of the rules can be chosen and followed; often nothing.

    Args:
        rules: Those that cover the lead's stage, in order.
        request: Who asks: a handover gives the lead away from its owner.
        lead: What is known of it.
    """
    wanted = {condition.part for rule in rules for condition in rule.conditions}
    if any(dimension.is_read for rule in rules for dimension in rule.kinds):
        wanted.add("lead")
    for rule in rules:
        if (owners := rule.owners) is None or request.is_handover:
            continue
        wanted.update(owners.reading_parts())
        if owners.keeps_others or ("lead" in owners.sources and lead.responsible_id is None):
            wanted.add("lead")
    return tuple(part for part in PARTS if part in wanted)


def is_trigger_awaited(step: Step, stage: Stage) -> bool:
    """Whether a trigger of the stage tells of each lead, too, and says what its rule is by now.

    Kommo sends the account's webhook and the trigger's beside each other. Where the account's comes
    first the lead is read before its decision and not behind it: meanwhile the trigger's comes, and
    a revision that was just saved in Kommo decides (D1.8).
    """
    telling = step.account.configuration.triggers.get(stage, ())
    return any(rule.rule_id in telling for rule in rules_at(step, stage))


def ask(step: Step, request: Request, parts: tuple[ReadingPart, ...]) -> None:
    """Let the request wait for a reading under the rules in force."""
    configuration = step.account.configuration
    until = step.now + configuration.reads_within
    step.record(
        ReadingRequested(
            request_id=request.request_id,
            lead_id=request.lead_id,
            stage=request.stage,
            revision=configuration.revision,
            parts=parts,
            next_look_at=until,
            at=step.now,
        )
    )
    set_for = due_at(step, TIMER)
    if set_for is None or not step.now < set_for <= until:
        schedule(step, TIMER, until)


def matching(
    rules: Iterable[Rule], outcomes: Sequence[Outcome]
) -> tuple[Rule | None, tuple[Outcome, ...]]:
    """The first rule whose conditions all hold, and the outcomes that led to it (D1.4, D1.5).

    What is not known does not hold.
    """
    heard: list[Outcome] = []
    for rule in rules:
        own = [each for each in outcomes if each.rule_id == rule.rule_id]
        heard += own
        if len(own) == len(rule.conditions) and all(each.is_met for each in own):
            return rule, tuple(heard)
    return None, tuple(heard)


def rules_at(step: Step, stage: Stage) -> tuple[Rule, ...]:
    """The rules that cover a stage, in the order in which they are tried."""
    return step.account.configuration.by_stage.get(stage, ())
