"""The order of a person that a request came from (D1.1, D9.3), in words."""

from collections.abc import Callable

from contracts.events import DistributionOrdered, HandoverOrdered, Recorded, RequestOpened
from services.cli.installation import Installation
from services.storage.database import borrow

# An order opens its requests in the same step, so the last one before a request is its own.
SELECT_ORDER = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND originator_version < $2
    AND topic IN ('handover.ordered', 'distribution.ordered')
ORDER BY originator_version DESC LIMIT 1
"""


async def order_of(
    installation: Installation, opened: Recorded
) -> DistributionOrdered | HandoverOrdered:
    """The order that a request was opened by."""
    async with borrow(installation.pool) as connection:
        version = await connection.fetchval(SELECT_ORDER, opened.account_id, opened.version)
    (recorded,) = await installation.events.stream(opened.account_id, version - 1, limit=1)
    order = recorded.event
    assert isinstance(order, DistributionOrdered | HandoverOrdered), "chosen so"  # noqa: S101
    return order


def ordered(
    event: RequestOpened,
    order: DistributionOrdered | HandoverOrdered,
    name: Callable[[int], str],
) -> str:
    """Who wanted the lead distributed, and for a handover, whose it was."""
    when = f"{event.at:%Y-%m-%d at %H:%M:%S} UTC"
    if isinstance(order, HandoverOrdered):
        return (
            f"Request {event.request_id} came from a handover on {when}:"
            f" {order.by} handed over the open leads of {name(order.manager_id)}."
        )
    return (
        f"Request {event.request_id} came from an order on {when}:"
        f" {order.by} had the lead distributed."
    )
