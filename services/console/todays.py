"""What Today shows besides people and leads: what needs somebody, who is next, how fast (W4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.sentences import sentence
from services.application.next_able import NextAble, Passed
from services.application.problems import AccountProblem, Need
from services.console.moments import moment
from services.console.names import name_of, rule_of
from services.console.seeing import SeeingAccount
from services.words.forms import capital

# Where something can be done about it, below the account.
PLACES: Mapping[Need, str] = {
    "refused_by_kommo": "/connection",
    "webhooks_off": "/connection",
    "unaccounted": "/proof",
    "pushes_late": "/connection",
    "rules_outdated": "/rules",
    "trigger_silent": "/rules",
    "stalled": "/schedules",
    "unfair": "/fairness",
    "token": "/connection",
    "left_over": "/waiting#ended",
    "slow": "#speed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemLine:
    """What is wrong with the account.

    Attributes:
        found: What it looks like, a line each.
        href: Where something can be done about it.
        action: What that is.
    """

    name: str
    found: tuple[str, ...]
    help: str
    href: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLine:
    """Who gets the next lead of a rule.

    Attributes:
        text: Whether anybody does.
        passed: Why whoever is owed most does not; empty if they do.
    """

    rule: str
    text: str
    passed: str


def problem_line(who: SeeingAccount, problem: AccountProblem) -> ProblemLine:
    """What is wrong, and what to do about it."""
    say, need = who.words.say, problem.need
    return ProblemLine(
        name=say(sentence(f"accounts.trouble.{need}")),
        found=tuple(capital(each) for each in who.words.marked.lines(problem.found)),
        help=say(sentence(f"console.trouble.{need}")),
        href=f"{who.base}{PLACES[need]}",
        action=say(sentence(f"console.today.do.{need}")),
    )


def next_line(who: SeeingAccount, found: NextAble) -> NextLine:
    """Who gets the next lead, in words."""
    if found.manager_id is None:
        looks_at = found.looks_at or who.now
        told = sentence("console.next.nobody", at=moment(who, looks_at).marked)
    elif found.has_duty:
        told = sentence("console.next.duty", manager=found.manager_id)
    elif found.is_by_kind:
        told = sentence("console.next.by_kind", manager=found.manager_id)
    else:
        told = sentence("console.next.gets", manager=found.manager_id)
    return NextLine(
        rule=rule_of(who, found.rule_id),
        text=who.words.marked.say(told),
        passed="" if found.passed is None else _passed(who, found.passed),
    )


def _passed(who: SeeingAccount, passed: Passed) -> str:
    name, units = name_of(who, passed.manager_id), passed.credit_units
    if passed.verdict == "eligible":
        return who.words.say(sentence("console.next.lower", name=name, units=units))
    state = sentence(f"explain.state.{passed.verdict}")
    if passed.until is None:
        return who.words.say(sentence("console.next.owed", name=name, units=units, state=state))
    until = moment(who, passed.until).marked
    return who.words.marked.say(
        sentence("console.next.owed_until", name=name, units=units, state=state, until=until)
    )
