"""Kommo's own list of a day's leads, held against those for which somebody asked.

An orphan came that day, lies in a stage of a rule, and nobody ever asked for a manager for it.
Leads that came to other stages, or were there before a rule covered theirs, are none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.kommo.rest import Lead
from services.application.kommo import refusals_of_kommo
from services.application.proof.ledger import DayLedger
from services.application.span import Span
from services.kommo.client import KommoClient

# Kommo's clock and ours differ.
SLACK = timedelta(minutes=5)
# A webhook may have been lost, and the sweep comes every five minutes.
JUST_CAME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What Kommo lists.

    Attributes:
        leads: Made on the day, and not deleted since.
        in_stages: Of these, in a stage of the rules in force.
        orphans: Of these, ids of those for which nobody ever asked.
        fresh: Of these, too new for the sweep to have found them if their webhook was lost.
        unreadable: Leads of which Kommo tells something that makes no sense.
    """

    leads: int
    in_stages: int
    orphans: tuple[int, ...]
    fresh: int
    unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The day's leads as Kommo lists them now."""

    leads: tuple[Lead, ...]
    unreadable: int
    now: datetime

    def held_against(self, ledger: DayLedger) -> Compared:
        """What the log knows of them."""
        inside = [lead for lead in self.leads if lead.stage in ledger.stages]
        unasked = [lead for lead in inside if lead.id not in ledger.asked and _is_due(lead, ledger)]
        fresh = [lead.id for lead in unasked if lead.created_at > self.now - JUST_CAME]
        return Compared(
            leads=len(self.leads),
            in_stages=len(inside),
            orphans=tuple(sorted(lead.id for lead in unasked if lead.id not in fresh)),
            fresh=len(fresh),
            unreadable=self.unreadable,
        )


async def list_day(client: KommoClient, base_url: str, span: Span, now: datetime) -> Listed:
    """Read the leads that were made on a day: all that were changed since it began.

    Raises:
        services.application.refused.Refused: Kommo refuses, or does not answer.
    """
    found: dict[int, Lead] = {}
    unreadable, following = 0, None
    with refusals_of_kommo(base_url):
        while True:
            page = await client.leads(updated_from=span.start, next_page=following)
            unreadable += len(page.odd)
            for lead in page.leads:
                if span.start <= lead.created_at < span.end and not lead.is_deleted:
                    found[lead.id] = lead
            following = page.next_page
            if following is None:
                break
    return Listed(leads=tuple(found.values()), unreadable=unreadable, now=now)


def _is_due(lead: Lead, ledger: DayLedger) -> bool:
    """Whether somebody should have asked."""
    connected_at = ledger.connected_at
    is_older = connected_at is None or lead.created_at < connected_at
    return not is_older and lead.id not in ledger.early
