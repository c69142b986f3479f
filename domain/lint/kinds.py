"""Kinds of leads that no rule tells apart, or that cannot come out even (D3.9)."""

from collections.abc import Iterator

from contracts.rules import RulesFile
from contracts.sentences import sentence
from domain.lint.finding import Finding


def kind_findings(file: RulesFile) -> Iterator[Finding]:
    """Ledgers without a rule of the fair share, and stages that are no more than one."""
    for name, section in file.ledgers.items():
        rules = [r for r in file.rules if r.ledger == name and r.policy == "fair_share"]
        if section.kinds and not rules:
            yield Finding(
                path=("ledgers", name),
                severity="warning",
                found=sentence("lint.ledger_unused", ledger=name),
                advice=sentence("lint.ledger_unused.advice"),
            )
        stages = {stage.as_stage() for rule in rules for stage in rule.stages}
        for place, kind in enumerate(section.kinds):
            if kind == "stage" and len(stages) == 1:
                yield Finding(
                    path=("ledgers", name, "kinds", place),
                    severity="note",
                    found=sentence("lint.one_stage", ledger=name),
                    advice=sentence("lint.one_stage.advice"),
                )
