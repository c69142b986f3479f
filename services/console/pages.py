"""Answers of the console: a page with what a browser has to know of it."""

from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.console.navigation import navigation
from services.console.rendering import render
from services.console.seeing import Seeing, SeeingAccount
from services.words.catalogue import Words

# What a page of ours may load, and who may frame it (S11, S12).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-store"}


def page(template: str, words: Words, *, status: int = 200, **view: Any) -> HTMLResponse:  # noqa: ANN401 - whatever it shows
    """A page of nobody in particular: signing in, and what went wrong."""
    return HTMLResponse(
        render(template, words, **{"who": None, **view}), status_code=status, headers=HEADERS
    )


def account_page(
    template: str,
    who: SeeingAccount,
    *,
    here: str,
    status: int = 200,
    **view: Any,  # noqa: ANN401 - whatever it shows
) -> HTMLResponse:
    """A page about an account; its template extends `account.html`.

    Args:
        template: Of the page.
        who: Looks at it.
        here: Its name in the navigation.
        status: Of the answer.
        view: What it shows.
    """
    return _framed(template, who, here=here, status=status, **view)


def installation_page(
    template: str,
    who: Seeing,
    *,
    here: str,
    status: int = 200,
    **view: Any,  # noqa: ANN401 - whatever it shows
) -> HTMLResponse:
    """A page about the installation; its template extends `installation.html`."""
    return _framed(template, who, here=here, status=status, **view)


def _framed(template: str, who: Seeing, *, here: str, status: int, **view: Any) -> HTMLResponse:  # noqa: ANN401
    return page(
        template, who.words, status=status, who=who, here=here, groups=navigation(who), **view
    )


def went_to(place: str, told: str) -> Response:
    """To a page after a deed; it says what came of it."""
    return RedirectResponse(f"{place}?told={told}", status_code=303)
