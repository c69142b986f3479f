"""Who gets how many over all rules: managers in many of them, and the policy that evens it out."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from contracts.rules import RulesFile
from contracts.sentences import sentence
from domain.lint.finding import Finding

MANY_RULES = 3
FAR_MORE = 2  # times what their colleagues get on average


def total_findings(file: RulesFile, leads: Mapping[str, int | None]) -> Iterator[Finding]:
    """Managers who get far more in total than their colleagues, as they are in many rules (D3.10).

    Coefficients are left aside: they say what is meant.

    Args:
        file: The rules.
        leads: Leads of the last week by rule; a rule of which nobody counted them counts as any
            other.
    """
    shared = [r for r in file.rules if r.policy == "fair_share" and r.participants]
    is_counted = all(leads.get(rule.id) is not None for rule in shared)
    gets: dict[int, Fraction] = {}
    member_of: dict[int, int] = {}
    for rule in shared:
        people = [p.manager for p in rule.participants if p.coefficient and p.priority == 1]
        for manager in people:
            part = Fraction((leads[rule.id] or 0) if is_counted else 1, len(people))
            gets[manager] = gets.get(manager, Fraction(0)) + part
            member_of[manager] = member_of.get(manager, 0) + 1
    everybody, others = sum(gets.values()), len(gets) - 1
    for manager in sorted(gets):
        if member_of[manager] < MANY_RULES or not others:
            continue
        total = everybody - gets[manager]
        times = Fraction(gets[manager] * others, total) if total else Fraction(0)
        if times >= FAR_MORE:
            yield Finding(
                path=_place(file, manager),
                severity="note",
                found=sentence(
                    "lint.far_more",
                    manager=manager,
                    rules=member_of[manager],
                    percent=int(times * 100),
                ),
                advice=sentence("lint.far_more.advice"),
            )


def policy_findings(number: int, policy: str) -> Iterator[Finding]:
    """What a policy gives up (D3.10)."""
    if policy == "fewest_given":
        yield Finding(
            path=("rules", number, "policy"),
            severity="note",
            found=sentence("lint.fewest_given"),
            advice=sentence("lint.fewest_given.advice"),
        )


def _place(file: RulesFile, manager: int) -> tuple[str | int, ...]:
    for number, rule in enumerate(file.rules):
        for place, participant in enumerate(rule.participants):
            if participant.manager == manager and rule.policy == "fair_share":
                return ("rules", number, "participants", place, "manager")
    raise AssertionError("they take part in a rule")
