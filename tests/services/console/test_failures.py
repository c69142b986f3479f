"""What a browser gets instead of a page: told in its language, with what to do (W3.4, W5)."""

import html
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from services.application.refused import Refused
from services.console.failures import tell_all
from services.shared.errors import Unavailable
from services.web.problems import HttpProblem
from services.web.request_ids import RequestIds
from services.words.languages import DECIMAL_MARKS

TOO_MANY = HttpProblem("rate-limited", "At most 5 reads.", headers={"Retry-After": "3"})
# Path to what goes wrong there, and as which status.
FAILURES: dict[str, tuple[Exception, int]] = {
    "/held": (Refused("key_under_way"), 409),
    "/moved": (Refused("revision_moved", base=1, revision=2), 412),
    "/past": (Refused("reason_missing"), 422),
    "/often": (TOO_MANY, 429),
    "/broken": (ValueError("secret"), 500),
    "/away": (Unavailable("database"), 503),
}
PATHS = {path: status for path, (_, status) in FAILURES.items()}
PATHS |= {"/typed?number=many": 422, "/nowhere": 404}


def failing() -> FastAPI:
    app = FastAPI()
    tell_all(app)

    @app.get("/typed")
    async def _typed(number: int) -> int:
        return number

    def failing_with(error: Exception) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail

    for path, (error, _) in FAILURES.items():
        app.add_api_route(path, failing_with(error))
    return app


async def told(language: str) -> dict[str, str]:
    """What each failure is told as."""
    transport = httpx.ASGITransport(app=RequestIds(failing(), is_https=False))
    headers = {"accept-language": language}
    found = {}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://fairlead", headers=headers
    ) as client:
        for path, status in PATHS.items():
            answer = await client.get(path)
            assert answer.status_code == status, path
            found[path] = html.unescape(answer.text.split("<main")[1].split("</main>")[0])
    return found


@pytest.mark.parametrize("language", sorted({*DECIMAL_MARKS} - {"en"}))
async def test_W5_every_failure_is_told_in_the_language_of_the_browser(language: str) -> None:
    english, theirs = await told("en"), await told(language.replace("_", "-"))

    assert "Too much at once" in english["/often"]
    assert "Wait 3 s" in english["/often"]
    for path, page in english.items():
        for tag in ("h1", "p"):
            first = page.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
            assert first not in theirs[path], (path, first)
    assert "secret" not in english["/broken"] + theirs["/broken"]
