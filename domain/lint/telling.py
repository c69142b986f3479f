"""Tasks that their manager cannot do in time, targets that nobody has added (D12.2)."""

from collections.abc import Collection, Iterator

from contracts.rules import RuleSection
from contracts.sentences import sentence
from domain.lint.finding import Finding
from domain.schedule import Path


def telling_findings(
    at_rule: Path, rule: RuleSection, targets: Collection[str] | None
) -> Iterator[Finding]:
    """A task that is due when the lead has long been passed on; a target that is not there.

    Args:
        at_rule: Where the rule stands.
        rule: The rule.
        targets: The account's targets of webhooks; None to believe the rule.
    """
    name = None if rule.tell is None else rule.tell.webhook
    if name is not None and targets is not None and name not in targets:
        yield Finding(
            path=(*at_rule, "tell", "webhook"),
            severity="warning",
            found=sentence("lint.target_unknown", target=name),
            advice=sentence("lint.target_unknown.advice", target=name),
        )
    task = None if rule.tell is None else rule.tell.task
    if task is None:
        return
    path, passes_on = (*at_rule, "tell", "task", "due_minutes"), rule.redistribution
    if passes_on is not None and task.due_minutes > passes_on.after_minutes:
        yield Finding(
            path=path,
            severity="warning",
            found=sentence(
                "lint.task_after_passing_on", due=task.due_minutes, after=passes_on.after_minutes
            ),
            advice=sentence("lint.task_after_passing_on.advice", after=passes_on.after_minutes),
        )
