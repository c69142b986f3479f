"""What Kommo's answers mean to us: the few fields we use, checked, with times as instants."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.stage import Stage
from services.kommo.errors import Complaint, MalformedAnswer

Id = Annotated[int, Field(gt=0, lt=2**53)]
UserId = Annotated[int, Field(ge=0, lt=2**53)]
Seconds = Annotated[int, Field(ge=0, lt=2**33)]
_DETAIL_MAX = 200
_COMPLAINTS_MAX = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A lead as read just now."""

    lead_id: int
    stage: Stage
    responsible_id: int
    created_at: datetime
    updated_at: datetime
    is_deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadPage:
    """One page of a list of leads.

    Attributes:
        next_page: Path and query of the following page, None at the end.
        unreadable: How many elements made no sense and were left out.
        answered_at: Kommo's own clock, from the `Date` header; None without one.
    """

    leads: tuple[Lead, ...]
    next_page: str | None
    unreadable: int
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What the account says of itself.

    Attributes:
        timezone: IANA name.
    """

    account_id: int
    name: str
    subdomain: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user; the name is personal data and stays out of events and logs."""

    user_id: int
    name: str
    is_active: bool
    is_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """A stage with its name."""

    status_id: int
    name: str
    sort: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline with its stages, in their order."""

    pipeline_id: int
    name: str
    is_archive: bool
    stages: tuple[StageFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A subscription; its destination contains a secret."""

    destination: str
    is_disabled: bool
    settings: tuple[str, ...]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Lead(_Answer):
    id: Id
    status_id: Id
    pipeline_id: Id
    responsible_user_id: UserId
    created_at: Seconds
    updated_at: Seconds
    is_deleted: bool | None = None


class _Zone(_Answer):
    timezone: str = Field(min_length=1, max_length=64)


class _AccountParts(_Answer):
    datetime_settings: _Zone


class _Account(_Answer):
    id: Id
    name: str = ""
    subdomain: str = ""
    embedded: _AccountParts = Field(alias="_embedded")


class _Rights(_Answer):
    is_active: bool = True
    is_admin: bool = False


class _User(_Answer):
    id: Id
    name: str | None = None
    rights: _Rights = _Rights()


class _Status(_Answer):
    id: Id
    name: str | None = None
    sort: int = 0


class _Statuses(_Answer):
    statuses: list[_Status] = Field(default_factory=list)


class _Pipeline(_Answer):
    id: Id
    name: str | None = None
    is_archive: bool = False
    embedded: _Statuses = Field(alias="_embedded", default_factory=_Statuses)


class _Webhook(_Answer):
    destination: str
    disabled: bool = False
    settings: list[str] = Field(default_factory=list)


class _Patched(_Answer):
    id: Id
    updated_at: Seconds


M = TypeVar("M", bound=_Answer)


def decoded(body: bytes) -> dict[str, Any]:
    """Decode a JSON object.

    Raises:
        MalformedAnswer: It is something else.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedAnswer("an answer is not JSON") from error
    if not isinstance(data, dict):
        raise MalformedAnswer("an answer is not a JSON object")
    return data


def embedded(data: Mapping[str, Any], name: str) -> list[Any]:
    """The list called `name` of a HAL envelope.

    Raises:
        MalformedAnswer: There is none.
    """
    parts = data.get("_embedded")
    found = parts.get(name) if isinstance(parts, dict) else None
    if not isinstance(found, list):
        raise MalformedAnswer(f"an answer has no list of {name}")
    return found


def next_link(data: Mapping[str, Any]) -> str | None:
    """The address of the following page as Kommo gives it, not to be trusted."""
    links = data.get("_links")
    following = links.get("next") if isinstance(links, dict) else None
    href = following.get("href") if isinstance(following, dict) else None
    return href if isinstance(href, str) and href else None


def lead_of(data: object) -> Lead:
    """Read one lead."""
    lead = _checked(_Lead, data)
    return Lead(
        lead_id=lead.id,
        stage=Stage(lead.pipeline_id, lead.status_id),
        responsible_id=lead.responsible_user_id,
        created_at=_instant(lead.created_at),
        updated_at=_instant(lead.updated_at),
        is_deleted=bool(lead.is_deleted),
    )


def patched_of(data: object) -> tuple[int, datetime]:
    """Read one element of the answer to a PATCH: lead id and `updated_at`."""
    lead = _checked(_Patched, data)
    return lead.id, _instant(lead.updated_at)


def account_of(data: object) -> AccountFacts:
    """Read the account."""
    account = _checked(_Account, data)
    return AccountFacts(
        account_id=account.id,
        name=account.name,
        subdomain=account.subdomain,
        timezone=account.embedded.datetime_settings.timezone,
    )


def user_of(data: object) -> User:
    """Read one user."""
    user = _checked(_User, data)
    return User(
        user_id=user.id,
        name=user.name or "",
        is_active=user.rights.is_active,
        is_admin=user.rights.is_admin,
    )


def pipeline_of(data: object) -> Pipeline:
    """Read one pipeline with its stages."""
    pipeline = _checked(_Pipeline, data)
    stages = sorted(pipeline.embedded.statuses, key=lambda each: (each.sort, each.id))
    return Pipeline(
        pipeline_id=pipeline.id,
        name=pipeline.name or "",
        is_archive=pipeline.is_archive,
        stages=tuple(
            StageFacts(status_id=each.id, name=each.name or "", sort=each.sort) for each in stages
        ),
    )


def webhook_of(data: object) -> Webhook:
    """Read one subscription."""
    hook = _checked(_Webhook, data)
    return Webhook(
        destination=hook.destination, is_disabled=hook.disabled, settings=tuple(hook.settings)
    )


def problem_of(body: bytes) -> dict[str, Any] | None:
    """Read a problem document; None when the body is not one (plain text, HTML)."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, dict) else None


def complaints_of(problem: Mapping[str, Any]) -> tuple[Complaint, ...]:
    """Read the validation errors of a 400; whatever makes no sense is left out."""
    found: list[Complaint] = []
    elements = problem.get("validation-errors")
    for element in elements if isinstance(elements, list) else []:
        errors = element.get("errors") if isinstance(element, dict) else None
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict) and len(found) < _COMPLAINTS_MAX:
                found.append(
                    Complaint(
                        index=_index(element.get("request_id")),
                        code=_text(error.get("code")),
                        path=_text(error.get("path")),
                        detail=_text(error.get("detail")),
                    )
                )
    return tuple(found)


def detail_of(problem: Mapping[str, Any]) -> str:
    """Kommo's own words about a problem, cut."""
    return _text(problem.get("detail")) or _text(problem.get("title"))


def _index(value: object) -> int | None:
    text = str(value)
    # We send no request_id, so Kommo names the position in the array, as a string.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("249") else None


def _text(value: object) -> str:
    # It ends up in an event and on screens: no control characters (S20).
    return "".join(filter(str.isprintable, value[:_DETAIL_MAX])) if isinstance(value, str) else ""


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _checked(model: type[M], data: object) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        # The places are names of fields; the values may be anything, and are left out.
        raise MalformedAnswer(f"an answer lacks or garbles {', '.join(places)[:200]}") from None
