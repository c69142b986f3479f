"""Who is told by signed webhooks what happens in the account, and what became of it (A8.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from contracts.sentences import Sentence, sentence
from services.application import webhooks
from services.console.moments import Moment, moment
from services.console.names import names_in
from services.console.pages import account_page, sheet, went_to
from services.console.seeing import InAccount, SeeingAccount
from services.shared.codec import EVENT_NAMES
from services.shared.spreadsheet import Cell
from services.storage.webhook_deliveries import Delivery, DeliveryState
from services.storage.webhook_targets import WebhookTarget

router = APIRouter()

LINES = 50
LINES_IN_FILE = 10_000
COLUMNS = ("listed_at", "message_id", "type", "state", "attempts", "status", "error", "next_at")
BASE = "/a/{account_id}/webhooks"
ONE = BASE + "/{target}"
STATE_NAMES: Mapping[DeliveryState, Sentence] = {
    "pending": sentence("console.delivery.pending"),
    "delivered": sentence("console.delivery.delivered"),
    "failed": sentence("console.delivery.failed"),
}
TOLD: Mapping[str, Sentence] = {
    "removed": sentence("console.webhooks.told_removed"),
    "pinged": sentence("console.webhooks.told_pinged"),
    "again": sentence("console.webhooks.told_again"),
}

Name = Annotated[str, Form(max_length=200)]
State = Annotated[DeliveryState | Literal[""], Query()]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """A target as a line."""

    name: str
    href: str
    url: str
    events: str
    state: str
    is_well: bool
    made_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """A delivery as a line."""

    id: str
    type: str
    version: int
    state: str
    may_again: bool
    attempts: int
    answer: str
    listed_at: Moment
    next_at: Moment | None


@router.get(BASE)
async def get_webhooks(who: InAccount, told: str = "") -> Response:
    """Targets, and how one is added."""
    found = await webhooks.targets(who.installation, who.account, who.principal)
    names = await names_in(who, (each.made_by for each in found))
    return account_page(
        "webhooks.html",
        who,
        here="webhooks",
        told=who.words.say(TOLD[told]) if told in TOLD else "",
        targets=[_target_line(who, each, names) for each in found],
        events=sorted(EVENT_NAMES.values()),
    )


@router.post(BASE)
async def post_webhook(
    who: InAccount,
    name: Name,
    url: Annotated[str, Form(max_length=2_000)],
    events: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Tell an address what happens from now on; its secret is shown this once."""
    added = await webhooks.add_target(
        who.installation,
        who.account,
        who.principal,
        name.strip(),
        url=url.strip(),
        events=events or (),
    )
    return _secret_page(who, added)


@router.get(ONE)
async def get_target(
    who: InAccount,
    target: str,
    told: str = "",
    state: State = "",
    after: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """One of them, and what it was told, the newest first."""
    here = (who.installation, who.account, who.principal)
    found = await webhooks.deliveries(
        *here,
        target=target,
        state=state or None,
        beside=(await webhooks.delivery(*here, target, after)).place if after else None,
        limit=LINES,
    )
    (one,) = [each for each in await webhooks.targets(*here) if each.name == target]
    kept = {"state": state} if state else {}
    return account_page(
        "webhook.html",
        who,
        here="webhooks",
        told=who.words.say(TOLD[told]) if told in TOLD else "",
        target=_target_line(who, one, await names_in(who, [one.made_by])),
        state=state,
        states=[(each, who.words.say(name)) for each, name in STATE_NAMES.items()],
        deliveries=[_delivery_line(who, each) for each in found],
        newest=f"{who.base}/webhooks/{target}?{urlencode(kept)}" if after else "",
        older=f"?{urlencode({**kept, 'after': found[-1].message_id})}"
        if len(found) == LINES
        else "",
        csv=f"{who.base}/webhooks/{target}/deliveries.csv?{urlencode(kept)}",
    )


@router.get(f"{ONE}/deliveries.csv")
async def get_deliveries_file(who: InAccount, target: str, state: State = "") -> Response:
    """What it was told as a file, the newest 10,000."""
    found: list[Delivery] = []
    more = True
    while more and len(found) < LINES_IN_FILE:
        part = await webhooks.deliveries(
            who.installation,
            who.account,
            who.principal,
            target=target,
            state=state or None,
            beside=found[-1].place if found else None,
            limit=webhooks.PAGE_MAX,
        )
        found += part
        more = len(part) == webhooks.PAGE_MAX
    return sheet(f"deliveries-{target}", COLUMNS, map(_cells, found))


@router.post(f"{ONE}/ping")
async def post_ping(who: InAccount, target: str) -> Response:
    """Send something harmless."""
    await webhooks.ping(who.installation, who.account, who.principal, target)
    return went_to(f"{who.base}/webhooks/{target}", "pinged")


@router.post(f"{ONE}/again")
async def post_again(who: InAccount, target: str, delivery: Name = "") -> Response:
    """Send one once more, or all that it would not take."""
    await webhooks.redeliver(who.installation, who.account, who.principal, target, delivery or None)
    return went_to(f"{who.base}/webhooks/{target}", "again")


@router.post(f"{ONE}/rotate")
async def post_rotate(who: InAccount, target: str) -> Response:
    """Sign with another secret, which is shown this once."""
    rotated = await webhooks.rotate_secret(who.installation, who.account, who.principal, target)
    return _secret_page(who, rotated)


@router.post(f"{ONE}/remove")
async def post_remove(who: InAccount, target: str) -> Response:
    """Tell it nothing more."""
    await webhooks.remove_target(who.installation, who.account, who.principal, target)
    return went_to(f"{who.base}/webhooks", "removed")


def _secret_page(who: SeeingAccount, made: webhooks.NewTarget) -> Response:
    until = made.former_until
    return account_page(
        "webhook_secret.html",
        who,
        here="webhooks",
        name=made.name,
        secret=made.secret.get_secret_value(),
        former_until=None if until is None else moment(who, until),
    )


def _target_line(who: SeeingAccount, each: WebhookTarget, names: Mapping[str, str]) -> TargetLine:
    if each.off_at is not None:
        state = sentence("console.target.off", at=moment(who, each.off_at).marked)
    elif each.failing_since is not None:
        state = sentence("console.target.failing", at=moment(who, each.failing_since).marked)
    else:
        state = sentence("console.target.well")
    return TargetLine(
        name=each.name,
        href=f"{who.base}/webhooks/{each.name}",
        url=each.url,
        events=", ".join(each.events) or who.words.say(sentence("console.target.everything")),
        state=who.words.marked.say(state),
        is_well=each.off_at is None and each.failing_since is None,
        made_by=names[each.made_by],
    )


def _cells(each: Delivery) -> tuple[Cell, ...]:
    return (
        each.listed_at.isoformat(),
        each.message_id,
        each.type,
        each.state,
        each.attempts,
        each.status,
        each.error,
        each.next_at.isoformat() if each.state == "pending" else None,
    )


def _delivery_line(who: SeeingAccount, each: Delivery) -> DeliveryLine:
    is_pending = each.state == "pending"
    answer = "" if each.status is None else str(each.status)
    return DeliveryLine(
        id=each.message_id,
        type=each.type,
        version=each.version,
        state=who.words.say(STATE_NAMES[each.state]),
        may_again=not is_pending,
        attempts=each.attempts,
        answer=" ".join(filter(None, (answer, each.error))),
        listed_at=moment(who, each.listed_at),
        next_at=moment(who, each.next_at) if is_pending else None,
    )
