"""Targets for the first touch that say nothing, since no touch can miss them (D12.1)."""

from collections.abc import Iterator

from contracts.rules import RuleSection
from contracts.sentences import sentence
from domain.configuration import Rule
from domain.lint.finding import Finding
from domain.schedule import Path


def target_findings(at_rule: Path, section: RuleSection, rule: Rule) -> Iterator[Finding]:
    """A target where touches are not known, or with which a lead is passed on before it."""
    target, passes_on = section.first_touch_target_minutes, section.redistribution
    if target is None:
        return
    path = (*at_rule, "first_touch_target_minutes")
    if not rule.minds_touches:
        yield Finding(
            path=path,
            severity="warning",
            found=sentence("lint.touches_unknown"),
            advice=sentence("lint.touches_unknown.advice"),
        )
    elif passes_on is not None and target > passes_on.after_minutes:
        yield Finding(
            path=path,
            severity="warning",
            found=sentence(
                "lint.target_after_passing_on",
                target=target,
                after=passes_on.after_minutes,
            ),
            advice=sentence("lint.target_after_passing_on.advice"),
        )
