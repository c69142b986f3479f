"""Definitions of custom fields, and the ones that every account has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FIELD_TYPES: Final[Mapping[str, int]] = {
    "text": 1,
    "numeric": 2,
    "checkbox": 3,
    "select": 4,
    "multiselect": 5,
    "date": 6,
    "url": 7,
    "multitext": 8,
    "textarea": 9,
    "radiobutton": 10,
    "streetaddress": 11,
    "smart_address": 13,
    "birthday": 14,
    "legal_entity": 15,
    "items": 16,
    "date_time": 19,
    "price": 20,
    "category": 21,
    "tracking_data": 23,
    "linked_entity": 24,
    "chained_list": 26,
    "monetary": 27,
    "file": 28,
    "payer": 29,
    "supplier": 30,
}
CHOICES: Final = frozenset({"select", "multiselect", "radiobutton", "category"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChoice:
    """One of the values that a field can have, or the kind of a phone or an address."""

    id: int
    value: str
    sort: int = 500
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A custom field, with its members under the names of REST v4."""

    id: int
    name: str
    type: str
    code: str | None = None
    sort: int = 500
    is_api_only: bool = False
    is_predefined: bool = False
    group_id: str | None = None
    enums: tuple[FieldChoice, ...] = ()

    @property
    def has_enums(self) -> bool:
        """Whether values are, or are marked with, one of its choices."""
        return self.type in CHOICES or self.type == "multitext"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGroup:
    """A tab of a card with some of its fields."""

    id: str
    name: str
    sort: int = 500


_PHONES: Final = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
_MAILS: Final = ("WORK", "PRIV", "OTHER")


def predefined(entity: str) -> dict[int, Field]:
    """The fields that no account is without, by id."""
    first = {"contacts": 1_001, "companies": 1_101}.get(entity)
    if first is None:
        return {}
    last = [("Position", "text", "POSITION", ())]
    if entity == "companies":
        last = [("Web", "url", "WEB", ()), ("Address", "textarea", "ADDRESS", ())]
    made = [("Phone", "multitext", "PHONE", _PHONES), ("Email", "multitext", "EMAIL", _MAILS)]
    return {
        first + place: Field(
            id=first + place,
            name=name,
            type=kind,
            code=code,
            is_predefined=True,
            enums=tuple(
                FieldChoice(id=10 * (first + place) + n, value=choice, sort=n, code=choice)
                for n, choice in enumerate(choices, 1)
            ),
        )
        for place, (name, kind, code, choices) in enumerate([*made, *last])
    }
