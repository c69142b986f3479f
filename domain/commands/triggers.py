"""Rules of the widget's triggers: each is in force as the newest trigger of Kommo carries it.

A rule has one source. Of one that a trigger carries a file says its place, and whether it is
switched on (`enabled`), and nothing else counts; it stands after those of the file. A file that has
a rule of the same id without `widget` takes it over for good.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.inbound import CarryTrigger
from contracts.stage import Stage

Section = dict[str, Any]
NOTHING: Mapping[str, Any] = {"version": 1, "rules": []}


def with_triggers(wanted: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Rules that somebody applies, with those of triggers as they are, after the others.

    Those that a file names keep the order that it gives them.
    """
    rules = _rules(wanted)
    own = [each for each in rules if not _is_of_trigger(each)]
    taken = {each.get("id") for each in own}
    kept = {
        each["id"]: each
        for each in _rules(known or NOTHING)
        if _is_of_trigger(each) and each["id"] not in taken
    }
    named = {
        each["id"]: _switched(kept[each["id"]], each)
        for each in rules
        if _is_of_trigger(each) and each.get("id") in kept
    }
    if not kept and len(own) == len(rules):
        return dict(wanted)
    unnamed = (each for name, each in kept.items() if name not in named)
    return {**wanted, "rules": [*own, *named.values(), *unnamed]}


def carried(known: Mapping[str, Any] | None, message: CarryTrigger) -> dict[str, Any] | None:
    """The rules once a trigger carries this revision; None if nothing follows from it.

    A trigger with an older revision is a copy that nobody has opened since, on another stage: it
    brings nothing back, and its stage is the rule's, too. What was made separate takes its stage
    from the rule that it was each time it is seen there: a hook from before, which comes late,
    says that the stage is that rule's.
    """
    before = known or NOTHING
    rules = _rules(before)
    present = next((each for each in rules if each["id"] == message.rule_id), None)
    if present is not None and not _is_of_trigger(present):
        return None
    stages = _with_stage(present["stages"] if present is not None else (), message.stage)
    if present is not None and message.revision <= present["widget"]["revision"]:
        section = {**present, "stages": stages}
    else:
        section = {**_revised(message, like=present), "stages": stages}
    changed = [
        section
        if each["id"] == message.rule_id
        else _without(each, message.separated_from, message.stage)
        for each in rules
    ]
    if present is None:
        changed.append(section)
    return None if changed == rules else {**before, "rules": changed}


def _revised(message: CarryTrigger, *, like: Section | None) -> Section:
    """The revision as a rule, switched off if the one before it was."""
    widget = {**message.section.get("widget", {}), "revision": message.revision}
    section = {**message.section, "id": message.rule_id, "widget": widget}
    return section if like is None else _switched(section, like)


def as_of_a_file(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The same rules, those of triggers as if a file alone said what they are."""
    sections = [
        {name: value for name, value in each.items() if name != "widget"} for each in _rules(rules)
    ]
    return {**rules, "rules": sections}


def _rules(data: Mapping[str, Any]) -> Sequence[Section]:
    found = data.get("rules")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is_of_trigger(section: Section) -> bool:
    return section.get("widget") is not None


def _switched(section: Section, like: Section) -> Section:
    """A rule that is on or off as another one."""
    on = {name: value for name, value in section.items() if name != "enabled"}
    return on if like.get("enabled", True) else {**on, "enabled": False}


def _with_stage(stages: Sequence[Section], stage: Stage) -> list[Section]:
    written = {"pipeline": stage.pipeline_id, "stage": stage.status_id}
    return [*stages] if written in stages else [*stages, written]


def _without(section: Section, given_up: str | None, stage: Stage) -> Section:
    """A rule without the stage on which another one was made of it; never without any."""
    if section["id"] != given_up or not _is_of_trigger(section):
        return section
    written = {"pipeline": stage.pipeline_id, "stage": stage.status_id}
    left = [each for each in section["stages"] if each != written]
    return {**section, "stages": left} if left else section
