"""Every list of the API: pages by cursor in either direction, and whole as CSV or lines (A3, A12).

A route gives the rows of a piece and how one is shaped; what is asked, and how the pages hang
together, is here.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as release
from typing import Annotated, Any, Generic, TypeVar, get_args
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from services.api.asking import AccountVisit, OfInstallation, ToRead, Visit, entry_of
from services.api.bulk import streamed
from services.api.cursors import CURSOR_LENGTH_MAX, Cursor, Key, open_, seal
from services.api.media import CSV, JSON, JSON_LINES, NDJSON, chosen
from services.api.strict import route_of
from services.api.tags import CACHE, NotModified, digest, is_known
from services.application.access import note_access
from services.web.models import Output

Row = TypeVar("Row")
Item = TypeVar("Item", bound=Output)
PageOf = TypeVar("PageOf", bound="ItemPage[Any]")
LIMIT, LIMIT_MAX = 50, 200
# Where a page begins, and how it is told, is no part of what is asked.
NO_FILTER = frozenset({"cursor", "limit", "min_version"})
RELATIVE = ("from", "to")
FORMS = (JSON, CSV, JSON_LINES, NDJSON)

Limit = Annotated[
    int, Query(ge=1, le=LIMIT_MAX, description="The most items of a page.", examples=[50])
]
CursorText = Annotated[
    str | None,
    Query(
        max_length=CURSOR_LENGTH_MAX,
        description="`next` or `previous` of a page, with the same filter.",
    ),
]


class ItemPage(Output, Generic[Item]):
    """Some items of a list.

    Attributes:
        next: Cursor of the page behind this one; null at the end.
        previous: Cursor of the page before this one; null at the beginning.
        as_of_version: Of the account, that the tables showed when it was read; null for lists that
            belong to no account.
    """

    items: list[Item]
    next: str | None = Field(examples=[None], description="Cursor of the next page; null: none.")
    previous: str | None = Field(
        examples=[None], description="Cursor of the page before; null: none."
    )
    as_of_version: int | None = Field(
        examples=[4711], description="The account's version that is shown; null: of no account."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows that are wanted of a list.

    Attributes:
        limit: The most.
        key: Of the row beside them, which is not wanted again; None for the beginning.
        is_back: Whether those before that row are wanted, the nearest first.
    """

    limit: int
    key: Key | None = None
    is_back: bool = False

    def newest_first(self) -> tuple[int | None, int | None]:
        """Of a list by version, the newest first: before which and after which it is wanted."""
        version = None if self.key is None else int(self.key[0])
        return (None, version) if self.is_back else (version, None)


Read = Callable[[Piece], Awaitable[Sequence[Row]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is asked of a list.

    Attributes:
        asked: The list, its account, filter and order, as cursors are sealed with.
        at: What relative instants count from: when the first page was asked for.
        form: In which it is wanted.
    """

    request: Request
    response: Response
    visit: Visit
    limit: int
    cursor: Cursor | None
    asked: str
    at: datetime
    form: str

    async def page(
        self,
        into: type[PageOf],
        read: Read[Row],
        *,
        key: Callable[[Row], Key],
        shape: Callable[[Row], Output],
    ) -> PageOf:
        """The page that is asked for; or all of it, as a stream.

        Args:
            into: The answer.
            read: Gives the rows of a piece, in the order of reading.
            key: Of a row, by which the list is ordered; no two rows have the same.
            shape: Of a row, as it is told.
        """
        if self.form != JSON:
            return await self._whole(into, read, key=key, shape=shape)  # type: ignore[return-value] # FastAPI sends a response as it is
        start = self.cursor
        is_back = start is not None and start.is_back
        found = list(
            await read(
                Piece(
                    limit=self.limit + 1, key=None if start is None else start.key, is_back=is_back
                )
            )
        )
        has_more, rows = len(found) > self.limit, found[: self.limit]
        if is_back:
            rows.reverse()
        has_next, has_previous = (
            (bool(rows), has_more) if is_back else (has_more, start is not None and bool(rows))
        )
        after = await self._sealed(key(rows[-1]), is_back=False) if has_next else None
        before = await self._sealed(key(rows[0]), is_back=True) if has_previous else None
        links = [
            f'<{self._address(cursor)}>; rel="{name}"'
            for name, cursor in (("next", after), ("prev", before))
            if cursor is not None
        ]
        if links:
            self.response.headers["link"] = ", ".join(links)
        return into(
            items=[shape(row) for row in rows],
            next=after,
            previous=before,
            as_of_version=version_of(self.visit),
        )

    async def all_of(
        self,
        into: type[PageOf],
        rows: Sequence[Row],
        *,
        key: Callable[[Row], Key],
        shape: Callable[[Row], Output],
    ) -> PageOf:
        """A page of rows that are all at hand, because there are never many; by their key."""
        ordered = sorted(rows, key=key)

        async def read(piece: Piece) -> Sequence[Row]:
            wanted = [
                row
                for row in (reversed(ordered) if piece.is_back else ordered)
                if piece.key is None
                or (key(row) < piece.key if piece.is_back else key(row) > piece.key)
            ]
            return wanted[: piece.limit]

        return await self.page(into, read, key=key, shape=shape)

    async def _whole(
        self,
        into: type[PageOf],
        read: Read[Row],
        *,
        key: Callable[[Row], Key],
        shape: Callable[[Row], Output],
    ) -> Response:
        visit = self.visit
        if isinstance(visit, AccountVisit):
            if not (entry_of(self.request).is_own_enough and not visit.principal.may("read")):
                visit.principal.require("export")
            await note_access(
                visit.installation, visit.account.account_id, visit.principal, "export"
            )
        start = self.cursor

        async def pieces(after: Key | None, limit: int) -> tuple[list[Output], Key | None]:
            rows = await read(Piece(limit=limit, key=after))
            return [shape(row) for row in rows], key(rows[-1]) if rows else None

        async def sealed(last: Key) -> str:
            return await self._sealed(last, is_back=False)

        item = _item_of(into)
        whole = streamed(
            self.form,
            columns=list(item.model_fields),
            start=None if start is None or start.is_back else start.key,
            read=pieces,
            seal=sealed,
            name=route_of(self.request).operation_id or "",
        )
        for name, value in self.response.headers.items():
            whole.headers.setdefault(name, value)
        return whole

    async def _sealed(self, key: Key, *, is_back: bool) -> str:
        digests = self.visit.premises.access.digests
        return await seal(digests, self.asked, Cursor(key=key, is_back=is_back, at=self.at))

    def _address(self, cursor: str) -> str:
        kept = [
            (name, value)
            for name, value in self.request.query_params.multi_items()
            if name not in ("cursor", "min_version")
        ]
        return f"{self.request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


async def account_listing(
    request: Request,
    response: Response,
    visit: ToRead,
    limit: Limit = LIMIT,
    cursor: CursorText = None,
) -> Listing:
    """For lists of an account.

    Raises:
        NotModified: They have it already; nothing was read.
        HttpProblem: The cursor belongs to something else, or the form is not to be had.
    """
    listing = await _listing(request, response, visit, limit=limit, cursor=cursor)
    minute = ""
    if any(name in request.query_params for name in RELATIVE):
        minute = listing.at.isoformat(timespec="minutes")
    principal = visit.principal
    tag = digest(
        release("fairlead"),
        listing.asked,
        str(sorted(request.query_params.multi_items())),
        str(visit.version),
        f"{principal.id} {sorted(principal.scopes)} {minute} {listing.form}",
    )
    headers = {
        "etag": f'W/"{tag}"',
        "cache-control": CACHE,
        "vary": "Accept, Authorization",
        "fairlead-version": str(visit.version),
    }
    if is_known(request, headers["etag"]):
        raise NotModified(headers)
    for name, value in headers.items():
        response.headers[name] = value
    return listing


async def unversioned_listing(
    request: Request,
    response: Response,
    visit: ToRead,
    limit: Limit = LIMIT,
    cursor: CursorText = None,
) -> Listing:
    """For lists of an account that do not follow from its events, so that no version tags them.

    Raises:
        HttpProblem: The cursor belongs to something else, or the form is not to be had.
    """
    return await _listing(request, response, visit, limit=limit, cursor=cursor)


async def installation_listing(
    request: Request,
    response: Response,
    visit: OfInstallation,
    limit: Limit = LIMIT,
    cursor: CursorText = None,
) -> Listing:
    """For lists that belong to no account.

    Raises:
        HttpProblem: The cursor belongs to something else, or the form is not to be had.
    """
    return await _listing(request, response, visit, limit=limit, cursor=cursor)


async def _listing(
    request: Request, response: Response, visit: Visit, *, limit: int, cursor: str | None
) -> Listing:
    asked = _asked(request)
    premises = visit.premises
    found = None if cursor is None else await open_(premises.access.digests, asked, cursor)
    return Listing(
        request=request,
        response=response,
        visit=visit,
        limit=limit,
        cursor=found,
        asked=asked,
        at=premises.now() if found is None else found.at,
        form=chosen(request.headers.get("accept"), FORMS),
    )


def version_of(visit: Visit) -> int | None:
    """The account's version that is shown to them; None if it is about none."""
    return visit.version if isinstance(visit, AccountVisit) else None


def _asked(request: Request) -> str:
    """Which list, with which filter: what is the same on all of its pages."""
    wanted = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in NO_FILTER)
    return json.dumps([route_of(request).operation_id, request.url.path, wanted])


def _item_of(into: type[ItemPage[Any]]) -> type[Output]:
    """What a page has many of."""
    (item,) = get_args(into.model_fields["items"].annotation)
    found: type[Output] = item
    return found


AccountListing = Annotated[Listing, Depends(account_listing)]
UnversionedListing = Annotated[Listing, Depends(unversioned_listing)]
InstallationListing = Annotated[Listing, Depends(installation_listing)]
