"""People who left Kommo, and stages of pipelines that were put away, whom rules still name."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from contracts.rules import RuleSection, RulesFile
from contracts.sentences import sentence
from contracts.stage import Stage
from domain.lint.finding import Finding
from domain.schedule import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is special about stages and users of the account.

    Attributes:
        incoming: Stages in which incoming leads lie until somebody accepts them.
        archived: Stages of pipelines that were put away.
        left: Users whom Kommo lets in no more.
    """

    incoming: Collection[Stage] = ()
    archived: Collection[Stage] = ()
    left: Collection[int] = ()


def gone_findings(file: RulesFile, known: Circumstances) -> Iterator[Finding]:
    """Whom Kommo lets in no more, and where no lead comes any more, where a rule names them."""
    for number, rule in enumerate(file.rules):
        at_rule: Path = ("rules", number)
        for path, manager_id in _named(at_rule, rule):
            if manager_id in known.left:
                yield Finding(
                    path=path,
                    severity="warning",
                    found=sentence("lint.manager_left", manager=manager_id),
                    advice=sentence("lint.manager_left.advice"),
                )
        for place, stage in enumerate(rule.stages):
            if stage.as_stage() in known.archived:
                yield Finding(
                    path=(*at_rule, "stages", place),
                    severity="warning",
                    found=sentence("lint.stage_archived"),
                    advice=sentence("lint.stage_archived.advice"),
                )


def _named(at_rule: Path, rule: RuleSection) -> Iterator[tuple[Path, int]]:
    """Everybody whom a rule gives leads to, and where it says so."""
    for place, participant in enumerate(rule.participants):
        yield (*at_rule, "participants", place, "manager"), participant.manager
    if rule.duty is None:
        return
    for name in ("manager", "fallback"):
        manager_id = getattr(rule.duty, name)
        if manager_id is not None:
            yield (*at_rule, "duty", name), manager_id
    for place, entry in enumerate(rule.duty.rota or ()):
        yield (*at_rule, "duty", "rota", place, "manager"), entry.manager
