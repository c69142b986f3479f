"""What to look at in a rules file before it is put in force, line by line.

Problems keep a file from being applied; warnings are most likely mistakes; notes are worth
knowing. Like reading the file, looking at it takes a moment: call it outside of an event loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.stage import Stage
from domain import lint
from services import rules_file
from services.rules_yaml import read


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """One thing to look at, as an administrator reads it."""

    line: int
    field: str
    severity: Literal["problem", "warning", "note"]
    text: str
    advice: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        advice = f"\n  {self.advice}" if self.advice else ""
        return f"{where}: {self.severity}: {self.text}{advice}"


def look_over(
    text: str | bytes,
    *,
    at: datetime,
    timezone: str,
    known_stages: Mapping[Stage, str] | None = None,
    known_users: Mapping[int, str] | None = None,
    inflow: Mapping[Stage, int] | None = None,
) -> list[Remark]:
    """Everything to look at, in line order; only the problems, if there are any.

    Args:
        text: YAML or JSON.
        at: Now: the hours of the week from here are looked at.
        timezone: The account's.
        known_stages: Every stage of the account; None to believe the file.
        known_users: Every active user of the account; None to believe the file.
        inflow: Leads of the last week by the stage they came into; None if nobody counted.
    """
    rules, problems = rules_file.check(text, known_stages=known_stages, known_users=known_users)
    if rules is None or problems:
        return [Remark(p.line, p.field, "problem", p.message) for p in problems]
    document = read(text)
    found = lint.lint(
        rules,
        at=at,
        timezone=timezone,
        active_user_ids=sorted(known_users) if known_users is not None else None,
        inflow=inflow,
    )
    return sorted(
        Remark(
            document.place(finding.path).line,
            rules_file.field_name(finding.path),
            finding.severity,
            finding.text,
            finding.advice,
        )
        for finding in found
    )
