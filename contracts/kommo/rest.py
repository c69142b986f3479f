"""What Fairlead reads from Kommo's REST API v4, and nothing else of it.

Instants are aware datetimes in UTC, made of Kommo's unix seconds. Models are strict about what
every answer carries and tolerant where answers are known to differ; unknown fields are ignored.
An empty list is no JSON at all but 204.
"""

import json
import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from contracts.kommo.items import INSTANT_MAX
from contracts.stage import Stage

WORDS_LENGTH_MAX = 200
_INDEX_DIGITS_MAX = len("249")  # Kommo takes 250 elements at most


def _instant(value: object) -> object:
    """Make unix seconds an instant; anything else is left for pydantic to refuse."""
    match value:
        case datetime():
            return value
        case int() if not isinstance(value, bool) and 0 <= value <= INSTANT_MAX:
            return datetime.fromtimestamp(value, UTC)
        case _:
            raise ValueError("expected unix seconds")


def _no_null(value: object) -> object:
    return "" if value is None else value


def _words(value: object) -> str:
    # They end up in events and on screens: no control characters (S20).
    if not isinstance(value, str):
        return ""
    return "".join(filter(str.isprintable, value[:WORDS_LENGTH_MAX]))


def seconds_of(value: object) -> float | None:
    """A pause that Kommo asks for, in a body or a header; None when it is no such thing."""
    if not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _index(value: object) -> int | None:
    text = str(value) if isinstance(value, int | str) else ""
    is_number = text.isascii() and text.isdigit() and len(text) <= _INDEX_DIGITS_MAX
    return int(text) if is_number else None


def _objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is in it, or in its place, is left out."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def or_none(value: object, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - a shape
    """Read one element of a list; one that makes no sense is None, and does not hide the others."""
    try:
        return read(value)
    except ValidationError:
        return None


Id = Annotated[int, Field(gt=0, lt=2**53)]
UserId = Annotated[int, Field(ge=0, lt=2**53)]  # 0 for robots and the system
Instant = Annotated[datetime, BeforeValidator(_instant)]
Name = Annotated[str, BeforeValidator(_no_null)]
Words = Annotated[str, BeforeValidator(_words)]
NextLink = Annotated[
    str | None,
    BeforeValidator(lambda href: href or None),
    Field(default=None, validation_alias=AliasPath("_links", "next", "href")),
]


class Answer(BaseModel):
    """What Kommo answers; fields that we do not read are left."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Account(Answer):
    """`GET /api/v4/account?with=datetime_settings`.

    Attributes:
        timezone: IANA name.
    """

    id: Id
    name: Name = ""
    subdomain: Name = ""
    timezone: str = Field(
        min_length=1,
        max_length=64,
        validation_alias=AliasChoices(
            AliasPath("_embedded", "datetime_settings", "timezone"),
            AliasPath("datetime_settings", "timezone"),
        ),
    )


class User(Answer):
    """A user who can sign in, or could once: deactivated ones may stay in the list.

    Attributes:
        name: Personal data: stays out of events and logs.
    """

    id: Id
    name: Name = ""
    is_active: bool = Field(validation_alias=AliasPath("rights", "is_active"))
    is_admin: bool = Field(default=False, validation_alias=AliasPath("rights", "is_admin"))


class UsersPage(Answer):
    """`GET /api/v4/users`; only an administrator's token may."""

    users: tuple[User, ...] = Field(validation_alias=AliasPath("_embedded", "users"))
    next_href: NextLink


class Status(Answer):
    """A stage of a pipeline.

    Attributes:
        id: 142 and 143 repeat in every pipeline.
    """

    id: Id
    name: Name = ""
    sort: int = 0


class Pipeline(Answer):
    """A pipeline with its stages, in any order."""

    id: Id
    name: Name = ""
    is_archive: bool = False
    statuses: tuple[Status, ...] = Field(
        default=(), validation_alias=AliasPath("_embedded", "statuses")
    )


class PipelinesPage(Answer):
    """`GET /api/v4/leads/pipelines` or `/{id}`; the latter may come without the envelope."""

    pipelines: tuple[Pipeline, ...] = Field(validation_alias=AliasPath("_embedded", "pipelines"))

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, answer: object) -> object:
        return _in_envelope(answer, "pipelines")


class Lead(Answer):
    """A lead as it is now.

    Attributes:
        responsible_user_id: 0 for nobody.
    """

    id: Id
    responsible_user_id: Annotated[int, Field(ge=0, lt=2**53)]
    status_id: Id
    pipeline_id: Id
    created_at: Instant
    updated_at: Instant
    is_deleted: Annotated[bool, BeforeValidator(lambda value: value or False)] = False

    @property
    def stage(self) -> Stage:
        """Where it is: a status id alone says nothing."""
        return Stage(self.pipeline_id, self.status_id)


class LeadsPage(Answer):
    """`GET /api/v4/leads`; leads have no total, so follow `next_href` until there is none.

    Attributes:
        elements: None in place of a lead that makes no sense: one does not hide the others.
    """

    elements: tuple[Annotated[Lead | None, WrapValidator(or_none)], ...] = Field(
        validation_alias=AliasPath("_embedded", "leads")
    )
    next_href: NextLink

    @property
    def leads(self) -> tuple[Lead, ...]:
        """The leads that make sense."""
        return tuple(lead for lead in self.elements if lead is not None)

    @property
    def unreadable(self) -> int:
        """How many do not."""
        return sum(1 for lead in self.elements if lead is None)


class UpdatedLead(Answer):
    """What Kommo says of a lead it has changed; the new responsible is not part of it."""

    id: Id
    updated_at: Instant


class UpdatedLeads(Answer):
    """The answer to PATCH `/api/v4/leads` or `/api/v4/leads/{id}`, which has no envelope."""

    leads: tuple[UpdatedLead, ...] = Field(validation_alias=AliasPath("_embedded", "leads"))

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, answer: object) -> object:
        return _in_envelope(answer, "leads")


class Webhook(Answer):
    """A subscription.

    Attributes:
        destination: Contains a secret if it is ours, and may if it is not.
        disabled: Kommo switched it off after too many bad answers.
    """

    destination: str
    disabled: bool = False


class WebhooksPage(Answer):
    """`GET /api/v4/webhooks`; only an administrator's token may."""

    webhooks: tuple[Webhook, ...] = Field(validation_alias=AliasPath("_embedded", "webhooks"))


class FieldProblem(Answer):
    """Why Kommo refused one field, such as NotSupportedChoice of `responsible_user_id`."""

    code: Words = ""
    path: Words = ""
    detail: Words = ""


class ElementProblems(Answer):
    """Why Kommo refused one element of a request.

    Attributes:
        index: Its position; we send no `request_id`, so Kommo puts the position there.
    """

    index: Annotated[int | None, BeforeValidator(_index)] = Field(
        default=None, validation_alias="request_id"
    )
    errors: Annotated[tuple[FieldProblem, ...], BeforeValidator(_objects)] = ()


class Problem(Answer):
    """An error's body. Of what it is made of, anything senseless is left out.

    Attributes:
        detail: Kommo's own words.
        validation_errors: By element of the request.
        retry_after: Seconds to wait, of a 429.
    """

    title: Words = ""
    detail: Words = ""
    validation_errors: Annotated[tuple[ElementProblems, ...], BeforeValidator(_objects)] = Field(
        default=(), validation_alias="validation-errors"
    )
    retry_after: Annotated[float | None, BeforeValidator(seconds_of)] = None


def read_problem(body: bytes) -> Problem | None:
    """Read the body of an error; None when it is none of ours to read: plain text, HTML, nothing.

    A 403 without a problem document means our address, not the account.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return Problem.model_validate(document) if isinstance(document, dict) else None


def _in_envelope(answer: object, name: str) -> object:
    """Put a lone object into the envelope of a list."""
    if not isinstance(answer, dict) or "id" not in answer:
        return answer
    embedded = answer.get("_embedded")
    if isinstance(embedded, dict) and name in embedded:
        return answer
    return {"_embedded": {name: [answer]}}
