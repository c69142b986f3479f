"""A page for everything that goes wrong: what happened, and what to do."""

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.refused import Refused
from services.console.pages import page
from services.console.proofs import deed_of, prove_page
from services.console.seeing import NotSignedIn, Seeing, sign_in_address, words_for
from services.web.faults import FAULTS, problem_of
from services.web.problems import HttpProblem
from services.web.request_ids import request_id_of
from services.words.catalogue import Words

log = structlog.get_logger(__name__)

NOT_UNDERSTOOD, BUG = 400, 500
# Each has a title in every language; what else a browser may get was not understood.
TITLED = (400, 401, 403, 404, 405, 409, 412, 413, 422, 429, BUG, 503)


def tell_all(app: FastAPI) -> None:
    """Have every fault told by a page."""
    app.add_exception_handler(NotSignedIn, _sign_in)
    for kind in FAULTS:
        app.add_exception_handler(kind, _failed)


async def _sign_in(request: Request, error: Exception) -> Response:
    """Who is not signed in signs in, and goes on where they wanted."""
    del error
    if request.headers.get("hx-request"):  # a part of a page: the whole page has to go
        return Response(status_code=401, headers={"HX-Redirect": sign_in_address(request)})
    return RedirectResponse(sign_in_address(request), status_code=303)


async def _prove(request: Request) -> Response:
    """Ask who they are again; what they wanted to do goes on afterwards."""
    who: Seeing = request.state.seeing
    if request.method == "GET":
        return await prove_page(who, next=request.url.path, status=403)
    deed = deed_of(request.url.path, await request.form())
    return await prove_page(who, deed=deed, status=403)


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused) and error.code == "proof_needed":
        return await _prove(request)
    words = words_for(request)
    problem = problem_of(error, words)
    if problem.status == BUG:
        log.error("page_failed", error=type(error).__name__, exc_info=error)
    return page(
        "failure.html",
        words,
        status=problem.status,
        title=words.say(sentence(f"console.failure.title.{_titled(problem.status)}")),
        # Of what is not there nothing is told, whatever was asked.
        detail=words.say(error.sentence)
        if isinstance(error, Refused) and problem.detail
        else told_of(words, error, problem),
        # What a library says of fields is for programs: no form of ours sends such.
        errors=[each.detail for each in problem.errors] if isinstance(error, HttpProblem) else [],
        request_id=request_id_of(request.scope),
        can_retry=problem.status in (429, BUG, 503),
        address=request.url.path,
    )


def _titled(status: int) -> int:
    return status if status in TITLED else NOT_UNDERSTOOD


def told_of(words: Words, error: Exception, problem: HttpProblem) -> str:
    """What happened, where the web tells it in English."""
    match problem.code:
        case "rate-limited":
            seconds = int(problem.headers["Retry-After"])
            return words.say(sentence("console.failure.told.rate_limited", seconds=seconds))
        case "too-broad":
            return words.say(sentence("console.failure.told.too_broad"))
        case "unavailable":
            return words.say(sentence("console.failure.told.unavailable"))
        case "internal":
            return words.say(sentence("console.failure.told.internal"))
        case "unprocessable" if not isinstance(error, HttpProblem):
            return words.say(sentence("console.failure.told.unprocessable"))
        case _:
            return problem.detail
