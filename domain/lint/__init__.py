"""What an administrator may not have meant: rules that can be applied, and probably should not.

Every finding names its field and what to do. A `warning` is most likely a mistake; a `note` is
worth knowing, and often meant.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from contracts.rules import RulesFile
from contracts.stage import Stage
from domain.configuration import Configuration, Rule, compile_rules
from domain.lint.capacity import capacity_findings, limit_findings
from domain.lint.finding import Finding, Severity
from domain.lint.gone import Circumstances, gone_findings
from domain.lint.hours import closed_findings, hours_findings, shift_end_findings
from domain.lint.kinds import kind_findings
from domain.lint.numbers import number_findings
from domain.lint.owners import owner_findings
from domain.lint.people import incoming_findings, people_findings, reach_findings
from domain.lint.telling import telling_findings
from domain.lint.tiers import tier_findings
from domain.lint.totals import policy_findings, total_findings
from domain.lint.touches import target_findings

__all__ = ["Circumstances", "Finding", "Severity", "lint"]

ORDINARY = Circumstances()


def lint(
    file: RulesFile,
    *,
    at: datetime,
    timezone: str,
    active_user_ids: Sequence[int] | None = None,
    inflow: Mapping[Stage, int] | None = None,
    circumstances: Circumstances = ORDINARY,
    targets: Collection[str] | None = None,
    with_hours: bool = True,
) -> list[Finding]:
    """Look at a rules file that has no problems.

    Args:
        file: The file.
        at: From when hours are looked at, for a week.
        timezone: The account's, for everything without one of its own.
        active_user_ids: Everybody in Kommo; None to look at the file alone.
        inflow: Leads of the last week by the stage they came into; None if nobody counted.
        circumstances: What is special about its stages and users.
        targets: The account's targets of webhooks; None to look at the file alone.
        with_hours: Look at hours as well; its schedules are what was meant.
    """
    configuration = compile_rules(
        file.model_dump(mode="json", by_alias=True),
        revision=0,
        timezone=timezone,
        active_user_ids=active_user_ids or (),
    )
    # Whole minutes, so that the hours of a finding add up to what it says.
    at = at.replace(second=0, microsecond=0)
    found = [
        *(closed_findings(file, timezone, at) if with_hours else ()),
        *reach_findings(file),
        *incoming_findings(file, circumstances.incoming),
        *people_findings(file, active_user_ids),
        *gone_findings(file, circumstances),
        *kind_findings(file),
        *total_findings(file, _leads_by_rule(configuration, inflow)),
    ]
    for number, (section, rule) in enumerate(zip(file.rules, configuration.rules, strict=True)):
        at_rule = ("rules", number)
        found += owner_findings(at_rule, section)
        found += number_findings(at_rule, section)
        found += target_findings(at_rule, section, rule)
        found += telling_findings(at_rule, section, targets)
        found += policy_findings(number, section.policy)
        if not rule.participants:
            continue  # everybody, and nobody knows who that is
        found += limit_findings(at_rule, section, rule)
        if not with_hours:
            continue
        found += hours_findings(at_rule, section, configuration, rule, at)
        found += shift_end_findings(at_rule, configuration, rule, at)
        found += tier_findings(at_rule, section, configuration, rule, at)
        leads = _inflow_of(rule, configuration, inflow or {})
        if inflow is not None and leads is not None:
            found += capacity_findings(at_rule, rule, leads, at)
    return found


def _leads_by_rule(
    configuration: Configuration, inflow: Mapping[Stage, int] | None
) -> dict[str, int | None]:
    """Last week's leads of each rule; None where nobody counted them."""
    return {
        rule.rule_id: None if inflow is None else _inflow_of(rule, configuration, inflow)
        for rule in configuration.rules
    }


def _inflow_of(rule: Rule, configuration: Configuration, inflow: Mapping[Stage, int]) -> int | None:
    """Last week's leads of a rule; None where conditions divide them, which nobody counted."""
    leads = 0
    for stage, rules in configuration.by_stage.items():
        if any(each is rule for each in rules):
            if len(rules) > 1 or rule.conditions:
                return None
            leads += inflow.get(stage, 0)
    return leads
