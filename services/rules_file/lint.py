"""What to look at in a rules file before it is put in force, line by line.

Problems keep a file from being applied; warnings are most likely mistakes; notes are worth
knowing. Like reading the file, looking at it takes a moment: call it outside of an event loop.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contracts.sentences import Sentence
from contracts.stage import Stage
from domain import lint
from services.rules_file import file as rules_file

Severity = Literal["problem", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing to look at.

    Attributes:
        line: From 1, as in an editor.
        field: Like `rules[0].limit`; empty for the file itself.
        advice: What to do; None where what was found says it.
    """

    line: int
    field: str
    severity: Severity
    found: Sentence
    advice: Sentence | None = None

    @property
    def order(self) -> tuple[int, str, str]:
        """By line, and by what is the same for the same file."""
        return self.line, self.field, self.severity


def remark_of(problem: rules_file.Problem) -> Remark:
    """A problem as what it is among other remarks."""
    return Remark(line=problem.line, field=problem.field, severity="problem", found=problem.found)


def look_over(
    text: str | bytes | rules_file.Judged,
    *,
    at: datetime,
    timezone: str,
    known_stages: Mapping[Stage, str] | None = None,
    known_users: Mapping[int, str] | None = None,
    inflow: Mapping[Stage, int] | None = None,
    circumstances: lint.Circumstances = lint.ORDINARY,
    targets: Collection[str] | None = None,
) -> list[Remark]:
    """Everything to look at, in line order.

    Beside problems, what does not depend on a field that has one is looked at all the same.

    Args:
        text: YAML or JSON; or what was read and judged with the same stages and users.
        at: Now: the hours of the week from here are looked at.
        timezone: The account's.
        known_stages: Every stage of the account; None to believe the file.
        known_users: Every user of the account, those who left included; None to believe the file.
        inflow: Leads of the last week by the stage they came into; None if nobody counted.
        circumstances: What is special about its stages and users.
        targets: The account's targets of webhooks; None to believe the file.
    """
    judged = (
        text
        if isinstance(text, rules_file.Judged)
        else rules_file.judge(text, known_stages=known_stages, known_users=known_users)
    )
    remarks = [remark_of(problem) for problem in judged.problems]
    remarks += [
        Remark(
            line=judged.document.place(finding.path).line,
            field=rules_file.field_name(finding.path),
            severity=finding.severity,
            found=finding.found,
            advice=finding.advice,
        )
        for finding in _findings(judged, at, timezone, known_users, inflow, circumstances, targets)
    ]
    return sorted(remarks, key=lambda remark: remark.order)


def _findings(
    judged: rules_file.Judged,
    at: datetime,
    timezone: str,
    known_users: Mapping[int, str] | None,
    inflow: Mapping[Stage, int] | None,
    circumstances: lint.Circumstances,
    targets: Collection[str] | None,
) -> list[lint.Finding]:
    """What the linter finds in the rules without problems."""
    if judged.usable is None:
        return []
    wrong_rules = {path[1] for path in judged.wrong if path[:1] == ("rules",) and len(path) > 1}
    elsewhere = any(path[:1] != ("rules",) for path in judged.wrong)
    numbers = [
        n for n, rule in enumerate(judged.usable.rules) if n not in wrong_rules and rule.enabled
    ]
    found = lint.lint(
        judged.usable.model_copy(update={"rules": [judged.usable.rules[n] for n in numbers]}),
        at=at,
        timezone=timezone,
        active_user_ids=None
        if known_users is None
        else sorted({*known_users} - {*circumstances.left}),
        inflow=None if judged.wrong else inflow,
        circumstances=circumstances,
        targets=targets,
        with_hours=not elsewhere,
    )
    of_rules = [
        replace(finding, path=("rules", numbers[int(finding.path[1])], *finding.path[2:]))
        for finding in found
        if _is_of_a_rule(finding)
    ]
    others = [finding for finding in found if not _is_of_a_rule(finding)]
    # Who is in no rule, or which ledger, is not known before all rules are.
    return of_rules + [
        each for each in others if not judged.wrong or each.path[:1] == ("schedules",)
    ]


def _is_of_a_rule(finding: lint.Finding) -> bool:
    return finding.path[:1] == ("rules",) and len(finding.path) > 1


def _active(known: Mapping[int, str] | None, left: Collection[int]) -> list[int] | None:
    return None if known is None else sorted(user_id for user_id in known if user_id not in left)
