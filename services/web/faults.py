"""From what went wrong to a problem: every status, those of the framework too (A6)."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from contracts.sentences import Sentence
from services.application.commands import OutcomeUnknown
from services.application.operations import Behind
from services.application.refused import Refused
from services.shared.errors import Unavailable
from services.storage.database import TooBroad
from services.web.problems import FieldError, HttpCode, HttpProblem, of_refused
from services.web.typed import POINTERS, without_input
from services.words.catalogue import Words

RETRY_AFTER_S = "1"
NAME_MAX = 100
CODES: dict[int, HttpCode] = {
    400: "bad-request",
    401: "unauthenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "body-too-large",
    415: "media-type-unsupported",
}
ENGLISH = Words()
# All that is told so; nothing passes by.
FAULTS: tuple[type[Exception], ...] = (
    HttpProblem,
    Refused,
    Unavailable,
    RequestValidationError,
    HTTPException,
    Exception,
)


def problem_of(  # noqa: PLR0911 - one for each kind
    error: Exception, words: Words = ENGLISH
) -> HttpProblem:
    """How an error is told."""
    match error:
        case HttpProblem():
            return error
        case Refused():
            detail = words.say(without_input(error.sentence))
            return of_refused(error, detail, POINTERS.get(error.code, ""))
        case RequestValidationError():
            return of_validation(error)
        case HTTPException():
            code = CODES.get(error.status_code, "bad-request")
            return HttpProblem(code, status=error.status_code, headers=error.headers or {})
        case OutcomeUnknown():
            return HttpProblem("outcome-unknown", words.say(error.sentence), headers=retry())
        case Behind():
            return HttpProblem("behind", words.say(error.sentence), headers=retry())
        case TooBroad():
            return HttpProblem("too-broad", "Ask for a shorter range, or with a narrower filter.")
        case Unavailable():
            return HttpProblem(
                "unavailable", "Nothing was changed. Ask again in a moment.", headers=retry()
            )
        case _:
            return HttpProblem(
                "internal", "This is a mistake of ours. Its id finds it in the logs."
            )


def say(sentence: Sentence) -> str:
    """A sentence in English: programs read codes, and who reads on reads this."""
    return ENGLISH.say(sentence)


def retry() -> dict[str, str]:
    """The header of what may be asked again soon."""
    return {"Retry-After": RETRY_AFTER_S}


def of_validation(error: RequestValidationError) -> HttpProblem:
    """What is wrong with which field; never what was in it (S19)."""
    found = error.errors()
    if any(each["loc"][0] == "path" for each in found):
        return HttpProblem("not-found")  # an id that cannot be is one that is not
    if any(each["type"] == "json_invalid" for each in found):
        return HttpProblem("body-not-json", "Expected a body in JSON, as UTF-8.")
    errors: list[FieldError] = []
    for each in map(_field_error, found):  # what several parts of a route want is told once
        if each not in errors:
            errors.append(each)
    return HttpProblem("unprocessable", "Some fields are not what they may be.", errors=errors)


def _field_error(each: dict[str, Any]) -> FieldError:
    where, *rest = (str(part) for part in each["loc"])
    if each["type"] == "extra_forbidden" and not _is_name(rest[-1]):
        rest.pop()  # no field was ever called so: it may be anything that somebody wrote (S19)
    pointer = "/" + "/".join(_escaped(part) for part in rest) if rest else ""
    if where != "body":
        pointer = ".".join([where, *rest])
    return FieldError(pointer=pointer, code=each["type"], detail=f"{each['msg']}.")


def _is_name(part: str) -> bool:
    return part.isidentifier() and len(part) <= NAME_MAX


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
