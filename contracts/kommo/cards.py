"""REST shapes of leads with what belongs to them, of contacts and companies, and of tasks.

Texts of fields are personal data: they are compared where they are read, and kept nowhere.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    AliasPath,
    BeforeValidator,
    Field,
    WrapValidator,
)

from contracts.kommo.rest import Answer, Id, Instant, Lead, NextLink, UserId, or_none

TEXT_LENGTH_MAX = 1_000
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


def _number_or_none(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


Ids = Annotated[tuple[int, ...], BeforeValidator(_ids)]
Fields = Annotated[dict[int, tuple[str, ...]], BeforeValidator(_fields)]
Number = Annotated[int | None, BeforeValidator(_number_or_none)]


class LeadCard(Lead):
    """`GET /api/v4/leads?with=contacts,source_id`.

    Attributes:
        price: None when there is none.
        source_id: Where it came from; only with `with=source_id`.
        created_by: 0 for robots and integrations.
        contact_ids: The main contact first.
    """

    price: Number = None
    source_id: Number = None
    created_by: UserId = 0
    tags: Annotated[tuple[str, ...], BeforeValidator(_tag_names)] = Field(
        default=(), validation_alias=AliasPath("_embedded", "tags")
    )
    fields: Fields = Field(default_factory=dict, validation_alias="custom_fields_values")
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
    lead_ids: Ids = Field(default=(), validation_alias=AliasPath("_embedded", "leads"))


class TaskCard(Answer):
    """A task of a lead."""

    id: Id
    entity_id: Id
    responsible_user_id: UserId


class LeadCards(Answer):
    """A page of leads with what belongs to them.

    Attributes:
        elements: None in place of one that makes no sense: it does not hide the others.
    """

    elements: tuple[Annotated[LeadCard | None, WrapValidator(or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "leads")
    )
    next_href: NextLink


class TaskCards(Answer):
    """A page of tasks; one that makes no sense is None, and does not hide the others."""

    elements: tuple[Annotated[TaskCard | None, WrapValidator(or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "tasks")
    )
    next_href: NextLink


class UpdatedCard(Answer):
    """What Kommo says of a thing it has changed."""

    id: Id
    updated_at: Instant


class UpdatedCards(Answer):
    """The answer to a PATCH of many leads, contacts, companies or tasks."""

    things: tuple[UpdatedCard, ...] = Field(
        validation_alias=AliasChoices(
            *(AliasPath("_embedded", name) for name in ("leads", "contacts", "companies", "tasks"))
        )
    )


class Cards(Answer):
    """A page of contacts, of companies or of tasks.

    Attributes:
        elements: None in place of one that makes no sense: it does not hide the others.
    """

    elements: tuple[Annotated[Card | None, WrapValidator(or_none)], ...] = Field(
        validation_alias=AliasChoices(
            *(AliasPath("_embedded", name) for name in ("contacts", "companies", "tasks"))
        )
    )
    next_href: NextLink
