"""People of a priority that is never asked, because earlier ones are always there (D2.3)."""

from collections.abc import Iterator
from datetime import datetime

from contracts.rules import RuleSection
from contracts.sentences import sentence
from domain.configuration import Configuration, Participant, Rule
from domain.lint.finding import Finding
from domain.lint.hours import WEEK, Span, present, without
from domain.schedule import Path
from domain.schedule.spans import merged


def tier_findings(
    at_rule: Path, section: RuleSection, configuration: Configuration, rule: Rule, at: datetime
) -> Iterator[Finding]:
    """Who gets nothing for a week unless somebody of an earlier priority is paused.

    A full manager keeps later priorities from being asked unless `when_full` says otherwise; then
    only people who can never be full do.
    """
    week = (at, at + WEEK)
    places = {p.manager: number for number, p in enumerate(section.participants)}
    for tier in sorted({p.tier for p in rule.participants if p.weight})[1:]:
        earlier = [p for p in rule.participants if p.tier < tier and _blocks(rule, p)]
        covered = merged(span for p in earlier for span in _spans(configuration, p, week))
        for participant in rule.participants:
            if participant.tier != tier or not participant.weight:
                continue
            spans = list(_spans(configuration, participant, week))
            if spans and not without(spans, covered):
                yield Finding(
                    path=(*at_rule, "participants", places[participant.manager_id], "priority"),
                    severity="warning",
                    found=sentence("lint.never_asked", manager=participant.manager_id, tier=tier),
                    advice=sentence("lint.never_asked.advice"),
                )


def _blocks(rule: Rule, participant: Participant) -> bool:
    """Whether nobody of a later priority is asked while they are at work."""
    limits = (participant.limit, participant.caps, participant.task_limit)
    can_be_full = any(limit is not None for limit in limits)
    return bool(participant.weight) and not (can_be_full and rule.when_full == "next_tier")


def _spans(configuration: Configuration, participant: Participant, week: Span) -> Iterator[Span]:
    return present(configuration, participant.manager_id, participant.schedule, week)
