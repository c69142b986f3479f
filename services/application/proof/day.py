"""Every request of a day in exactly one of assigned, waiting, closed; and no lead without one."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from contracts.events import AccountDescribed
from contracts.sentences import Sentence, sentence
from services.application.access import note_access
from services.application.installation import Installation
from services.application.kommo import kommo_of
from services.application.past import events_between, rules_at, version_before
from services.application.principal import Principal
from services.application.proof.ledger import EVENTS, EVENTS_TO_COMPARE, Before, DayLedger
from services.application.proof.orphans import SLACK, Compared, list_day
from services.application.refused import Refused
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.chain import Broken, ChainStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is proven of a day.

    Attributes:
        made_at: As of when.
        requests: Opened on the day.
        assigned: Of these, with a decision that stands.
        waiting: Of these, with a time of their next look.
        closed: Reason to how many of these ended without a manager.
        undecided: The ids of those that are in none of the three; always empty.
        sources: What told of the leads, to how many requests.
        version: Of the account's last event then.
        link: Of the hash chain at that event, as hex; empty where older events have none yet.
        kommo: The comparison with Kommo; None if it could not be made.
        why_not_compared: Then.
    """

    day: date
    span: Span
    made_at: datetime
    requests: int
    assigned: int
    waiting: int
    closed: dict[str, int]
    undecided: tuple[str, ...]
    sources: dict[str, int]
    version: int
    link: str
    kommo: Compared | None
    why_not_compared: Sentence | None

    @property
    def is_over(self) -> bool:
        """Whether the day was, so that nothing more could come."""
        return self.made_at >= self.span.end

    @property
    def adds_up(self) -> bool:
        """Whether the three make the whole."""
        return self.assigned + self.waiting + sum(self.closed.values()) == self.requests

    @property
    def is_kept(self) -> bool:
        """Whether nothing speaks against it."""
        has_orphans = self.kommo is not None and bool(self.kommo.orphans)
        return self.adds_up and not self.undecided and not has_orphans


async def prove(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    day: date,
    span: Span,
    now: datetime,
    asks_kommo: bool = True,
) -> Proof:
    """Prove a day of an account, as of now.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        day: Which.
        span: When it began and ended.
        now: The time.
        asks_kommo: Whether Kommo's list is looked at, too; whoever has no tokens cannot (S18).

    Raises:
        Refused: They may not look, or somebody changed the end of the log.
    """
    principal.require("audit")
    account_id = account.account_id
    await note_access(installation, account_id, principal, "proof")
    before = await version_before(installation, account_id, span.start - SLACK)
    known = await _known_at(installation, account_id, before) if asks_kommo else Before()
    ledger = DayLedger(known, span)
    listed, why_not = None, None
    if asks_kommo:
        try:
            async with kommo_of(installation, account) as client:
                listed = await list_day(client, account.base_url, span, now)
        except Refused as refused:
            why_not = refused.sentence
    else:
        why_not = sentence("proof.kommo_not_asked")
    # After Kommo's list, so that what it names may have been heard of by now.
    try:
        head = await ChainStore(installation.pool).head(account_id)
    except Broken as error:
        raise Refused("chain_broken", version=error.version) from error
    kinds = EVENTS if listed is None else EVENTS_TO_COMPARE
    async for events in events_between(
        installation, account_id, kinds, after=before, up_to=head.version
    ):
        ledger.take(events)
    fates = Counter(ledger.fates.values())
    closed = {
        fate.removeprefix("closed "): count
        for fate, count in sorted(fates.items())
        if fate.startswith("closed ")
    }
    return Proof(
        day=day,
        span=span,
        made_at=now,
        requests=len(ledger.fates),
        assigned=fates["assigned"],
        waiting=fates["waiting"],
        closed=closed,
        undecided=tuple(r for r, fate in ledger.fates.items() if fate == "undecided"),
        sources=dict(sorted(ledger.sources.items())),
        version=head.version,
        link=head.link.hex() if head.link is not None else "",
        kommo=listed.held_against(ledger) if listed is not None else None,
        why_not_compared=why_not,
    )


async def _known_at(installation: Installation, account_id: int, version: int) -> Before:
    """The account after an event, as far as a day is judged by it."""
    applied = await rules_at(installation, account_id, version)
    described = await installation.events.some(
        account_id, (AccountDescribed,), after=0, up_to=version, limit=1
    )
    return Before(
        connected_at=described[0].event.at if described else None,
        rules=None if applied is None else applied.rules,
    )
