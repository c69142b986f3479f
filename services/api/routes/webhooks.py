"""Who is told by signed webhooks what happens in the account (A8.4)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import Field

from services.api.asking import OfAccount, ToRead
from services.api.cursors import Key, at_microseconds, microseconds
from services.api.lists import ItemPage, Piece, UnversionedListing
from services.api.resource import problem, resource
from services.api.times import Instant
from services.application import webhooks
from services.storage.webhook_deliveries import Delivery, DeliveryState
from services.storage.webhook_targets import WebhookTarget
from services.web.models import Input, Output

router = resource("webhooks")

BASE = "/accounts/{account_id}/webhooks"
ONE = BASE + "/{target}"
REFUSES: dict[int | str, dict[str, Any]] = {
    409: problem("The name is taken, there are too many, or there is nothing to send.")
}

TargetName = Annotated[
    str, Path(max_length=64, description="As rules and people call it.", examples=["crm"])
]
DeliveryId = Annotated[
    str,
    Path(max_length=200, description="As the target got it.", examples=["ping-5f0c7a3e9b1d4c26"]),
]


class TargetBody(Input):
    """Whom to tell, and of what."""

    name: str = Field(max_length=64, description="1 to 64 of a-z, 0-9, -, _.", examples=["crm"])
    url: str = Field(
        max_length=2_000,
        description="https, of a host that is public.",
        examples=["https://hooks.example.com/fairlead"],
    )
    events: list[str] = Field(
        default_factory=list,
        max_length=200,
        description="Stored names of events; empty: all of them.",
        examples=[["lead.assigned"]],
    )


class TargetItem(Output):
    """A target without its secrets.

    Attributes:
        events: Empty: everything.
        failing_since: Since when it takes nothing; null while all is well.
        off_at: When it was given up; a ping that it takes switches it on again.
        former_until: Until when the secret of before signs as well.
    """

    name: str = Field(examples=["crm"])
    url: str = Field(examples=["https://hooks.example.com/fairlead"])
    events: list[str] = Field(examples=[["lead.assigned"]])
    made_by: str = Field(examples=["person:7"])
    made_at: Instant
    position: int = Field(description="Of the account: told up to here.", examples=[4711])
    failing_since: Instant | None
    off_at: Instant | None
    former_until: Instant | None


class TargetPage(ItemPage[TargetItem]):
    """By name."""


class TargetSecret(Output):
    """A secret that signs; it is told this once."""

    name: str = Field(examples=["crm"])
    secret: str = Field(examples=["whsec_c2VjcmV0"])
    former_until: Instant | None


class DeliveryItem(Output):
    """One event for one target.

    Attributes:
        version: Of the event; 0 of a ping.
        next_at: When it is tried next; null if it is not.
        status: What the target answered last.
        error: Why it was not taken.
    """

    delivery_id: str = Field(examples=["ping-5f0c7a3e9b1d4c26"])
    target: str = Field(examples=["crm"])
    type: str = Field(examples=["lead.assigned"])
    version: int = Field(examples=[4711])
    state: DeliveryState = Field(examples=["delivered"])
    attempts: int = Field(ge=0, examples=[1])
    listed_at: Instant
    last_at: Instant | None
    next_at: Instant | None
    status: int | None = Field(examples=[200])
    error: str | None = Field(examples=[None])


class DeliveryPage(ItemPage[DeliveryItem]):
    """The newest first."""


class Redelivered(Output):
    """What is sent once more."""

    delivery_ids: list[str] = Field(examples=[["ping-5f0c7a3e9b1d4c26"]])


class RedeliverBody(Input):
    """One, delivered or not; null: all of the target's that failed."""

    delivery_id: str | None = Field(default=None, max_length=200, examples=[None])


@router.get(BASE, operation_id="list_webhooks", summary="Who is told what happens?")
async def list_webhooks(visit: ToRead, listing: UnversionedListing) -> TargetPage:
    """Targets, by name."""
    found = await webhooks.targets(visit.installation, visit.account, visit.principal)
    return await listing.all_of(TargetPage, found, key=lambda each: (each.name,), shape=_target)


@router.post(
    BASE,
    status_code=201,
    operation_id="add_webhook",
    summary="Tell an address what happens",
    responses=REFUSES,
)
async def add_webhook(response: Response, visit: OfAccount, body: TargetBody) -> TargetSecret:
    """From now on; the answer has the secret that signs, this once."""
    response.headers["Cache-Control"] = "no-store"
    added = await webhooks.add_target(
        visit.installation,
        visit.account,
        visit.principal,
        body.name,
        url=body.url,
        events=body.events,
    )
    return _secret(added)


@router.delete(
    ONE, status_code=204, operation_id="remove_webhook", summary="Tell an address nothing more"
)
async def remove_webhook(visit: OfAccount, target: TargetName) -> None:
    """And forget what it was told."""
    await webhooks.remove_target(visit.installation, visit.account, visit.principal, target)


@router.post(f"{ONE}/rotate", operation_id="rotate_webhook", summary="Sign with another secret")
async def rotate_webhook(response: Response, visit: OfAccount, target: TargetName) -> TargetSecret:
    """The one before signs as well for a day."""
    response.headers["Cache-Control"] = "no-store"
    rotated = await webhooks.rotate_secret(
        visit.installation, visit.account, visit.principal, target
    )
    return _secret(rotated)


@router.post(
    f"{ONE}/ping", status_code=202, operation_id="ping_webhook", summary="Send something harmless"
)
async def ping_webhook(visit: OfAccount, target: TargetName) -> DeliveryItem:
    """Once; ask for the delivery to see what came of it."""
    who = (visit.installation, visit.account, visit.principal)
    message_id = await webhooks.ping(*who, target)
    return _delivery(await webhooks.delivery(*who, target, message_id))


@router.get(f"{ONE}/deliveries", operation_id="list_deliveries", summary="What was it told?")
async def list_deliveries(
    visit: ToRead,
    target: TargetName,
    listing: UnversionedListing,
    state: Annotated[DeliveryState | None, Query(description="Only those that stand so.")] = None,
) -> DeliveryPage:
    """What was told, is being told, or was not taken."""

    async def read(piece: Piece) -> Sequence[Delivery]:
        return await webhooks.deliveries(
            visit.installation,
            visit.account,
            visit.principal,
            target=target,
            state=state,
            beside=None if piece.key is None else _place(piece.key),
            is_back=piece.is_back,
            limit=piece.limit,
        )

    return await listing.page(DeliveryPage, read, key=_key, shape=_delivery)


@router.get(ONE + "/deliveries/{delivery_id}", operation_id="get_delivery", summary="One delivery")
async def get_delivery(
    visit: OfAccount, target: TargetName, delivery_id: DeliveryId
) -> DeliveryItem:
    """How it stands."""
    found = await webhooks.delivery(
        visit.installation, visit.account, visit.principal, target, delivery_id
    )
    return _delivery(found)


@router.post(
    f"{ONE}/redeliver",
    status_code=202,
    operation_id="redeliver_webhook",
    summary="Send once more",
    responses=REFUSES,
)
async def redeliver_webhook(
    visit: OfAccount, target: TargetName, body: RedeliverBody
) -> Redelivered:
    """One delivery, or all that the target would not take."""
    again = await webhooks.redeliver(
        visit.installation, visit.account, visit.principal, target, body.delivery_id
    )
    return Redelivered(delivery_ids=again)


def _target(each: WebhookTarget) -> TargetItem:
    return TargetItem(
        name=each.name,
        url=each.url,
        events=list(each.events),
        made_by=each.made_by,
        made_at=each.made_at,
        position=each.position,
        failing_since=each.failing_since,
        off_at=each.off_at,
        former_until=each.former_until,
    )


def _secret(made: webhooks.NewTarget) -> TargetSecret:
    return TargetSecret(
        name=made.name, secret=made.secret.get_secret_value(), former_until=made.former_until
    )


def _key(each: Delivery) -> Key:
    return (microseconds(each.listed_at), each.message_id)


def _place(key: Key) -> tuple[datetime, str]:
    return at_microseconds(int(key[0])), str(key[1])


def _delivery(each: Delivery) -> DeliveryItem:
    return DeliveryItem(
        delivery_id=each.message_id,
        target=each.target,
        type=each.type,
        version=each.version,
        state=each.state,
        attempts=each.attempts,
        listed_at=each.listed_at,
        last_at=each.last_at,
        next_at=each.next_at if each.state == "pending" else None,
        status=each.status,
        error=each.error,
    )
