"""Rules that an administrator puts in force (D1.4)."""

from typing import Any

from pydantic import ValidationError

from contracts.events import RulesApplied
from contracts.inbound import ApplyRules, CarryTrigger
from contracts.rules import RulesFile
from domain.commands.triggers import carried, with_triggers
from domain.configuration import problems
from domain.requests.again import place_again
from domain.requests.silences import hear
from domain.step import Step


def apply_rules(step: Step, message: ApplyRules) -> None:
    """Put a revision in force; the same rules again are already in force."""
    account = step.account
    wanted = with_triggers(message.rules, account.rules_data)
    if account.rules_data == wanted:
        return
    base = message.base_revision
    if base is not None and base != account.revision:
        step.refuse("apply_rules", "revision_moved", base=base, revision=account.revision)
        return
    _put_in_force(step, "apply_rules", wanted, by=message.by, note=message.note)


def carry_trigger(step: Step, message: CarryTrigger) -> None:
    """Put the revision in force that a trigger of the widget carries, unless a newer one is."""
    hear(step, message.rule_id, message.stage)
    wanted = carried(step.account.rules_data, message)
    if wanted is not None:
        _put_in_force(step, "carry_trigger", wanted, by=message.by, note="")


def _put_in_force(step: Step, command: str, wanted: dict[str, Any], *, by: str, note: str) -> None:
    account = step.account
    try:
        wrong = [path for path, _ in problems(RulesFile.model_validate(wanted))]
    except ValidationError as error:
        wrong = [error.errors()[0]["loc"]]
    if wrong:
        # Where, not what: the words of a library would make another event with its next release.
        field = ".".join(str(part) for part in wrong[0])
        step.refuse(command, "rules_unusable", field=field, count=len(wrong))
        return
    before = account.configuration
    step.record(
        RulesApplied(revision=account.revision + 1, rules=wanted, by=by, at=step.now, note=note)
    )
    place_again(step, before)
    step.has_room = True
