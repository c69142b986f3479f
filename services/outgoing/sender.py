"""Tells targets what happened in their accounts: each event once it is stored, in order (A8.4).

Each target has a place in its account's log. What follows is listed as deliveries, so many and no
more, and sent one after the other. What a target does not take is sent again by itself, while the
next ones go on; a target that takes nothing rests between two of them. So whoever is slow or dead
costs one place of few, a bounded list, and nobody else anything.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import asyncpg
import orjson
import structlog

from contracts.events import NoticeEnd, NoticeRequested, Recorded
from contracts.inbound import Inbound, NoticeSettled
from services.outgoing.post import DELIVERED, Attempt, Poster
from services.outgoing.schedule import next_attempt
from services.outgoing.settings import WebhookSettings
from services.outgoing.signatures import headers_of
from services.outgoing.work import PING, BehindTarget, Due, WebhookWork
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.shared.secrets import Unsealable
from services.shared.thin import thin
from services.storage.events import EventStore
from services.storage.webhook_deliveries import Delivery, NewDelivery, WebhookDeliveries
from services.storage.webhook_targets import WebhookTargets

log = structlog.get_logger(__name__)

ORPHANS_AT_ONCE = 200
# By then an account has taken notice, or is told once more.
TOLD_AGAIN_AFTER = timedelta(seconds=60)
TIDY_EVERY = timedelta(minutes=10)

Now = Callable[[], datetime]


class Settling(Protocol):
    """Where messages enter the inbound log."""

    async def publish(self, messages: Sequence[Inbound]) -> None:
        """Return once all are durable; waits as long as it takes."""
        ...


class Rest(Protocol):
    """How the sender waits."""

    async def __call__(self, wake: asyncio.Event, seconds: float, /) -> object:
        """Return when woken, or after so long."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a sender needs of an installation.

    Attributes:
        allows_local: Whether a server on this machine may be a target: never in production.
    """

    pool: asyncpg.Pool
    events: EventStore
    targets: WebhookTargets
    allows_local: bool


class WebhookSender:
    """Sends for the accounts that are ours, until cancelled."""

    def __init__(  # noqa: PLR0913 - the ports of a part of a role
        self,
        *,
        work: WebhookWork,
        events: EventStore,
        targets: WebhookTargets,
        deliveries: WebhookDeliveries,
        poster: Poster,
        publisher: Settling,
        owns: Callable[[int], bool],
        now: Now,
        random: Callable[[], float],
        pause: Rest,
        settings: WebhookSettings,
        on_sent: Callable[[str], None],
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            work: What is to be sent.
            events: Of all accounts.
            targets: Whose secrets sign.
            deliveries: To be forgotten in time.
            poster: Posts bodies.
            publisher: Tells accounts what came of what their rules wanted told (D12.2).
            owns: Whether we act for an account.
            now: The clock.
            random: From 0 to below 1.
            pause: Waits for the next look.
            settings: How many, how long.
            on_sent: Hears how each attempt ended: `delivered`, or why not.
        """
        self._work = work
        self._events = events
        self._targets = targets
        self._deliveries = deliveries
        self._poster = poster
        self._publisher = publisher
        self._owns = owns
        self._now = now
        self._random = random
        self._pause = pause
        self._settings = settings
        self._on_sent = on_sent
        self._wake = asyncio.Event()
        self._busy: set[tuple[int, str]] = set()
        self._tidy_at = now()
        self._told: dict[tuple[int, str], datetime] = {}

    def nudge(self) -> None:
        """Something may have happened, or be due."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        self._busy.clear()  # a turn that was cancelled before its first step left its mark
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                try:
                    await self._tidy()
                    await self._list_all()
                    await self._tell_orphans()
                    await self._begin(group)
                except Unavailable:
                    log.warning("webhooks_unavailable")
                await self._pause(self._wake, self._settings.poll_ms / 1_000)

    async def _tidy(self) -> None:
        if self._now() >= self._tidy_at:
            await self._deliveries.forget()
            self._tidy_at = self._now() + TIDY_EVERY

    async def _list_all(self) -> None:
        for target in await self._work.behind(self._settings.backlog_max):
            if not self._owns(target.account_id):
                continue
            scanned = await self._events.stream(
                target.account_id, after=target.position, limit=self._settings.page_events
            )
            if scanned:
                new = [found for each in scanned if (found := told_of(target, each)) is not None]
                await self._work.list_events(target, scanned, new)
                if len(scanned) == self._settings.page_events:
                    self._wake.set()

    async def _tell_orphans(self) -> None:
        """Nobody is told by targets that are not there, and their accounts need not wait."""
        now = self._now()
        self._told = {k: at for k, at in self._told.items() if now - at < TOLD_AGAIN_AFTER}
        for each in await self._work.orphans(ORPHANS_AT_ONCE):
            place = (each.account_id, each.order_id)
            if self._owns(each.account_id) and place not in self._told:
                await self._settle(*place, "given_up" if each.is_known else "no_target")
                self._told[place] = now

    async def _settle(
        self, account_id: int, order_id: str, how: Literal["answered"] | NoticeEnd
    ) -> None:
        at = self._now()
        body = NoticeSettled(order_id=order_id, kind="webhook", how=how)
        message_id = f"notice/webhook/{order_id}/{at.isoformat()}"
        message = Inbound(account_id=account_id, message_id=message_id, at=at, body=body)
        await self._publisher.publish([message])

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        free = self._settings.targets_max - len(self._busy)
        if free <= 0:
            return
        # Who is served while this is read may be done with what it still shows as due.
        served = frozenset(self._busy)
        # Those that are busy may be among the first, and other gateways' among all.
        for due in await self._work.due(self._now(), limit=10 * self._settings.targets_max):
            place = (due.delivery.account_id, due.delivery.target)
            is_served = place in self._busy or place in served
            if free and not is_served and self._owns(place[0]):
                free -= 1
                self._busy.add(place)
                group.create_task(self._serve(place, due))

    async def _serve(self, place: tuple[int, str], due: Due) -> None:
        """Send one delivery after the other, until the target's turn is over or it fails."""
        try:
            for _ in range(self._settings.turn_max):
                if not await self._send(due):
                    return
                more = await self._work.due(self._now(), of=place, limit=1)
                if not more or not self._owns(place[0]):
                    return
                due = more[0]
        except Unavailable:
            log.warning("webhook_delayed", account_id=place[0], target=place[1])
        finally:
            self._busy.discard(place)
            self._wake.set()

    async def _send(self, due: Due) -> bool:
        """Whether the target took it."""
        delivery = due.delivery
        answer = await self._attempt(due)
        if answer is None:
            return False
        failpoint("gateway.after_webhook")
        self._on_sent(answer.failure or DELIVERED)
        at = self._now()
        if answer.failure is None:
            # Before it is stored: what is told twice is noted once.
            if delivery.order_id is not None:
                await self._settle(delivery.account_id, delivery.order_id, "answered")
                failpoint("gateway.after_settling")
            await self._work.taken(delivery, answer, at=at)
            return True
        await self._failed(delivery, answer, at)
        return False

    async def _attempt(self, due: Due) -> Attempt | None:
        """How the attempt ended; None when the target is there no more."""
        delivery = due.delivery
        try:
            keys = await self._targets.secrets(delivery.account_id, delivery.target)
        except Unsealable:
            return Attempt(failure="secret_unreadable")
        if not keys:
            return None
        body = delivery.body.encode()
        headers = headers_of(delivery.message_id, body, keys, at=self._now())
        return await self._poster.post(due.url, headers, body)

    async def _failed(self, delivery: Delivery, answer: Attempt, at: datetime) -> None:
        next_at = None
        if delivery.type != PING:
            next_at = next_attempt(
                at,
                first_at=delivery.first_at or at,
                attempts=delivery.attempts + 1,
                retry_after=answer.retry_after,
                random=self._random,
            )
        if next_at is None and delivery.order_id is not None:
            await self._settle(delivery.account_id, delivery.order_id, "given_up")
        off_after = timedelta(seconds=self._settings.off_after_s)
        is_off = await self._work.not_taken(
            delivery, answer, at=at, next_at=next_at, off_after=off_after
        )
        place = {"account_id": delivery.account_id, "target": delivery.target}
        log.warning("webhook_not_taken", **place, why=answer.failure, status=answer.status)
        if is_off:
            log.error("webhook_target_off", **place, why=answer.failure)


def told_of(target: BehindTarget, recorded: Recorded) -> NewDelivery | None:
    """What a target is told of an event; None if it is not interested, nor named by a rule."""
    told, order_id = thin(recorded), named_by_rule(target, recorded)
    if target.events and told.type not in target.events and order_id is None:
        return None
    return NewDelivery(
        message_id=f"{recorded.account_id}-{recorded.version}",
        version=recorded.version,
        type=told.type,
        body=orjson.dumps(told.as_json()).decode(),
        order_id=order_id,
    )


def named_by_rule(target: BehindTarget, recorded: Recorded) -> str | None:
    """The decision of which a rule wants this very target told (D12.2); None if none does."""
    event = recorded.event
    if not isinstance(event, NoticeRequested) or event.kind != "webhook":
        return None
    return event.order_id if event.target == target.name else None
