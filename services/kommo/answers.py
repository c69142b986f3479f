"""What an answer means: its body to what the contract says of it, its status to an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from contracts.kommo.pages import Page, page_of, places_of
from contracts.kommo.rest import Problem, read_problem, seconds_of
from services.kommo.errors import (
    AccountBlocked,
    AccountStopped,
    AddressBlocked,
    Complaint,
    MalformedAnswer,
    RateLimited,
    Rejected,
    Unreachable,
)
from services.kommo.limiter import CallTurn

M = TypeVar("M", bound=BaseModel)

_COMPLAINTS_MAX = 250
OK, NO_CONTENT, REDIRECTS, _ERRORS, _SERVER_ERRORS = 200, 204, 300, 400, 500
_FORBIDDEN, TOO_MANY = 403, 429
_ACCOUNT_STATUSES = frozenset({401, 402, 404})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; `date` is Kommo's own clock, None without one."""

    status: int
    body: bytes
    date: datetime | None


def read(model: type[M], body: bytes) -> M:
    """Read an answer as the given model of `contracts.kommo.rest`.

    Raises:
        MalformedAnswer: It is something else.
    """
    try:
        return model.model_validate(_document(body))
    except ValidationError as error:
        raise MalformedAnswer(f"an answer lacks or garbles {places_of(error)}") from None


def read_page(shape: type[M], name: str, reply: Reply) -> Page[M]:
    """Read a page of such elements, listed under that name; 204 is an empty one.

    Raises:
        MalformedAnswer: It is something else.
    """
    if reply.status == NO_CONTENT:
        return Page(())
    try:
        return page_of(shape, name, _document(reply.body))
    except ValueError as error:
        raise MalformedAnswer(str(error)) from error


def _document(body: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedAnswer("an answer is not JSON") from error
    if not isinstance(data, dict):
        raise MalformedAnswer("an answer is not a JSON object")
    return data


async def report(turn: CallTurn, reply: Reply, retry_after: str | None) -> None:
    """Tell the limiter what the answer says of our address.

    Raises:
        AccountBlocked: It is a plain 403, and not proven to be for our address.
    """
    problem = read_problem(reply.body) if reply.status in {_FORBIDDEN, TOO_MANY} else None
    if reply.status == TOO_MANY:
        stated = problem.retry_after if problem is not None else None
        await turn.limited(seconds_of(retry_after) if stated is None else stated)
    elif reply.status == _FORBIDDEN and problem is None:
        if not await turn.blocked():
            raise AccountBlocked("a plain 403", retry_in_s=turn.probe_in_s)
    else:
        turn.answered()


def refuse(name: str, reply: Reply) -> NoReturn:
    """Raise what the status means."""
    status = reply.status
    problem = read_problem(reply.body)
    if status == TOO_MANY:
        raise RateLimited(f"{name}: 429")
    if status == _FORBIDDEN and problem is None:
        raise AddressBlocked(f"{name}: 403 for our address")
    if status == _FORBIDDEN or status in _ACCOUNT_STATUSES:
        words = (problem.detail or problem.title) if problem else ""
        raise AccountStopped(f"{name}: {status}", status=status, detail=words)
    if status >= _SERVER_ERRORS:
        raise Unreachable(f"{name}: {status}", may_have_happened=True, status=status)
    if status < _ERRORS:
        raise MalformedAnswer(f"{name}: {status} is no answer")
    raise Rejected(
        f"{name}: {status}",
        status=status,
        detail=(problem.detail or problem.title) if problem else "",
        complaints=tuple(islice(_complaints(problem), _COMPLAINTS_MAX)) if problem else (),
    )


def _complaints(problem: Problem) -> Iterator[Complaint]:
    for element in problem.validation_errors:
        for error in element.errors:
            yield Complaint(
                index=element.index, code=error.code, path=error.path, detail=error.detail
            )
    for element_id, words in problem.errors.items():
        yield Complaint(element_id=element_id, detail=words)
