"""Every answer to a program that is not what was asked for is a problem (A6)."""

from collections.abc import Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.web.faults import ENGLISH, FAULTS, problem_of
from services.web.problems import PROBLEM_JSON
from services.web.request_ids import request_id_of
from services.words.catalogue import Words

log = structlog.get_logger(__name__)


def in_english(_: Request) -> Words:
    """Programs read codes."""
    return ENGLISH


def handle(app: FastAPI, words_for: Callable[[Request], Words] = in_english) -> None:
    """Have every error of an application told as a problem, in the words of whoever reads it."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error, words_for(request))
        if problem.status == 500:  # noqa: PLR2004 - the one that is a bug
            log.error("request_failed", error=type(error).__name__, exc_info=error)
        return JSONResponse(
            problem.body(request_id_of(request.scope)),
            problem.status,
            headers=dict(problem.headers),
            media_type=PROBLEM_JSON,
        )

    for kind in FAULTS:
        app.add_exception_handler(kind, answer)
