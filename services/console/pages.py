"""Answers of the console: a page with what a browser has to know of it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.console.navigation import navigation
from services.console.rendering import environment, render
from services.console.seeing import Seeing, SeeingAccount
from services.shared.spreadsheet import Cell, as_csv
from services.web.problems import HttpProblem
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
    only: Sequence[str] = (),
    shown: str = "",
    **view: Any,  # noqa: ANN401 - whatever it shows
) -> HTMLResponse:
    """A page about an account; its template extends `account.html`.

    Args:
        template: Of the page.
        who: Looks at it.
        here: Its name in the navigation.
        status: Of the answer.
        only: Only these of its blocks, for a page that is open already.
        shown: The version of the account that it shows; then it keeps itself up to date.
        view: What it shows.

    Raises:
        HttpProblem: It has no such block.
    """
    has_all = set(only) <= set(environment().get_template(template).blocks)
    if not has_all:
        raise HttpProblem("not-found")
    answer = _framed(
        template, who, here=here, status=status, only=only, is_live=bool(shown), **view
    )
    if shown:
        answer.headers["fairlead-shown"] = shown
    return answer


def installation_page(
    template: str,
    who: Seeing,
    *,
    here: str,
    status: int = 200,
    **view: Any,  # noqa: ANN401 - whatever it shows
) -> HTMLResponse:
    """A page about the installation; its template extends `installation.html`."""
    return _framed(template, who, here=here, status=status, is_live=False, **view)


def _framed(template: str, who: Seeing, *, here: str, status: int, **view: Any) -> HTMLResponse:  # noqa: ANN401
    return page(
        template, who.words, status=status, who=who, here=here, groups=navigation(who), **view
    )


def sheet(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """A list as a file for a spreadsheet (S31)."""
    return Response(
        as_csv(columns, rows),
        media_type="text/csv; charset=utf-8",
        headers={**HEADERS, "content-disposition": f'attachment; filename="{name}.csv"'},
    )


def went_to(place: str, told: str) -> Response:
    """To a page after a deed; it says what came of it."""
    return RedirectResponse(f"{place}?told={told}", status_code=303)


def parts_from(
    parts: Annotated[str, Query(max_length=200, pattern="^([a-z_]+(,[a-z_]+)*)?$")] = "",
) -> Sequence[str]:
    """Which blocks of a page are asked for; none for all of it."""
    return parts.split(",") if parts else ()


Parts = Annotated[Sequence[str], Depends(parts_from)]
