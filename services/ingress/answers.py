"""Answers of ingress: plain words, with headers that keep the address from leaking (S3, S35).

They are made whole, so that nothing has to be added while one is given.
"""

from starlette.responses import PlainTextResponse

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
CLOSE = {"connection": "close"}


def answer(
    text: str, status: int = 200, headers: dict[str, str] | None = None
) -> PlainTextResponse:
    """A line of text."""
    return PlainTextResponse(text, status, headers={**SECURITY_HEADERS, **(headers or {})})
