"""Why a lead went where it went: its story, from the events alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import (
    ORDERED,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LeadSeen,
    ReadingRequested,
    Recorded,
    RequestOpened,
    RulesApplied,
)
from contracts.rules import RulesFile
from contracts.sentences import Sentence
from domain.explain.kinds import Ledgers
from domain.explain.reproduced import is_reproduced
from domain.explain.requests import ordered
from domain.explain.story import told
from domain.kinds import compile_kinds
from projections import decisions, requests, response
from services.application.access import note_access
from services.application.installation import Installation
from services.application.kinds import ledgers_in_force
from services.application.principal import Principal
from services.application.private import told_in_clear
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.chain import ChainStore
from services.storage.database import borrow

# The newest ones: a lead that is passed on and on for years.
DECISIONS_MAX = 500
# Around the event that opened a request: the lead was seen just before it, read just after it.
BEFORE, AFTER = 1, 1

# An order opens its requests in the same step, so the last one before a request is its own.
SELECT_ORDER = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND originator_version < $2
    AND topic IN ('handover.ordered', 'distribution.ordered')
ORDER BY originator_version DESC LIMIT 1
"""
SELECT_RULES = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND originator_version < $2
    AND topic = 'rules.applied'
ORDER BY originator_version DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One part of a lead's story: an event, in words.

    Attributes:
        event: What happened, with all its numbers.
        sentences: The first tells what happened, the others why.
        is_reproduced: Whether the recorded inputs give the same decision again; None where
            nothing was chosen.
        link: Of the hash chain at the event, as hex (S23); empty where it has none yet.
        in_kommo_at: Since when Kommo holds the decision; None where it does not, or where nothing
            was decided.
    """

    event: Recorded
    sentences: tuple[Sentence, ...]
    link: str
    is_reproduced: bool | None = None
    in_kommo_at: datetime | None = None

    @property
    def version(self) -> int:
        """Of the event in the account's log."""
        return self.event.version

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.event.event.at


async def explain_lead(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    lead_id: int,
    *,
    decision: int | None = None,
) -> list[Explained]:
    """The story of a lead, in order: seen, asked, decided, set in Kommo, and what followed.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        lead_id: Which lead.
        decision: The version of one event of it; None for all.

    Raises:
        Refused: They may not look, nothing is recorded, or no such event.
    """
    principal.require("explain")
    account_id = account.account_id
    await note_access(installation, account_id, principal, "explanation", [lead_id])
    async with borrow(installation.pool) as connection:
        feed = await decisions.of_lead(
            connection, account_id=account_id, lead_id=lead_id, limit=DECISIONS_MAX
        )
        request_ids = sorted({each.request_id for each in feed})
        opened = await requests.opened_versions(
            connection, account_id=account_id, request_ids=request_ids
        )
        in_kommo = await response.in_kommo(
            connection, account_id=account_id, request_ids=request_ids
        )
    if not feed:
        raise Refused("nothing_decided", lead=lead_id)
    wanted = {each.version for each in feed}
    near = {version + step for version in opened for step in range(-BEFORE, AFTER + 1)}
    found = await installation.events.these(account_id, sorted(wanted | near))
    story = [each for each in found if each.version in wanted or _is_opening(each, found, lead_id)]
    if decision is not None:
        known = tuple(each.version for each in story)
        story = [each for each in story if each.version == decision]
        if not story:
            raise Refused("no_such_event", lead=lead_id, decision=decision, known=known)
    links = await ChainStore(installation.pool).links_of(
        account_id, [each.version for each in story]
    )
    return [
        await _explained(installation, each, links.get(each.version, b"").hex(), in_kommo)
        for each in story
    ]


def _is_opening(recorded: Recorded, found: Sequence[Recorded], lead_id: int) -> bool:
    """Whether the event belongs to the step in which the lead asked for a manager."""
    event = recorded.event
    if not isinstance(event, LeadSeen | RequestOpened | ReadingRequested):
        return False
    return event.lead_id == lead_id and any(
        isinstance(other.event, RequestOpened)
        and (other.cause, other.event.lead_id) == (recorded.cause, lead_id)
        for other in found
    )


async def _explained(
    installation: Installation,
    recorded: Recorded,
    link: str,
    in_kommo: Mapping[tuple[str, int], datetime],
) -> Explained:
    event, found = recorded.event, await _told(installation, recorded)
    told_ = tuple(await told_in_clear(installation, recorded.account_id, found))
    if not isinstance(event, LeadAssigned):
        return Explained(event=recorded, sentences=told_, link=link)
    return Explained(
        event=recorded,
        sentences=told_,
        link=link,
        is_reproduced=is_reproduced(event),
        in_kommo_at=in_kommo.get((event.request_id, event.attempt)),
    )


async def _told(installation: Installation, recorded: Recorded) -> list[Sentence]:
    event = recorded.event
    if isinstance(event, RequestOpened) and event.source in ORDERED:
        return [ordered(event, await _order_of(installation, recorded))]
    if isinstance(event, LeadAssigned) and event.kinds:
        return told(event, await _ledgers_of(installation, recorded, event.revision))
    return told(event)


async def _ledgers_of(installation: Installation, decided: Recorded, revision: int) -> Ledgers:
    """What the rules of then told leads apart in (D3.9): those in force, or else by the log."""
    async with borrow(installation.pool) as connection:
        known = await ledgers_in_force(connection, decided.account_id, revision=revision)
        if known:
            return known
        version = await connection.fetchval(SELECT_RULES, decided.account_id, decided.version)
    (recorded,) = await installation.events.stream(decided.account_id, version - 1, limit=1)
    applied = recorded.event
    assert isinstance(applied, RulesApplied), "chosen so"  # noqa: S101
    return compile_kinds(RulesFile.model_validate(applied.rules).ledgers)


async def _order_of(
    installation: Installation, opened: Recorded
) -> DistributionOrdered | HandoverOrdered:
    """The order of a person that a request came from (D1.1, D9.3)."""
    async with borrow(installation.pool) as connection:
        version = await connection.fetchval(SELECT_ORDER, opened.account_id, opened.version)
    (recorded,) = await installation.events.stream(opened.account_id, version - 1, limit=1)
    order = recorded.event
    assert isinstance(order, DistributionOrdered | HandoverOrdered), "chosen so"  # noqa: S101
    return order
