"""The audit of another widget: read from Kommo with a token, nothing else; nothing is written."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from contracts.kommo.cards import LeadCard
from contracts.kommo.history import ResponsibleChange
from contracts.kommo.rest import User
from services.application.kommo import refusals_of_kommo
from services.application.principal import Principal
from services.application.progress import Progress, untold
from services.application.refused import Refused
from services.application.shadow.judged import Kind, Observed, ShadowVerdict, judge
from services.application.span import Span, span_from, zone_of
from services.kommo.changes import responsible_changes
from services.kommo.client import PAGE_MAX, KommoClient
from services.kommo.errors import AccountStopped
from services.kommo.limiter import Limiter, Priority
from services.shared.errors import Malformed
from services.shared.logs import hide

DAYS = 30
DAYS_MAX = 366
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
# With fewer, chance says more than the widget.
LEADS_MIN, PEOPLE_MIN = 20, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Changes of a responsible from which nothing is concluded.

    Attributes:
        later: Of leads that had been given to somebody in the time before.
        older: Of leads that were made before the time.
        gone: Of leads that cannot be read any more.
        to_nobody: That left the lead without a responsible.
        unreadable: That make no sense.
    """

    later: int
    older: int
    gone: int
    to_nobody: int
    unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowAudit:
    """What came of it.

    Attributes:
        changes: Of the responsibles of leads, as Kommo lists them.
        leads: From which something is concluded.
        first_at: Of the earliest change: what Kommo forgot before that is unknown.
        names: Of people, by id; empty if the token may not read them.
        pipelines: Their names, by id.
    """

    account_id: int
    subdomain: str
    timezone: str
    span: Span
    changes: int
    leads: int
    first_at: datetime | None
    left: Left
    judged: ShadowVerdict
    names: dict[int, str]
    pipelines: dict[int, str]

    @property
    def is_enough(self) -> bool:
        """Whether there are leads and people enough to conclude anything."""
        return self.leads >= LEADS_MIN and len(self.judged.managers) >= PEOPLE_MIN


@asynccontextmanager
async def client_with(address: str, token: str) -> AsyncIterator[KommoClient]:
    """A client of an account that need not be connected, at Kommo's own pace.

    Raises:
        Refused: It is no address that a token may be sent to.
    """
    secret = SecretStr(token)
    hide(secret)
    try:
        client = KommoClient(base_url=address, token=secret, limiter=Limiter())
    except Malformed as error:
        raise Refused("address_not_an_accounts", reason=str(error)) from error
    async with client:
        yield client


async def shadow(
    client: KommoClient,
    base_url: str,
    principal: Principal,
    *,
    start: str,
    end: str,
    now: datetime,
    progress: Progress = untold,
) -> ShadowAudit:
    """Judge how the leads of an account were given out, whoever did it.

    Args:
        client: Of the account; it need not be connected.
        base_url: Of the account.
        principal: Who asks.
        start: As typed; 30 days before the end without it.
        end: As typed; now without it.
        now: The time.
        progress: Told how far it is: the changes are the first half, their leads the second.

    Raises:
        Refused: They may not look, the time makes no sense or is too long, or Kommo refuses or
            does not answer.
    """
    principal.require("audit")
    with refusals_of_kommo(base_url):
        account = await client.account()
    zone = zone_of(account.timezone)
    span = span_from(start, end, now=now, timezone=account.timezone, days=DAYS)
    if span.end - span.start > DAYS_MAX * DAY:
        raise Refused("span_too_long", days=DAYS_MAX)
    with refusals_of_kommo(base_url):
        changes, unreadable = await _changes(client, span, progress)
        firsts = _first_of_each(changes)
        cards = await _cards(client, sorted(firsts), progress)
        names = await _names(client)
        pipelines = (await client.pipelines()).elements
    fresh = {i: card for i, card in cards.items() if card.created_at >= span.start}
    observed = [
        Observed(
            lead_id=lead_id,
            manager_id=change.after_id,
            at=change.created_at,
            kind=Kind(fresh[lead_id].pipeline_id, fresh[lead_id].source_id or 0),
        )
        for lead_id, change in firsts.items()
        if lead_id in fresh
    ]
    given = sum(1 for each in changes if each.after_id)
    return ShadowAudit(
        account_id=account.id,
        subdomain=account.subdomain,
        timezone=account.timezone,
        span=span,
        changes=len(changes) + unreadable,
        leads=len(observed),
        first_at=min((each.created_at for each in changes), default=None),
        left=Left(
            later=given - len(firsts),
            older=len(cards) - len(fresh),
            gone=len(firsts) - len(cards),
            to_nobody=len(changes) - given,
            unreadable=unreadable,
        ),
        judged=judge(observed, zone),
        names={user.id: user.name for user in names if user.name},
        pipelines={each.id: each.name for each in pipelines},
    )


async def _changes(
    client: KommoClient, span: Span, progress: Progress
) -> tuple[list[ResponsibleChange], int]:
    """All changes of the time, day by day, in order; and how many make no sense."""
    found: dict[tuple[int, datetime, int, int], ResponsibleChange] = {}
    unreadable, day = 0, span.start
    while day < span.end:
        until = min(day + DAY, span.end)
        page = await responsible_changes(client, day, until)
        unreadable += len(page.odd)
        for each in page.elements:  # pages shift while they are read: some may come twice
            found[each.entity_id, each.created_at, each.before_id, each.after_id] = each
        day = until
        progress((day - span.start) // SECOND, 2 * ((span.end - span.start) // SECOND))
    return [found[key] for key in sorted(found, key=lambda key: (key[1], key))], unreadable


def _first_of_each(changes: Iterable[ResponsibleChange]) -> dict[int, ResponsibleChange]:
    """By lead, the first time that somebody got it."""
    firsts: dict[int, ResponsibleChange] = {}
    for change in changes:
        if change.after_id:
            firsts.setdefault(change.entity_id, change)
    return firsts


async def _cards(
    client: KommoClient, lead_ids: list[int], progress: Progress
) -> dict[int, LeadCard]:
    found: dict[int, LeadCard] = {}
    for first in range(0, len(lead_ids), PAGE_MAX):
        part = lead_ids[first : first + PAGE_MAX]
        found |= (await client.lead_cards(part, priority=Priority.SWEEP)).by_id
        progress(len(lead_ids) + first + len(part), 2 * len(lead_ids))
    return found


async def _names(client: KommoClient) -> tuple[User, ...]:
    """The account's users; none where only an administrator may read them."""
    try:
        return (await client.users()).elements
    except AccountStopped as error:
        if error.status != 403:  # noqa: PLR2004 - HTTP's "forbidden"
            raise
        return ()
