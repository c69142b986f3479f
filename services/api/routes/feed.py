"""What happens in an account, as it happens and from any version on (A8)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request, Response
from pydantic import AfterValidator, Field

from services.api import frames
from services.api.asking import ACCOUNT_ID_MAX, OfAccount, may_still
from services.api.resource import resource
from services.api.times import Instant
from services.application.feed.following import Following, following
from services.shared.thin import SHAPES, ThinEvent
from services.web.ending_stream import EndingStream
from services.web.models import Output
from services.web.streams import StreamLimits

router = resource("feed")

CHUNK = 200
PAGE_MAX = 1_000
WAIT_MAX_S = 30
# For events of some types among others: so long it is looked for them, if nobody waits longer.
LOOK_S = 2.0
VERSION_MAX = ACCOUNT_ID_MAX
T = TypeVar("T")


def _known(name: str) -> str:
    if name not in SHAPES:
        raise ValueError("expected a type of event")
    return name


EventType = Annotated[
    str,
    AfterValidator(_known),
    Field(
        description="The stored name of an event.",
        examples=["lead.assigned"],
        json_schema_extra={"enum": sorted(SHAPES)},
    ),
]
Types = Annotated[
    list[EventType],
    Query(
        default_factory=list,
        max_length=len(SHAPES),
        description="Only events of these types; repeated, any of them. Without: all.",
        examples=[["lead.assigned"]],
    ),
]
After = Annotated[
    int,
    Query(
        ge=0,
        le=VERSION_MAX,
        description="The last version that you have; 0 for everything that ever happened.",
        examples=[0],
    ),
]


class EventItem(Output):
    """One event, thinly: that it happened, and to what. What is null does not belong to it."""

    account_id: int = Field(description="Kommo's id of the account.", examples=[32000001])
    version: int = Field(
        ge=1, description="Its place in the account's log, without gap.", examples=[412]
    )
    type: str = Field(
        description="Stored name. There will be new ones: pass over what you do not know.",
        examples=["lead.assigned"],
    )
    at: Instant = Field(description="When it happened.")
    lead_id: int | None = Field(description="Kommo's id of the lead.", examples=[900016])
    manager_id: int | None = Field(description="Kommo's id of the manager.", examples=[501])
    request_id: str | None = Field(description="Of the lead's request.", examples=["900016.1"])
    attempt: int | None = Field(
        description="Number of the decision of the request, from 1.", examples=[1]
    )
    rule_id: str | None = Field(description="As in the rules.", examples=["inbound"])
    revision: int | None = Field(description="Of the rules.", examples=[3])


class EventPage(Output):
    """Events in order of version, without gap but for those of types that were not asked for.

    Attributes:
        items: May be empty: then there were none of these types up to `next_after`.
        next_after: What to send as `after` next.
        as_of_version: The account's last version: there is more while `next_after` is less.
    """

    items: list[EventItem]
    next_after: int = Field(ge=0, examples=[412])
    as_of_version: int = Field(ge=0, examples=[412])


async def _with_a_place(visit: OfAccount) -> AsyncIterator[None]:
    """One of the streams that somebody may have open, until it has ended."""
    with visit.premises.streams.place(visit.principal.id):
        yield


Place = Callable[[int | None, Collection[str]], AbstractAsyncContextManager[Following]]


def _place(visit: OfAccount) -> Place:
    """Where to begin to follow; each route has its own way to say after which version."""

    def begin(after: int | None, types: Collection[str]) -> AbstractAsyncContextManager[Following]:
        return following(
            visit.premises.tails,
            visit.installation,
            visit.account.account_id,
            visit.principal,
            after=after,
            types=types,
            unread_max=visit.premises.streams.limits.unread_max,
        )

    return begin


PlaceOf = Annotated[Place, Depends(_place)]


async def _from_last(
    place: PlaceOf,
    types: Types,
    after: Annotated[
        int | None,
        Query(ge=0, le=VERSION_MAX, description="As `Last-Event-ID`, which wins.", examples=[412]),
    ] = None,
    last_event_id: Annotated[
        int | None,
        Header(
            ge=0,
            le=VERSION_MAX,
            description="The last version that you have; without, what happens from now on.",
            examples=[412],
        ),
    ] = None,
) -> AsyncIterator[Following]:
    async with place(after if last_event_id is None else last_event_id, types) as found:
        yield found


@router.get(
    "/accounts/{account_id}/events",
    operation_id="list_events",
    summary="What happened since?",
    dependencies=[Depends(_with_a_place)],
)
async def list_events(
    response: Response,
    visit: OfAccount,
    begin: PlaceOf,
    types: Types,
    after: After = 0,
    wait: Annotated[
        int, Query(ge=0, le=WAIT_MAX_S, description="Seconds to wait for one, if there is none.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Events at most.")] = 200,
) -> EventPage:
    """Events after a version, in pages; the feed for whoever cannot hold a stream."""
    response.headers["Cache-Control"] = "no-store"
    async with begin(after, types) as place:
        found = await _unless(visit.premises.stop, _next(place, limit, wait))
        return EventPage(
            items=[_item(event) for event in found or ()],
            next_after=place.position,
            as_of_version=place.head,
        )


STREAM: dict[str, Any] = {
    "description": (
        "Server-sent events. `id` is the version, `event` the type, `data` an `EventItem`. A"
        " comment each 15 s moves the id past what was filtered away. `event: reset` says that"
        " there is too much to catch up with: read `/events` from its `after` on, then come back."
    ),
    "content": {
        "text/event-stream": {
            "itemSchema": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "event": {"type": "string"},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": {"$ref": "#/components/schemas/EventItem"},
                    },
                    "retry": {"type": "integer"},
                },
            }
        }
    },
}


class EventStream(EndingStream):
    """One of server-sent events."""

    media_type = "text/event-stream"


@router.get(
    "/accounts/{account_id}/feed",
    operation_id="follow_feed",
    summary="What happens, as it happens",
    response_class=EventStream,
    status_code=200,
    responses={200: STREAM},
    dependencies=[Depends(_with_a_place)],
)
async def follow_feed(
    request: Request, visit: OfAccount, place: Annotated[Following, Depends(_from_last)]
) -> EventStream:
    """Events as they happen, resumed at any version ever: no gap, no repeat."""
    limits = visit.premises.streams.limits

    async def may_no_more() -> None:
        may = True
        while may:
            await asyncio.sleep(limits.rights_s)
            may = await may_still(request, visit.account.account_id)

    return EventStream(
        _chunks(place, limits),
        endings={
            "stop": visit.premises.stop.wait,
            "unread": place.left_behind.wait,
            "rights": may_no_more,
        },
        headers={
            "Cache-Control": "no-store",
            "Fairlead-Version": str(visit.version),
            "X-Accel-Buffering": "no",
        },
        sending=place.handing_over,
    )


async def _next(place: Following, limit: int, wait_s: int) -> list[ThinEvent]:
    """What follows; events of some types are looked for among others for a while."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(wait_s, LOOK_S)
    found: list[ThinEvent] = []
    while place.behind and not found and loop.time() < deadline:
        found = await place.next(limit, within_s=0)
    return found if found or place.behind else await place.next(limit, within_s=wait_s)


async def _unless(stop: asyncio.Event, answer: Coroutine[Any, Any, T]) -> T | None:
    """An answer that may take its time; None if the process ends before it is there."""
    answering = asyncio.ensure_future(answer)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else None
    finally:
        for task in (answering, stopping):
            task.cancel()


async def _chunks(place: Following, limits: StreamLimits) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    yield frames.opening(place.position, retry_ms=limits.retry_ms)
    told_at = loop.time()
    while place.behind <= limits.behind_max:
        due_at = told_at + limits.comment_s
        found = await place.next(CHUNK, within_s=max(due_at - loop.time(), 0))
        chunk = b"".join(map(frames.frame, found))
        if not found and loop.time() >= due_at:
            chunk = frames.comment(place.position)
        if chunk:
            told_at = loop.time()
            yield chunk
    yield frames.reset(place.position, place.head)


def _item(event: ThinEvent) -> EventItem:
    return EventItem(**{name: getattr(event, name) for name in EventItem.model_fields})
