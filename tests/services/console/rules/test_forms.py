"""Every key of the example file is a field of a form, and is changed by it alone (W4.4)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from contracts.rules import LedgerSection, RegistrySection, RuleSection, RulesFile, StageSection
from services.application.differing import differences
from services.console.rules import values
from services.console.rules.fields import (
    ACCOUNT,
    KIND_SECTION,
    SECTIONS,
    FormSection,
    RuleField,
    RuleRows,
)
from services.console.rules.forms import Placed, steps, taken, without
from services.console.rules.registers import registers_of
from services.rules_file.amending import amended
from services.rules_file.file import field_name
from services.rules_file.yaml import Document, read
from services.rules_file.yaml import Path as At
from services.words.source import RULE_CHOICES, RULE_KINDS

EXAMPLE = Path("contracts/schemas/rules.example.yaml").read_text(encoding="utf-8")
# Another value of each kind.
TYPED = {
    "text": ["Another one"],
    "number": ["77"],
    "lines": ["one\r\n two "],
    "ids": ["7\r\n8"],
    "person": ["500"],
    "people": ["", "501", "502"],
    "stages": ["", "7000003:63000001", "7000002:62000001"],
    "schedule": ["mixed"],
    "target": ["other"],
    "kinds": ["field", "5\r\na"],
}
# Schedules, absences and swaps have a screen of their own; the version is always 1.
ELSEWHERE = {"version", "schedules", "absences", "swaps", "rules", "ledgers", "registries"}


def all_placed(document: Document) -> list[Placed]:
    rules = range(len(document.data["rules"]))
    placed: list[Placed] = [(each, ("rules", n)) for n in rules for each in SECTIONS]
    return [*placed, (ACCOUNT, ()), *registers_of(document.data)]


def fields_in(document: Document, placed: list[Placed]) -> Iterator[tuple[RuleField, At]]:
    for section, base in placed:
        for part in section.parts:
            path = (*base, *steps(part.path))
            if isinstance(part, RuleField):
                yield part, path
                continue
            for number in range(len(document.at(path) or ()) + 1):
                for column in part.columns:
                    yield column, (*path, number, *steps(column.path))


def as_sent(document: Document, placed: list[Placed]) -> dict[str, list[str]]:
    """What a browser sends if nobody touches anything."""
    return {
        field_name(path): ["\r\n".join(values.shown(field, document, path))]
        for field, path in fields_in(document, placed)
    }


def other(field: RuleField, shown: list[str]) -> list[str]:
    if field.kind == "tick":
        return [""] if shown else ["", values.YES]
    if field.kind in {"choice", "ordered"}:
        return [next(each for each in field.choices[::-1] if [each] != shown)]
    return TYPED[field.kind]


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


def test_W4_4_every_key_of_the_example_is_changed_by_its_field_alone() -> None:
    document = read(EXAMPLE)
    placed = all_placed(document)
    sent = as_sent(document, placed)
    wrong: dict[str, Any] = {}
    for field, path in fields_in(document, placed):
        name, shown = field_name(path), values.shown(field, document, path)
        one = [each for each in placed if path[: len(each[1])] == each[1]]
        wanted = taken(document, one, {**sent, name: other(field, shown)})
        found = list(differences("", document.data, wanted))
        where = name.replace("[", ".").replace("]", "")
        if not found or any(
            not (each.path.startswith(where) or where.startswith(each.path)) for each in found
        ):
            wrong[name] = found

    assert taken(document, placed, sent) == document.data
    assert wrong == {}


def test_W4_4_fields_of_every_section_are_changed_at_a_time_and_comments_stay() -> None:
    document = read(EXAMPLE)
    placed = all_placed(document)
    sent = as_sent(document, placed)
    for field, path in fields_in(document, placed):
        if field.kind in {"text", "number", "tick", "choice"} and document.at(path) is not None:
            sent[field_name(path)] = other(field, values.shown(field, document, path))
    wanted = taken(document, placed, sent)

    text = amended(EXAMPLE, wanted)

    assert (read(text).data, comments(text)) == (wanted, comments(EXAMPLE))
    assert len(text.splitlines()) == len(EXAMPLE.splitlines())


def test_W4_4_every_key_that_a_rule_may_have_is_on_the_page() -> None:
    def keys(model: type[BaseModel], sections: tuple[FormSection, ...]) -> set[str]:
        named = {field.alias or name for name, field in model.model_fields.items()}
        return named - {part.path.split(".")[0] for each in sections for part in each.parts}

    assert keys(RuleSection, SECTIONS) == {"widget"}  # changed in Kommo alone (D1.8)
    assert keys(RulesFile, (ACCOUNT,)) == ELSEWHERE
    assert keys(LedgerSection, (KIND_SECTION,)) == set()
    assert set(RegistrySection.model_fields) == {"period"}


def test_W4_4_every_value_below_a_key_of_a_rule_is_on_the_page() -> None:
    """`limit.max`, `participants.caps.day`."""
    on_page = {
        f"{part.path}.{column.path}" if isinstance(part, RuleRows) else part.path
        for each in SECTIONS
        for part in each.parts
        for column in (part.columns if isinstance(part, RuleRows) else (part,))
    }

    of_rules = {each for each in leaves(RuleSection) if not each.startswith("widget.")}
    assert of_rules == on_page


def leaves(model: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{before}{field.alias or name}"
        inner = section_in(field.annotation)
        # A stage is chosen by its name, both ids at once.
        if inner is None or inner is StageSection:
            yield path
        else:
            yield from leaves(inner, f"{path}.")


def section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (section_in(each) for each in get_args(annotation))
    return next((each for each in found if each is not None), None)


def test_words_of_choices_are_those_of_the_fields() -> None:
    document = read(EXAMPLE)
    chosen = {
        each
        for field, _ in fields_in(document, all_placed(document))
        if field.kind in {"choice", "ordered"}
        for each in field.choices
    }
    (kinds,) = (part.columns[0] for part in KIND_SECTION.parts if isinstance(part, RuleRows))

    assert chosen == set(RULE_CHOICES)
    assert kinds.choices == RULE_KINDS


@pytest.mark.parametrize(
    ("typed", "change"),
    [
        ({"rules[3].limit.max": ["x"]}, ("rules.3.limit", None, {"max": "x"})),
        ({"rules[1].caps.hour": [""]}, ("rules.1.caps.hour", 5, None)),
        (
            {"rules[3].participants[0].manager": ["501"]},
            ("rules.3.participants", None, [{"manager": 501}]),
        ),
        (
            {"rules[1].redistribution.after_minutes": [""]},
            ("rules.1.redistribution.after_minutes", 30, None),
        ),
    ],
)
def test_W4_4_what_is_typed_is_kept_as_it_is_and_what_is_emptied_goes(
    typed: dict[str, list[str]], change: tuple[str, Any, Any]
) -> None:
    document = read(EXAMPLE)
    wanted = taken(document, all_placed(document), typed)

    found = list(differences("", document.data, wanted))
    assert [(each.path, each.before, each.after) for each in found] == [change]


def test_W4_4_an_entry_is_removed_and_the_last_one_takes_the_list_along() -> None:
    document = read("version: 1\nrules:\n  - id: a\n    participants:\n      - manager: 501\n")

    wanted = without(document.data, all_placed(document), "rules[0].participants[0]")

    assert wanted == {"version": 1, "rules": [{"id": "a"}]}
