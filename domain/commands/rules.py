"""Rules that an administrator puts in force (D1.4)."""

from pydantic import ValidationError

from contracts.events import RulesApplied
from contracts.inbound import ApplyRules
from contracts.rules import RulesFile
from domain.configuration import problems
from domain.requests.again import place_again
from domain.step import Step


def apply_rules(step: Step, message: ApplyRules) -> None:
    """Put a revision in force; the same rules again are already in force."""
    account = step.account
    if account.rules_data == message.rules:
        return
    base = message.base_revision
    if base is not None and base != account.revision:
        step.refuse("apply_rules", "revision_moved", base=base, revision=account.revision)
        return
    try:
        wrong = [path for path, _ in problems(RulesFile.model_validate(message.rules))]
    except ValidationError as error:
        wrong = [error.errors()[0]["loc"]]
    if wrong:
        # Where, not what: the words of a library would make another event with its next release.
        field = ".".join(str(part) for part in wrong[0])
        step.refuse("apply_rules", "rules_unusable", field=field, count=len(wrong))
        return
    before = account.configuration
    step.record(
        RulesApplied(
            revision=account.revision + 1,
            rules=message.rules,
            by=message.by,
            at=step.now,
            note=message.note,
        )
    )
    place_again(step, before)
    step.has_room = True
