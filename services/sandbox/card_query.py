"""Which contacts, companies and tasks a list request means, and in which order."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from starlette.datastructures import QueryParams

from services.sandbox.answers import ApiProblem
from services.sandbox.cards import Box, Kind, is_shown
from services.sandbox.filters import field_tests, known_filters, membership, within
from services.sandbox.model import CrmAccount
from services.sandbox.paging import numbers, order_of, span, texts

_FLAGS: Final = {"0": False, "1": True, "false": False, "true": True}
_CARD_FILTERS: Final = (
    "id",
    "name",
    "responsible_user_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
    "closest_task_at",
    "custom_fields_values",
)
_TASK_FILTERS: Final = (
    "id",
    "responsible_user_id",
    "created_by",
    "updated_by",
    "is_completed",
    "task_type",
    "task_type_id",
    "entity_type",
    "entity_id",
    "created_at",
    "updated_at",
    "complete_till",
)
_ORDERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "contacts": ("id", "updated_at", "created_at"),
    "companies": ("id", "updated_at", "created_at"),
    "tasks": ("id", "created_at", "updated_at", "complete_till"),
}

_Test = Callable[[Any], bool]


def find_cards(account: CrmAccount, kind: Kind, params: QueryParams) -> list[Any]:
    """List those that pass every filter.

    Raises:
        ApiProblem: A filter is unknown or malformed.
    """
    known_filters(params, _TASK_FILTERS if kind == "tasks" else _CARD_FILTERS)
    tests = [*_shared(params)]
    tests += _of_tasks(params) if kind == "tasks" else _of_cards(account, kind, params)
    order, descending = order_of(params, _ORDERS[kind])
    box = account.box(kind)
    found = [card for card in _candidates(box, params) if all(test(card) for test in tests)]
    found.sort(key=lambda card: (getattr(card, order), card.id), reverse=descending)
    return found


def _candidates(box: Box, params: QueryParams) -> Iterable[Any]:
    ids = numbers(params, "filter[id]")
    cards = box.by_id.values() if ids is None else (box.by_id[i] for i in ids if i in box.by_id)
    return filter(is_shown, cards)


def _shared(params: QueryParams) -> Iterable[_Test]:
    for name in ("responsible_user_id", "created_by", "updated_by"):
        yield from membership(params, name)
    for name in ("created_at", "updated_at"):
        yield from within(params, name)


def _of_cards(account: CrmAccount, kind: Kind, params: QueryParams) -> Iterable[_Test]:
    if names := frozenset(texts(params, "filter[name]")):
        yield lambda card: card.name in names
    if words := params.get("query", "").casefold():
        yield lambda card: _is_about(card, words)
    low, high = span(params, "filter[closest_task_at]")
    if low is not None or high is not None:
        due = account.closest_tasks(kind)
        yield (
            lambda card: (
                card.id in due
                and (low is None or due[card.id] >= low)
                and (high is None or due[card.id] <= high)
            )
        )
    yield from field_tests(params)


def _is_about(card: Any, words: str) -> bool:  # noqa: ANN401 - a contact or a company
    """A query is looked for in the name and in every filled field."""
    values = [
        str(value.get("value"))
        for field in card.custom_fields_values or ()
        for value in field["values"]
    ]
    return any(words in text.casefold() for text in (card.name, *values))


def _of_tasks(params: QueryParams) -> Iterable[_Test]:
    if entity_types := frozenset(texts(params, "filter[entity_type]")):
        yield lambda task: task.entity_type in entity_types
    elif numbers(params, "filter[entity_id]") is not None:
        raise ApiProblem(400, "filter[entity_id] needs filter[entity_type]")
    yield from membership(params, "entity_id")
    # The official client names the second and, until it is removed, the first.
    for name in ("task_type", "task_type_id"):
        yield from membership(params, name, attribute="task_type_id")
    flags = {_flag(text) for text in texts(params, "filter[is_completed]")}
    if flags:
        yield lambda task: task.is_completed in flags
    yield from within(params, "complete_till")


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise ApiProblem(400, "filter[is_completed] must be 0 or 1")
    return _FLAGS[text]
