"""What has to hold for a lead before a rule may have it (D1.5): compiled, and judged.

Judged where the lead is read, by the gateway: fields of people stay there, and only the outcome
travels and is kept (S21).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from contracts.events import Outcome, ReadingPart
from contracts.rules import ConditionsSection, FieldSection
from contracts.sentences import sentence
from domain.schedule import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was read of a lead and its main contact; texts are folded by `folded`.

    Attributes:
        fields: Custom field id to its values.
        contact_fields: The same of the main contact, empty without one; None if it was not read.
    """

    tags: tuple[str, ...] = ()
    price: int | None = None
    source_id: int | None = None
    fields: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    contact_fields: Mapping[int, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition.

    Attributes:
        what: Names it in events and explanations.
        values: One of them is wanted, folded; for a price its two ends, `None` being open.
        field_id: Of a condition on a custom field.
    """

    what: str
    values: tuple[str | int | None, ...]
    field_id: int | None = None
    is_of_person: bool = False

    @property
    def part(self) -> ReadingPart:
        """What has to be read for it."""
        return "contact" if self.is_of_person else "lead"

    def is_met(self, facts: Facts) -> bool | None:
        """Whether it holds; None if what it asks about was not read."""
        if self.what == "price":
            low, high = self.values
            price = facts.price
            return price is not None and _is_within(price, low, high)
        if self.what == "tags":
            return any(tag in self.values for tag in facts.tags)
        if self.what == "sources":
            return facts.source_id is not None and facts.source_id in self.values
        fields = facts.contact_fields if self.is_of_person else facts.fields
        if fields is None or self.field_id is None:
            return None
        return any(value in self.values for value in fields.get(self.field_id, ()))


def folded(value: object) -> str:
    """A text as it is compared: without outer spaces and capitals, `true` and `false` in words."""
    return str(value).strip().casefold()


def compile_conditions(section: ConditionsSection | None) -> tuple[Condition, ...]:
    """The conditions of a rule, those on the lead before those on its contact."""
    return tuple(_conditions(section)) if section is not None else ()


def judged(rule_id: str, conditions: Iterable[Condition], facts: Facts | None) -> list[Outcome]:
    """The outcome of each condition; all unknown without facts."""
    return [
        Outcome(rule_id, each.what, each.is_met(facts) if facts is not None else None)
        for each in conditions
    ]


def condition_problems(section: ConditionsSection) -> list[Problem]:
    """What is wrong beyond single fields."""
    found: list[Problem] = []
    if section == ConditionsSection():
        kinds = tuple(ConditionsSection.model_fields)
        found.append(((), sentence("problem.conditions_empty", kinds=kinds)))
    if (price := section.price) is not None:
        if price.low is None and price.high is None:
            found.append((("price",), sentence("problem.price_empty")))
        elif price.low is not None and price.high is not None and price.low > price.high:
            low, high = str(price.low), str(price.high)
            found.append((("price", "to"), sentence("problem.price_order", low=low, high=high)))
    for name, fields in (("fields", section.fields), ("contact_fields", section.contact_fields)):
        for number, each in enumerate(fields or ()):
            if (each.equals is None) == (each.one_of is None):
                found.append(((name, number), sentence("problem.equals_or_one_of")))
    return found


def _conditions(section: ConditionsSection) -> Iterator[Condition]:
    if section.tags is not None:
        yield Condition(what="tags", values=tuple(map(folded, section.tags)))
    if section.price is not None:
        yield Condition(what="price", values=(section.price.low, section.price.high))
    if section.sources is not None:
        yield Condition(what="sources", values=tuple(section.sources))
    for each in section.fields or ():
        yield _on_field(each, "field", is_of_person=False)
    for each in section.contact_fields or ():
        yield _on_field(each, "contact field", is_of_person=True)


def _on_field(section: FieldSection, kind: str, *, is_of_person: bool) -> Condition:
    wanted = [section.equals] if section.equals is not None else section.one_of or []
    return Condition(
        what=f"{kind} {section.field}",
        values=tuple(map(folded, wanted)),
        field_id=section.field,
        is_of_person=is_of_person,
    )


def _is_within(price: int, low: str | int | None, high: str | int | None) -> bool:
    return (not isinstance(low, int) or price >= low) and (
        not isinstance(high, int) or price <= high
    )
