"""Every answer of the API that is not what was asked for is a problem (A6)."""

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.web.faults import FAULTS, problem_of
from services.web.problems import PROBLEM_JSON
from services.web.request_ids import request_id_of

log = structlog.get_logger(__name__)


def handle(app: FastAPI) -> None:
    """Have every error of an application told as a problem."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error)
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
