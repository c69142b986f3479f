"""What Fairlead reads from Kommo's REST API v4, and nothing else of it.

Instants are aware datetimes in UTC, made of Kommo's unix seconds. Models are strict about what
every answer carries and tolerant where answers are known to differ; unknown fields are ignored.
An empty list is no JSON at all but 204, hence `NO_LEADS`.
"""

import json
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
    model_validator,
)

from contracts.kommo.items import INSTANT_MAX

DETAIL_LENGTH_MAX = 2_000


def _instant(value: object) -> object:
    """Make unix seconds an instant; anything else is left for pydantic to refuse."""
    match value:
        case datetime():
            return value
        case int() if not isinstance(value, bool) and 0 <= value <= INSTANT_MAX:
            return datetime.fromtimestamp(value, UTC)
        case _:
            raise ValueError("expected unix seconds")


def _nobody(value: object) -> object:
    return None if value == 0 else value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


def _words(value: object) -> object:
    return "" if value is None else _as_text(value)


Id = Annotated[int, Field(gt=0, lt=2**53)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Text = Annotated[str, BeforeValidator(_as_text)]
Words = Annotated[str, BeforeValidator(_words)]
NextLink = Annotated[
    str | None, Field(default=None, validation_alias=AliasPath("_links", "next", "href"))
]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Account(_Answer):
    """`GET /api/v4/account?with=datetime_settings`.

    Attributes:
        timezone: IANA name; None when the answer came without `datetime_settings`.
    """

    id: Id
    subdomain: str
    timezone: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            AliasPath("_embedded", "datetime_settings", "timezone"),
            AliasPath("datetime_settings", "timezone"),
        ),
    )


class User(_Answer):
    """A user who can sign in, or could once: deactivated ones may stay in the list."""

    id: Id
    name: str | None = None
    is_active: bool = Field(validation_alias=AliasPath("rights", "is_active"))
    is_admin: bool = Field(validation_alias=AliasPath("rights", "is_admin"))
    is_free: bool = Field(default=False, validation_alias=AliasPath("rights", "is_free"))


class UsersPage(_Answer):
    """`GET /api/v4/users`; only an administrator's token may."""

    users: tuple[User, ...] = Field(validation_alias=AliasPath("_embedded", "users"))
    next_href: NextLink


class Status(_Answer):
    """A stage of a pipeline.

    Attributes:
        id: 142 and 143 repeat in every pipeline.
        type: 1 for Incoming leads, 0 for any other.
    """

    id: Id
    name: str
    sort: int
    type: int = 0
    is_editable: bool = True


class Pipeline(_Answer):
    """A pipeline with its stages."""

    id: Id
    name: str
    sort: int
    is_main: bool = False
    is_archive: bool = False
    statuses: tuple[Status, ...] = Field(validation_alias=AliasPath("_embedded", "statuses"))


class PipelinesPage(_Answer):
    """`GET /api/v4/leads/pipelines` or `/{id}`; the latter may come without the envelope."""

    pipelines: tuple[Pipeline, ...] = Field(validation_alias=AliasPath("_embedded", "pipelines"))

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, answer: object) -> object:
        return _in_envelope(answer, "pipelines")


class Lead(_Answer):
    """A lead as it is now.

    Attributes:
        responsible_user_id: None for nobody, which Kommo may write as 0.
    """

    id: Id
    responsible_user_id: Annotated[Id | None, BeforeValidator(_nobody)]
    status_id: Id
    pipeline_id: Id
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None = None
    is_deleted: bool = False


class LeadsPage(_Answer):
    """`GET /api/v4/leads`; leads have no total, so follow `next_href` until there is none."""

    leads: tuple[Lead, ...] = Field(validation_alias=AliasPath("_embedded", "leads"))
    next_href: NextLink


NO_LEADS = LeadsPage.model_validate({"_embedded": {"leads": []}})


class UpdatedLead(_Answer):
    """What Kommo says of a lead it has changed; the new responsible is not part of it."""

    id: Id
    updated_at: Instant
    request_id: Text | None = None


class UpdatedLeads(_Answer):
    """The answer to PATCH `/api/v4/leads` or `/api/v4/leads/{id}`, which has no envelope."""

    leads: tuple[UpdatedLead, ...] = Field(validation_alias=AliasPath("_embedded", "leads"))

    @model_validator(mode="before")
    @classmethod
    def _wrap(cls, answer: object) -> object:
        return _in_envelope(answer, "leads")


class FieldProblem(_Answer):
    """Why Kommo refused one field, such as NotSupportedChoice of `responsible_user_id`."""

    code: Words = ""
    path: Words = ""
    detail: Words = ""


class ElementProblems(_Answer):
    """Why Kommo refused one element of a request.

    Attributes:
        request_id: Ours, or the element's index as text.
    """

    request_id: Text | None = None
    errors: tuple[FieldProblem, ...] = ()


class Problem(_Answer):
    """An error's body; `read_problem` makes one of whatever came.

    Attributes:
        detail: Kommo's words, or the beginning of a body that is no problem document.
        validation_errors: By element of the request.
        errors: The other form of a 400: by lead id as text.
        retry_after: Seconds to wait, of a 429.
    """

    status: int
    title: Words = ""
    detail: Words = ""
    validation_errors: tuple[ElementProblems, ...] = Field(
        default=(), validation_alias="validation-errors"
    )
    errors: dict[str, Words] = Field(default_factory=dict)
    retry_after: Annotated[int, Field(ge=0)] | None = None
    trace_id: str | None = None


def read_problem(status: int, body: bytes) -> Problem:
    """Read the body of an error, whatever it is: JSON, plain text of a block, HTML, nothing.

    Parts of a shape nobody documented are left out; the status is the one of the answer.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        detail = body[:DETAIL_LENGTH_MAX].decode("utf-8", "replace")
        return Problem.model_validate({"status": status, "detail": detail})
    answer: dict[str, Any] = {**document, "status": status}
    try:
        return Problem.model_validate(answer)
    except ValidationError as error:
        for wrong in {str(one["loc"][0]) for one in error.errors()}:
            del answer[wrong]
        return Problem.model_validate(answer)


def _in_envelope(answer: object, name: str) -> object:
    """Put a lone object into the envelope of a list."""
    if not isinstance(answer, dict) or "id" not in answer:
        return answer
    embedded = answer.get("_embedded")
    if isinstance(embedded, dict) and name in embedded:
        return answer
    return {"_embedded": {name: [answer]}}
