"""Deeds that move many leads: their number is said, and some an hour pass alone (S32)."""

from dataclasses import dataclass

from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.commands import Asked, Once, digest_of
from services.application.people.wide import require_not_too_wide
from services.application.refused import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Assent:
    """Whoever gives an order, and how many leads they say that it is about.

    Attributes:
        access: Says what is wide, and keeps what was asked for.
        who: They.
        confirmed: The number that a preview told; None if they do not say it.
    """

    access: Access
    who: Whoever
    confirmed: int | None = None

    def is_wide(self, leads: int) -> bool:
        """Whether the number of so many leads has to be said."""
        return self.access.wide_deeds.is_wide(leads)


async def require_assent(
    assent: Assent, account_id: int, *, what: str, leads: int, asked: Asked, once: Once
) -> None:
    """See that a deed may be done; to be called before it is given, not when it is repeated.

    Args:
        assent: Who does it.
        account_id: In which account.
        what: Which kind of deed, as `rules` or `handover`.
        leads: How many it moves now.
        asked: What was asked for.
        once: Its key: the same under another key is another deed.

    Raises:
        Refused: They say another number, or have to say it, or to prove who they are, or it is
            held until somebody else agrees.
    """
    if assent.confirmed is None and assent.is_wide(leads):
        raise Refused("confirmation_missing", leads=leads)
    if assent.confirmed not in {None, leads}:
        raise Refused("confirmation_differs", leads=leads, confirmed=assent.confirmed)
    digest = digest_of({**asked, "key": once.key})
    await require_not_too_wide(
        assent.access, assent.who, account_id, what=what, leads=leads, digest=digest
    )
