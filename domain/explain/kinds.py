"""What people call the kinds of leads that a ledger tells apart (D3.9)."""

from collections.abc import Mapping

from contracts.sentences import Sentence, sentence
from domain.kinds import OTHER, Dimension

# Ledger to what its leads are told apart in, under the rules that a decision was taken by.
Ledgers = Mapping[str, tuple[Dimension, ...]]
NO_LEDGERS: Ledgers = {}


def kind_name(ledgers: Ledgers, ledger: str, what: str, kind: int) -> Sentence:
    """A kind as it stands behind "leads": "from source 14001", `with the tag "vip"`."""
    dimension = next((each for each in ledgers.get(ledger, ()) if each.what == what), None)
    if dimension is None or not dimension.keeps(kind):
        return sentence("kind.gone")
    if what == "source":
        return sentence("kind.source", source=kind) if kind else sentence("kind.source_other")
    if what == "stage":
        return sentence("kind.stage", stage=kind)
    if what == "price":
        return _price(dimension, kind)
    return _value(dimension, kind)


def _price(dimension: Dimension, kind: int) -> Sentence:
    if kind == OTHER or dimension.numbers is None:
        return sentence("kind.price_other")
    place = dimension.numbers.index(kind)
    if place == 0:
        return sentence("kind.price_below", high=str(dimension.bounds[0]))
    low = str(dimension.bounds[place - 1])
    if place == len(dimension.bounds):
        return sentence("kind.price_from", low=low)
    return sentence("kind.price_between", low=low, high=str(dimension.bounds[place]))


def _value(dimension: Dimension, kind: int) -> Sentence:
    values = dict(zip(dimension.numbers or (), dimension.values, strict=True))
    field = dimension.field_id
    if field is None:
        return sentence("kind.tag", tag=values[kind]) if kind else sentence("kind.tag_other")
    if kind == OTHER:
        return sentence("kind.field_other", field=field)
    return sentence("kind.field", field=field, value=values[kind])
