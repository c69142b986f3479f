"""What differs between two texts of rules: in words, and line by line."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.sentences import sentence
from services.application.rules_merging import ORDER, differing
from services.console.rules.views import Shower
from services.console.rules.wording import titles
from services.console.seeing import SeeingAccount
from services.rules_file.yaml import Document

SHOWN_CHARS_MAX = 120
LINES_MAX = 400
# `rules` and its id.
RULE_STEPS = 2
OF_A_RULE = ("where", "conditions", "who", "share")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """One thing that is another one.

    Attributes:
        where: The rule, or the settings of all rules.
        what: The field, or an entry of it.
        before: Empty where there was nothing.
        after: Empty where there is nothing any more.
    """

    where: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of a difference: `+` is new, `-` is gone, a space is neither."""

    sign: str
    text: str


def change_lines(
    who: SeeingAccount, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[ChangeLine]:
    """What rules have otherwise than others, in words."""
    names = names_in(before, after)
    found = []
    for each in differing(before, after):
        if each.path == ORDER:
            if _is_moved(each.before or (), each.after or ()):
                found.append(_order_line(who, each.before or (), each.after or (), names))
            continue
        where, what = named_change(who, each.path, names)
        old, new = (told_value(who, each.path, value) for value in (each.before, each.after))
        found.append(ChangeLine(where=where, what=what, before=old, after=new))
    return found


def _is_moved(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether those that were there already are tried in another order."""
    return [each for each in before if each in after] != [each for each in after if each in before]


def _order_line(
    who: SeeingAccount, before: Sequence[str], after: Sequence[str], names: Mapping[str, str]
) -> ChangeLine:
    where, what = named_change(who, ORDER, names)
    old, new = ("; ".join(names.get(each, each) for each in ids) for ids in (before, after))
    return ChangeLine(where=where, what=what, before=old, after=new)


def text_changes(before: str, after: str) -> list[TextLine]:
    """Two texts, line by line, with a little of what is around."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    found = [TextLine(sign=each[:1], text=each[1:]) for each in list(lines)[2:]]
    return found[:LINES_MAX]


_TITLES = dict(titles())


def named_change(who: SeeingAccount, path: str, rules: Mapping[str, str]) -> tuple[str, str]:
    """In which rule something is another one, and what.

    Args:
        who: For whom.
        path: As `services.application.rules_merging` tells it.
        rules: What each rule is called, by id.
    """
    steps = path.split(".")
    if steps[0] == "rules" and len(steps) > 1:
        return rules.get(steps[1], steps[1]), _what(who, steps[2:])
    return who.words.say(sentence("console.rules.account")), _what(who, steps)


def names_in(*several: Mapping[str, Any]) -> dict[str, str]:
    """What each rule is called, by id; the last text that names it counts."""
    found: dict[str, str] = {}
    for data in several:
        rules = data.get("rules")
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict):
                found[str(rule.get("id"))] = str(rule.get("name") or rule.get("id"))
    return found


def _what(who: SeeingAccount, steps: list[str]) -> str:
    if not steps:
        return who.words.say(sentence("console.rules.whole_rule"))
    if steps == [ORDER]:
        return who.words.say(sentence("console.rules.order"))
    numbers = [each for each in steps if each.isdigit()]
    named = ".".join(each for each in steps if not each.isdigit())
    title = _TITLES.get(named)
    said = named if title is None else who.words.say(title)
    if not numbers:
        return said
    if steps[0] in {"participants", "managers"}:
        whom = who.words.say(sentence("cell.manager", manager=int(numbers[0])))
        return who.words.say(sentence("console.rules.of_whom", what=said, whom=whom))
    return f"{said} {int(numbers[0]) + 1}"


def told_value(who: SeeingAccount, path: str, value: Any) -> str:  # noqa: ANN401 - any data
    """A value of the rules for people; empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return who.words.say(
            sentence("console.rules.yes") if value else sentence("console.rules.no")
        )
    if isinstance(value, int) and path.rpartition(".")[2] in {"manager", "fallback"}:
        return who.words.say(sentence("cell.manager", manager=value))
    steps = path.split(".")
    if steps[0] == "rules" and len(steps) == RULE_STEPS and isinstance(value, Mapping):
        return _whole(who, value)
    if steps[-1] == "stages" and isinstance(value, list):
        return "; ".join(_stage(who, each) for each in value)
    text = _plain(value)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}..."


def _whole(who: SeeingAccount, rule: Mapping[str, Any]) -> str:
    """A rule that is new, or gone: what it is about."""
    shower = Shower(who=who, document=Document(data={"rules": [rule]}), remarks=())
    return "; ".join(shower.said(section, ("rules", 0)) for section in OF_A_RULE)


def _stage(who: SeeingAccount, stage: Any) -> str:  # noqa: ANN401 - any data
    if not isinstance(stage, Mapping):
        return _plain(stage)
    shower = Shower(who=who, document=Document(data={}), remarks=())
    return shower.stage_name(stage.get("pipeline"), stage.get("stage"))


def _plain(value: Any) -> str:  # noqa: ANN401 - any data
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_plain(each) for each in value)
    return str(value)
