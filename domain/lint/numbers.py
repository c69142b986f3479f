"""Numbers of a rule that contradict each other: some of them can never matter (D5.7)."""

from collections.abc import Iterator
from itertools import combinations

from contracts.rules import CapsSection, RuleSection
from contracts.sentences import sentence
from domain.limits.caps import LONGEST_FIRST
from domain.lint.finding import Finding
from domain.schedule import Path


def number_findings(at_rule: Path, rule: RuleSection) -> Iterator[Finding]:
    """Caps that another cap keeps from ever being reached, and waits that end before they do."""
    if rule.caps is not None:
        yield from _cap_findings((*at_rule, "caps"), rule.caps)
    for number, participant in enumerate(rule.participants):
        if participant.caps is None:
            continue
        path = (*at_rule, "participants", number, "caps")
        yield from _cap_findings(path, participant.caps)
        if rule.caps is not None and not participant.caps_instead:
            yield from _looser_findings(path, participant.caps, rule.caps)
    age, wait = rule.age_limit_minutes, rule.duty_after_minutes
    if age is not None and wait is not None and age <= wait:
        yield Finding(
            path=(*at_rule, "duty_after_minutes"),
            severity="warning",
            found=sentence("lint.duty_after_age_limit", wait=wait, age=age),
            advice=sentence("lint.duty_after_age_limit.advice"),
        )


def _cap_findings(path: Path, caps: CapsSection) -> Iterator[Finding]:
    for longer, shorter in combinations(LONGEST_FIRST, 2):
        most, part = getattr(caps, longer), getattr(caps, shorter)
        if most is not None and part is not None and part > most:
            yield Finding(
                path=(*path, shorter),
                severity="warning",
                found=sentence(
                    "lint.cap_unreachable", shorter=shorter, part=part, longer=longer, most=most
                ),
                advice=sentence("lint.cap_unreachable.advice", shorter=shorter, most=most),
            )


def _looser_findings(path: Path, own: CapsSection, of_rule: CapsSection) -> Iterator[Finding]:
    for period in LONGEST_FIRST:
        most, rules = getattr(own, period), getattr(of_rule, period)
        if most is not None and rules is not None and most > rules:
            yield Finding(
                path=(*path, period),
                severity="warning",
                found=sentence("lint.cap_looser", period=period, own=most, rule=rules),
                advice=sentence("lint.cap_looser.advice"),
            )
