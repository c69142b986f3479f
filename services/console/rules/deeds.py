"""What is done to the list of rules in a draft: one more, another order, off and on, one less."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, get_args

from contracts.stage import Stage
from services.web.problems import HttpProblem

Deed = Literal["add", "copy", "up", "down", "move", "off", "on", "remove"]
DEEDS: tuple[Deed, ...] = get_args(Deed)


def with_rule(data: Mapping[str, Any], name: str, stages: list[Stage]) -> dict[str, Any]:
    """One more rule at the end: everybody, evenly, in these stages."""
    wanted = deepcopy(dict(data))
    rules = _rules(wanted)
    rule: dict[str, Any] = {"id": _free_id("rule", rules)}
    if name:
        rule["name"] = name
    rule["stages"] = [{"pipeline": each.pipeline_id, "stage": each.status_id} for each in stages]
    rules.append(rule)
    return wanted


def done(
    data: Mapping[str, Any], deed: Deed, number: int, *, copy_name: str, place: int = 0
) -> dict[str, Any]:
    """The data after a deed to one rule.

    Args:
        data: Of the draft.
        deed: What is done.
        number: The rule's place.
        copy_name: The name of a copy; empty for a rule that has none.
        place: Where it is moved to.

    Raises:
        HttpProblem: There is no such rule.
    """
    wanted = deepcopy(dict(data))
    rules = _rules(wanted)
    if not 0 <= number < len(rules):
        raise HttpProblem("not-found")
    match deed:
        case "up" if number:
            rules.insert(number - 1, rules.pop(number))
        case "down" if number + 1 < len(rules):
            rules.insert(number + 1, rules.pop(number))
        case "move" if 0 <= place < len(rules):
            rules.insert(place, rules.pop(number))
        case "remove":
            del rules[number]
        case "off" if isinstance(rules[number], dict):
            rules[number]["enabled"] = False
        case "on" if isinstance(rules[number], dict):
            rules[number].pop("enabled", None)
        case "copy":
            rules.insert(number + 1, _copied(rules[number], rules, copy_name))
        case _:
            pass
    return wanted


def _copied(rule: Any, rules: list[Any], name: str) -> Any:  # noqa: ANN401 - any data
    if not isinstance(rule, dict):
        return deepcopy(rule)
    copied = {**deepcopy(rule), "id": _free_id(str(rule.get("id", "rule")), rules)}
    if name:
        copied["name"] = name
    return copied


def _rules(data: dict[str, Any]) -> list[Any]:
    if not isinstance(data.get("rules"), list):
        data["rules"] = []
    rules: list[Any] = data["rules"]
    return rules


def _free_id(like: str, rules: list[Any]) -> str:
    taken = {str(each.get("id")) for each in rules if isinstance(each, dict)}
    number = next(n for n in range(1, len(rules) + 2) if f"{like[:58]}-{n}" not in taken)
    return f"{like[:58]}-{number}"
