"""Query strings of lists: pages, links between them, and filters in PHP's brackets."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from services.sandbox.answers import ApiProblem, hal, nothing

_Item = TypeVar("_Item")

LIMIT_DEFAULT = 50
LIMIT_MAX = 250
_INDEX = re.compile(r"\[\d*\]$")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for, from page 1."""

    number: int
    limit: int

    @property
    def start(self) -> int:
        """The index of the first item."""
        return (self.number - 1) * self.limit


def page_of(request: Request) -> Page:
    """Read page and limit.

    Raises:
        ApiProblem: One of them is no positive number, or the limit is above 250.
    """
    number = _number(request, "page", 1)
    limit = _number(request, "limit", LIMIT_DEFAULT)
    if limit > LIMIT_MAX:
        raise ApiProblem(422, f"Limit {LIMIT_MAX} per page")
    return Page(number, limit)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text[:9]) == 0:
        raise ApiProblem(400, f"Parameter {name} must be a positive number")
    return int(text[:9])


def base_url(request: Request) -> str:
    """Name the address under which this server was called, without a slash at the end."""
    return f"{request.url.scheme}://{request.url.netloc}"


def page_links(request: Request, page: Page, *, has_more: bool) -> dict[str, dict[str, str]]:
    """Link a page to itself and its neighbours, filters kept."""
    kept = [
        (key, value)
        for key, value in request.query_params.multi_items()
        if key not in {"page", "limit"}
    ]

    def link(number: int) -> dict[str, str]:
        query = urlencode([*kept, ("page", number), ("limit", page.limit)])
        return {"href": f"{base_url(request)}{request.url.path}?{query}"}

    links = {"self": link(page.number)}
    if has_more:
        links["next"] = link(page.number + 1)
    if page.number > 1:
        links["first"] = link(1)
        links["prev"] = link(page.number - 1)
    return links


def texts(params: QueryParams, name: str) -> list[str]:
    """Collect `name`, `name[]` and `name[3]`."""
    return [v for key, v in params.multi_items() if key == name or _INDEX.sub("", key) == name]


def numbers(params: QueryParams, name: str) -> frozenset[int] | None:
    """Collect numbers of a filter, or None when it is absent.

    Raises:
        ApiProblem: One is no number.
    """
    found = texts(params, name)
    return frozenset(_integer(name, text) for text in found) if found else None


def span(params: QueryParams, name: str) -> tuple[int | None, int | None]:
    """Read a filter with `from` and `to`, both inclusive.

    Raises:
        ApiProblem: One is no number.
    """
    low, high = (params.get(f"{name}[{end}]") for end in ("from", "to"))
    return (
        _integer(name, low) if low else None,
        _integer(name, high) if high else None,
    )


def groups(params: QueryParams, name: str) -> list[Mapping[str, int]]:
    """Collect `name[0][key]=1` into a mapping for each index.

    Raises:
        ApiProblem: A value is no number.
    """
    pattern = re.compile(re.escape(name) + r"\[(\d+)\]\[(\w+)\]$")
    found: dict[str, dict[str, int]] = {}
    for key, value in params.multi_items():
        if match := pattern.match(key):
            found.setdefault(match[1], {})[match[2]] = _integer(key, value)
    return list(found.values())


def _integer(name: str, text: str) -> int:
    try:
        return int(text[:20])
    except ValueError:
        raise ApiProblem(400, f"Parameter {name} must be a number") from None


def order_of(params: QueryParams, names: Sequence[str]) -> tuple[str, bool]:
    """Read the first order that is asked for, by default `id` upwards.

    Returns:
        The name, and whether the list goes down.

    Raises:
        ApiProblem: It goes neither up nor down.
    """
    for name in names:
        direction = params.get(f"order[{name}]")
        if direction:
            if direction.lower() not in {"asc", "desc"}:
                raise ApiProblem(400, f"order[{name}] must be asc or desc")
            return name, direction.lower() == "desc"
    return "id", False


def listed(
    request: Request, key: str, items: Sequence[_Item], write: Callable[[_Item], Mapping[str, Any]]
) -> Response:
    """Answer with a page of a list; 204 when there is none, and never a total.

    Args:
        request: Names the page.
        key: What the list is called in `_embedded`.
        items: All that were found, in order.
        write: Writes one of them.
    """
    page = page_of(request)
    shown = items[page.start : page.start + page.limit]
    if not shown:
        return nothing()
    return hal(
        {
            "_page": page.number,
            "_links": page_links(request, page, has_more=page.start + page.limit < len(items)),
            "_embedded": {key: [write(item) for item in shown]},
        }
    )
