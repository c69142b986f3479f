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
)

from contracts.kommo.items import DIGITS_MAX, ID_MAX, INSTANT_MAX
from contracts.kommo.pages import page_of
from contracts.stage import Stage

WORDS_LENGTH_MAX = 200
# What a right is given for: all, the group's, one's own, nothing.
LEVELS = ("A", "G", "M", "D")
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
    # They end up in events and on screens: no control characters (S20). Codes may be numbers.
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return "".join(filter(str.isprintable, str(value)[:WORDS_LENGTH_MAX]))


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


def _errors(value: object) -> dict[int, str]:
    """Id of an element to why it was refused."""
    found = value.items() if isinstance(value, dict) else ()
    return {
        int(key): words
        for key, reason in found
        if isinstance(key, str) and _is_id(key) and (words := _words(_reason(reason)))
    }


def _reason(value: object) -> object:
    """Kommo's words, which may be in a list, or in an object's `detail`."""
    if isinstance(value, list):
        return _reason(value[0]) if value else ""
    return value.get("detail") if isinstance(value, dict) else value


def _is_id(text: str) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
    return is_number and 0 < int(text) <= ID_MAX


def _is_true(value: object) -> bool:
    return value is True


def _is_denied(level: object) -> bool:
    """Whether a right is given for nothing; levels are A(ll), G(roup), M(ine), D(enied)."""
    return level == "D"


def _hidden_stages(value: object) -> tuple[Stage, ...]:
    return tuple(
        stage
        for each in _objects(value)
        if each.get("entity_type") == "leads"
        and isinstance(rights := each.get("rights"), dict)
        and _is_denied(rights.get("view"))
        and (stage := _stage(each)) is not None
    )


def _stage(value: dict[str, Any]) -> Stage | None:
    ids = value.get("pipeline_id"), value.get("status_id")
    pipeline_id, status_id = (str(each) if isinstance(each, int | str) else "" for each in ids)
    is_pair = _is_id(pipeline_id) and _is_id(status_id)
    return Stage(int(pipeline_id), int(status_id)) if is_pair else None


Id = Annotated[int, Field(gt=0, lt=2**53)]
UserId = Annotated[int, Field(ge=0, lt=2**53)]  # 0 for robots and the system
Instant = Annotated[datetime, BeforeValidator(_instant)]
Name = Annotated[str, BeforeValidator(_no_null)]
Words = Annotated[str, BeforeValidator(_words)]


class Answer(BaseModel):
    """What Kommo answers; fields that we do not read are left."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Group(Answer):
    """A group of users; 0 is the one that everybody is in who is in no other."""

    id: Annotated[int, Field(ge=0, lt=2**53)]
    name: Name = ""


def _groups(value: object) -> object:
    return [each for each in _objects(value) if _is_group(each.get("id"))]


def _is_group(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ID_MAX


def _group_id(value: object) -> int:
    return value if isinstance(value, int) and _is_group(value) else 0


def _level(value: object) -> str:
    return value if isinstance(value, str) and value in LEVELS else ""


class Account(Answer):
    """`GET /api/v4/account?with=users_groups,datetime_settings`.

    Attributes:
        timezone: IANA name.
        created_at: Nothing in the account is older.
        groups: Of users; a group that makes no sense is left out.
    """

    id: Id
    name: Name = ""
    subdomain: Name = ""
    created_at: Instant | None = None
    timezone: str = Field(
        min_length=1,
        max_length=64,
        validation_alias=AliasChoices(
            AliasPath("_embedded", "datetime_settings", "timezone"),
            AliasPath("datetime_settings", "timezone"),
        ),
    )
    groups: Annotated[tuple[Group, ...], BeforeValidator(_groups)] = Field(
        default=(), validation_alias=AliasPath("_embedded", "users_groups")
    )


class User(Answer):
    """A user who can sign in, or could once: deactivated ones may stay in the list.

    Attributes:
        name: Personal data: stays out of events and logs.
        is_free: Has no paid seat.
        group_id: 0 for the group of everybody else.
        views_leads: Whose leads they may see, one of `LEVELS`; empty if Kommo does not say.
        edits_leads: Whose they may change.
        sees_no_leads: May see no lead at all, unless the stage says otherwise.
        hidden_stages: Stages whose leads they may not see. Administrators see everything.
    """

    id: Id
    name: Name = ""
    is_active: bool = Field(validation_alias=AliasPath("rights", "is_active"))
    is_admin: bool = Field(default=False, validation_alias=AliasPath("rights", "is_admin"))
    is_free: Annotated[bool, BeforeValidator(_is_true)] = Field(
        default=False, validation_alias=AliasPath("rights", "is_free")
    )
    group_id: Annotated[int, BeforeValidator(_group_id)] = Field(
        default=0, validation_alias=AliasPath("rights", "group_id")
    )
    views_leads: Annotated[str, BeforeValidator(_level)] = Field(
        default="", validation_alias=AliasPath("rights", "leads", "view")
    )
    edits_leads: Annotated[str, BeforeValidator(_level)] = Field(
        default="", validation_alias=AliasPath("rights", "leads", "edit")
    )
    sees_no_leads: Annotated[bool, BeforeValidator(_is_denied)] = Field(
        default=False, validation_alias=AliasPath("rights", "leads", "view")
    )
    hidden_stages: Annotated[tuple[Stage, ...], BeforeValidator(_hidden_stages)] = Field(
        default=(), validation_alias=AliasPath("rights", "status_rights")
    )


class Status(Answer):
    """A stage of a pipeline.

    Attributes:
        id: 142 and 143 repeat in every pipeline.
        type: 1 of the stage of incoming leads, else 0.
    """

    id: Id
    name: Name = ""
    sort: int = 0
    type: int = 0


def _statuses(value: object) -> object:
    if not isinstance(value, list):
        return value
    return page_of(Status, "statuses", {"_embedded": {"statuses": value}}).elements


class Pipeline(Answer):
    """A pipeline with its stages, in any order; a stage that makes no sense is left out."""

    id: Id
    name: Name = ""
    is_archive: bool = False
    statuses: Annotated[tuple[Status, ...], BeforeValidator(_statuses)] = Field(
        default=(), validation_alias=AliasPath("_embedded", "statuses")
    )


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


class Updated(Answer):
    """What Kommo says of a thing it has changed; the new responsible is not part of it."""

    id: Id
    updated_at: Instant


class Webhook(Answer):
    """A subscription.

    Attributes:
        destination: Contains a secret if it is ours, and may if it is not.
        disabled: Kommo switched it off after too many bad answers.
    """

    destination: str
    disabled: bool = False


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
        errors: By the element's id, in the other form of a refused request.
        retry_after: Seconds to wait, of a 429.
    """

    title: Words = ""
    detail: Words = ""
    validation_errors: Annotated[tuple[ElementProblems, ...], BeforeValidator(_objects)] = Field(
        default=(), validation_alias="validation-errors"
    )
    errors: Annotated[dict[int, str], BeforeValidator(_errors)] = Field(default_factory=dict)
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
