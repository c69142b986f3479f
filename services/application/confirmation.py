"""Deeds that move many leads want the number of leads typed, as the preview told it (S32)."""

from services.access.wiring import Access
from services.application.refused import Refused


def require_confirmed(access: Access, leads: int, confirmed: int | None) -> None:
    """See that whoever gives an order knows how many leads it is about.

    Args:
        access: Says what is wide.
        leads: How many it is about now.
        confirmed: How many they say it is about; None if they do not say.

    Raises:
        Refused: It is another number, or they have to say it.
    """
    if confirmed is None and access.wide_deeds.is_wide(leads):
        raise Refused("confirmation_missing", leads=leads)
    if confirmed is not None and confirmed != leads:
        raise Refused("confirmation_differs", leads=leads, confirmed=confirmed)
