"""What tells leads of a ledger apart (D3.9): compiled, and asked of what was read of a lead.

Asked where the lead is read, by the gateway, as conditions are: only the number of the kind
travels and is kept (S21). A number depends on nothing but the kind's own definition, so it means
the same in every revision of the rules, and credits of a kind that stays need no translation.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from contracts.events import LeadKind
from contracts.rules import KindSection, LedgerSection
from contracts.sentences import sentence
from domain.conditions import Facts, folded
from domain.schedule import Problem

OTHER = 0
NUMBER_BYTES = 6  # exact in JSON and in a column of the database


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One way to tell leads apart.

    Attributes:
        what: Names it in events and tables; a ledger has it once.
        numbers: Of its kinds, in the order of the file; None if each of Kommo's ids is one.
        values: The tags or values that they are, in the same order.
        bounds: Between the prices that they are, ascending.
        field_id: Of a dimension of a custom field.
    """

    what: str
    numbers: tuple[int, ...] | None = None
    values: tuple[str, ...] = ()
    bounds: tuple[int, ...] = ()
    field_id: int | None = None

    @property
    def is_read(self) -> bool:
        """Whether the lead has to be read for it; the stage is told by the request."""
        return self.what != "stage"

    def keeps(self, kind: int) -> bool:
        """Whether the kind is one of its own; what an edit took out of it is "other" now."""
        return self.numbers is None or kind == OTHER or kind in self.numbers

    def kind_of(self, facts: Facts) -> int:
        """The number of the kind of a lead of which this was read."""
        if self.what == "source":
            return facts.source_id or OTHER
        if self.what == "price":
            if facts.price is None or self.numbers is None:
                return OTHER
            return self.numbers[bisect_right(self.bounds, facts.price)]
        found = facts.tags if self.field_id is None else facts.fields.get(self.field_id, ())
        kinds = zip(self.numbers or (), self.values, strict=True)
        return next((number for number, value in kinds if folded(value) in found), OTHER)


def compile_kinds(ledgers: Mapping[str, LedgerSection]) -> dict[str, tuple[Dimension, ...]]:
    """The dimensions of each ledger that has any, by name."""
    return {
        name: tuple(_dimension(kind) for kind in section.kinds)
        for name, section in sorted(ledgers.items())
        if section.kinds
    }


def kinds_read(dimensions: tuple[Dimension, ...], facts: Facts) -> tuple[LeadKind, ...]:
    """Of which kinds a lead is, in each dimension for which it was read."""
    return tuple(LeadKind(each.what, each.kind_of(facts)) for each in dimensions if each.is_read)


def kind_problems(section: LedgerSection) -> Iterator[Problem]:
    """What is wrong with a ledger's kinds beyond single fields."""
    seen: dict[str, int] = {}
    for place, kind in enumerate(section.kinds):
        at: tuple[str | int, ...] = ("kinds", place)
        if isinstance(kind, KindSection):
            given = [name for name in KindSection.model_fields if getattr(kind, name) is not None]
            if len(given) != 1:
                yield at, sentence("problem.kind_one_field", fields=(*KindSection.model_fields,))
                continue
            yield from (((*at, *path), text) for path, text in _value_problems(kind))
        what = _what(kind)
        if what in seen:
            yield at, sentence("problem.kind_twice", what=what, first=seen[what])
        seen.setdefault(what, place)


def _value_problems(kind: KindSection) -> Iterator[Problem]:
    if kind.price is not None and kind.price != sorted(set(kind.price)):
        yield ("price",), sentence("problem.price_bounds_order")
    path: tuple[str | int, ...] = ("tags",) if kind.field is None else ("field", "values")
    first: dict[str, int] = {}
    for place, value in enumerate(kind.tags or (kind.field.values if kind.field else ())):
        if folded(value) in first:
            twice = sentence("problem.kind_value_twice", value=value, first=first[folded(value)])
            yield (*path, place), twice
        first.setdefault(folded(value), place)


def _what(kind: KindSection | str) -> str:
    if isinstance(kind, str):
        return kind
    if kind.field is not None:
        return f"field {kind.field.id}"
    return "price" if kind.price is not None else "tags"


def _dimension(kind: KindSection | str) -> Dimension:
    what = _what(kind)
    if isinstance(kind, str):
        return Dimension(what=what)
    if kind.price is not None:
        return _of_prices(what, tuple(kind.price))
    values = tuple(kind.tags or (kind.field.values if kind.field else ()))
    return Dimension(
        what=what,
        numbers=tuple(_number(what, folded(value)) for value in values),
        values=values,
        field_id=None if kind.field is None else kind.field.id,
    )


def _of_prices(what: str, bounds: tuple[int, ...]) -> Dimension:
    ends = zip(("", *bounds), (*bounds, ""), strict=True)
    numbers = tuple(_number(what, f"{low}:{high}") for low, high in ends)
    return Dimension(what=what, numbers=numbers, bounds=bounds)


def _number(what: str, value: str) -> int:
    """A number of the definition alone; two kinds of a dimension never meet in one."""
    written = f"{what}\n{value}".encode()
    return int.from_bytes(blake2b(written, digest_size=NUMBER_BYTES).digest()) or 1
