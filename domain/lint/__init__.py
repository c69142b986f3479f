"""What an administrator may not have meant: rules that can be applied, and probably should not.

Every finding names its field and what to do. A `warning` is most likely a mistake; a `note` is
worth knowing, and often meant.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.rules import RulesFile
from contracts.stage import Stage
from domain.configuration import Configuration, Rule, compile_rules
from domain.lint.capacity import capacity_findings, limit_findings
from domain.lint.finding import Finding, Severity
from domain.lint.hours import hours_findings
from domain.lint.people import people_findings, reach_findings

__all__ = ["Finding", "Severity", "lint"]


def lint(
    file: RulesFile,
    *,
    at: datetime,
    timezone: str,
    active_user_ids: Sequence[int] | None = None,
    inflow: Mapping[Stage, int] | None = None,
) -> list[Finding]:
    """Look at a rules file that has no problems.

    Args:
        file: The file.
        at: From when hours are looked at, for a week.
        timezone: The account's, for everything without one of its own.
        active_user_ids: Everybody in Kommo; None to look at the file alone.
        inflow: Leads of the last week by the stage they came into; None if nobody counted.
    """
    configuration = compile_rules(
        file.model_dump(mode="json", by_alias=True),
        revision=0,
        timezone=timezone,
        active_user_ids=active_user_ids or (),
    )
    found = [*reach_findings(file), *people_findings(file, active_user_ids)]
    for number, (section, rule) in enumerate(zip(file.rules, configuration.rules, strict=True)):
        at_rule = ("rules", number)
        if not rule.participants:
            continue  # everybody, and nobody knows who that is
        found += hours_findings(at_rule, section, configuration, rule, at)
        found += limit_findings(at_rule, section, rule)
        leads = _inflow_of(rule, configuration, inflow or {})
        if inflow is not None and leads is not None:
            found += capacity_findings(at_rule, rule, leads, at)
    return found


def _inflow_of(rule: Rule, configuration: Configuration, inflow: Mapping[Stage, int]) -> int | None:
    """Last week's leads of a rule; None where conditions divide them, which nobody counted."""
    leads = 0
    for stage, rules in configuration.by_stage.items():
        if any(each is rule for each in rules):
            if len(rules) > 1 or rule.conditions:
                return None
            leads += inflow.get(stage, 0)
    return leads
