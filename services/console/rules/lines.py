"""A rule as a line of the list, and what it says section by section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.sentences import sentence
from services.console.rules.fields import SECTIONS
from services.console.rules.summaries import RuleData, stages
from services.console.rules.views import RemarkView, Shower, is_inside
from services.rules_file.yaml import descend


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """One rule.

    Attributes:
        number: Its place, from 0.
        is_off: It takes no leads.
        given: Leads of the last seven days.
        said: Its sections: what each is called, and what it says.
    """

    number: int
    rule_id: str
    title: str
    stages: tuple[str, ...]
    people: str
    is_off: bool
    given: int
    remarks: tuple[RemarkView, ...]
    said: tuple[tuple[str, str], ...]


def rule_lines(
    shower: Shower,
    remarks: Sequence[RemarkView],
    given: Mapping[str, int],
    numbers: Sequence[int] | None = None,
) -> list[RuleLine]:
    """All of them, or those in some places, in the order in which they are tried."""
    found = descend(shower.document.data, ("rules",))
    rules = found if isinstance(found, list) else []
    shown = range(len(rules)) if numbers is None else numbers
    return [_line(shower, number, remarks, given) for number in shown]


def _line(
    shower: Shower, number: int, remarks: Sequence[RemarkView], given: Mapping[str, int]
) -> RuleLine:
    words = shower.who.words
    told = RuleData(data=shower.document.data, base=("rules", number), stage=shower.stage_name)
    rule_id = str(told.at("id") or "")
    name = f"rules[{number}]"
    return RuleLine(
        number=number,
        rule_id=rule_id,
        title=str(told.at("name") or "") or rule_id or words.say(sentence("console.rules.unnamed")),
        stages=tuple(stages(told)),
        people=shower.said("who", told.base),
        is_off=told.at("enabled") is False,
        given=given.get(rule_id, 0),
        remarks=tuple(
            each for each in remarks if each.field == name or is_inside(each.field, name)
        ),
        said=tuple((words.say(each.title), shower.said(each.name, told.base)) for each in SECTIONS),
    )
