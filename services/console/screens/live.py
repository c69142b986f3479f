"""What changed in an account, as it happens, for the pages of one browser (W3.6, W6.3)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends

from services.application.callers import caller_of_session
from services.application.feed.changes import next_changes, watching
from services.application.feed.following import Following
from services.console.seeing import InAccount, SeeingAccount
from services.storage.tenancy import Reach, confine
from services.web.ending_stream import EndingStream

router = APIRouter()
# A page fetches at most every two seconds: nothing is won by telling it more often.
TELL_EVERY_S = 1.0


class ChangeStream(EndingStream):
    """Server-sent events: `changed` with what did, `alive` when nothing does."""

    media_type = "text/event-stream"


async def _place(who: InAccount) -> AsyncIterator[Following]:
    premises = who.premises
    with premises.streams.place(who.principal.id):
        async with watching(
            premises.tails, who.installation, who.account.account_id, who.principal
        ) as found:
            yield found


@router.get("/a/{account_id}/live")
async def get_live(who: InAccount, place: Annotated[Following, Depends(_place)]) -> ChangeStream:
    """Until the browser goes, the person may no more, or the process ends."""
    limits = who.premises.streams.limits
    return ChangeStream(
        _chunks(place, who, alive_s=limits.comment_s),
        endings={
            "stop": who.premises.stop.wait,
            "rights": lambda: _may_no_more(who, limits.rights_s),
        },
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _chunks(
    place: Following, who: SeeingAccount, *, alive_s: float
) -> AsyncGenerator[bytes, None]:
    yield _frame("alive", {"version": place.position})
    while True:
        found = await next_changes(place, who.principal, within_s=alive_s)
        if found is None:
            yield _frame("alive", {"version": place.position})
        else:
            yield _frame("changed", asdict(found))
            await asyncio.sleep(TELL_EVERY_S)


async def _may_no_more(who: SeeingAccount, every_s: float) -> None:
    caller, account_id = who.caller, who.account.account_id
    while caller.in_account(account_id) == who.principal:
        await asyncio.sleep(every_s)
        confine(Reach(account_id=None, statement_ms=who.premises.settings.statement_ms))
        found = await caller_of_session(
            who.premises.access,
            who.cookie,
            whence=caller.whence,
            request_id=caller.request_id,
            is_by_hand=False,
        )
        if found is None:
            return
        caller = found


def _frame(event: str, data: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(data))
