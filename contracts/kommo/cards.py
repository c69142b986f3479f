"""REST shapes of leads with what belongs to them, of contacts and companies, and of tasks.

Texts of fields are personal data: they are compared where they are read, and kept nowhere.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AliasPath,
    BeforeValidator,
    Field,
)

from contracts.kommo.rest import Answer, Id, Instant, Lead, UserId
from contracts.kommo.told import Mark

TEXT_LENGTH_MAX = 1_000
# Fields that hold unix seconds.
DATE_FIELD_TYPES = frozenset({"date", "date_time", "birthday"})
_ID_MAX = 2**53 - 1


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _ID_MAX


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _ids(value: object) -> tuple[int, ...]:
    return tuple(each["id"] for each in _objects(value) if _is_id(each.get("id")))


def _main_first(value: object) -> tuple[int, ...]:
    """The ids of contacts, the main one first."""
    contacts = sorted(_objects(value), key=lambda each: each.get("is_main") is not True)
    return _ids(contacts)


def _tag_names(value: object) -> tuple[str, ...]:
    names = (each.get("name") for each in _objects(value))
    return tuple(name[:TEXT_LENGTH_MAX] for name in names if isinstance(name, str))


def _texts(values: object) -> tuple[str, ...]:
    found = (each.get("value") for each in _objects(values))
    # A checkbox is true or false, written as the rules file writes it.
    return tuple(
        str(value).lower() if isinstance(value, bool) else str(value)[:TEXT_LENGTH_MAX]
        for value in found
        if isinstance(value, bool | int | float | str)
    )


def _fields(value: object) -> dict[int, tuple[str, ...]]:
    return {
        each["field_id"]: _texts(each.get("values"))
        for each in _objects(value)
        if _is_id(each.get("field_id"))
    }


def _dates(value: object) -> dict[int, tuple[int, ...]]:
    return {
        each["field_id"]: tuple(
            seconds
            for entry in _objects(each.get("values"))
            if isinstance(seconds := entry.get("value"), int) and not isinstance(seconds, bool)
        )
        for each in _objects(value)
        if _is_id(each.get("field_id")) and each.get("field_type") in DATE_FIELD_TYPES
    }


def _number_or_none(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


Ids = Annotated[tuple[int, ...], BeforeValidator(_ids)]
Fields = Annotated[dict[int, tuple[str, ...]], BeforeValidator(_fields)]
Dates = Annotated[dict[int, tuple[int, ...]], BeforeValidator(_dates)]
Number = Annotated[int | None, BeforeValidator(_number_or_none)]


class LeadCard(Lead):
    """`GET /api/v4/leads?with=contacts,source_id`.

    Attributes:
        price: None when there is none.
        source_id: Where it came from; only with `with=source_id`.
        created_by: 0 for robots and integrations.
        dates: Unix seconds of the fields that hold dates, which `fields` has as texts.
        contact_ids: The main contact first.
    """

    price: Number = None
    source_id: Number = None
    created_by: UserId = 0
    tags: Annotated[tuple[str, ...], BeforeValidator(_tag_names)] = Field(
        default=(), validation_alias=AliasPath("_embedded", "tags")
    )
    fields: Fields = Field(default_factory=dict, validation_alias="custom_fields_values")
    dates: Dates = Field(default_factory=dict, validation_alias="custom_fields_values")
    contact_ids: Annotated[tuple[int, ...], BeforeValidator(_main_first)] = Field(
        default=(), validation_alias=AliasPath("_embedded", "contacts")
    )
    company_ids: Ids = Field(default=(), validation_alias=AliasPath("_embedded", "companies"))


class Card(Answer):
    """A contact or a company; `with=leads` adds the leads it is linked to."""

    id: Id
    responsible_user_id: UserId
    updated_at: Instant
    fields: Fields = Field(default_factory=dict, validation_alias="custom_fields_values")
    dates: Dates = Field(default_factory=dict, validation_alias="custom_fields_values")
    lead_ids: Ids = Field(default=(), validation_alias=AliasPath("_embedded", "leads"))


class OpenTaskCard(Answer):
    """A task that is to be done, whatever it is about.

    Attributes:
        complete_till: When it is due; None where Kommo does not say.
    """

    id: Id
    responsible_user_id: UserId
    complete_till: Instant | None = None
    updated_at: Instant


class TaskCard(Answer):
    """A task of a lead.

    Attributes:
        order_id: The decision whose mark it has; None if it is not ours.
    """

    id: Id
    entity_id: Id
    responsible_user_id: UserId
    order_id: Mark = Field(default=None, validation_alias="text")
