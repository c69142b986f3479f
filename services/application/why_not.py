"""Why somebody did not get more: every lead that was given out, by how they stood to it."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.events import LeadAssigned
from domain.explain.why_not import STOOD, Stood, stood
from projections import decisions
from projections import why_not as counters
from projections.decisions import DecisionFilter
from projections.why_not import hour_of
from services.application.access import note_access
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

HOUR = timedelta(hours=1)
PIECE = 500


@dataclass(frozen=True, slots=True)
class Question:
    """About whom, in which account, and when.

    Attributes:
        rule_id: Of leads by one rule only; None for all.
    """

    account: RegisteredAccount
    manager_id: int
    span: Span
    rule_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLead:
    """A lead that was given out.

    Attributes:
        version: Of the decision.
        got_by: Who got it; None where that is not for whoever asks.
    """

    version: int
    at: datetime
    lead_id: int
    rule_id: str
    got_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLeads:
    """Leads to which somebody stood in one way, the newest first.

    Attributes:
        next_before: Ask on from here for older ones; None when there are none.
    """

    leads: list[GivenLead]
    next_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """How somebody stood when leads were given out.

    Attributes:
        given: How often a lead was given to somebody.
        counts: How often they stood how, adding up to `given`; in the order of `STOOD`, without
            what never was.
        leads: The newest of each line that was asked for.
    """

    asked: Question
    given: int
    counts: dict[Stood, int]
    leads: dict[Stood, GivenLeads]

    @property
    def got(self) -> int:
        """How often it was given to them."""
        return self.counts.get("got", 0) + self.counts.get("got_as_owner", 0)


async def why_not(
    installation: Installation,
    principal: Principal,
    asked: Question,
    *,
    line: Stood | None = None,
    limit: int = 5,
    before: int | None = None,
) -> WhyNot:
    """How a manager stood to every lead that was given out; one's own with `self`.

    Args:
        installation: Where.
        principal: Who asks; whoever may see only themselves is not told who got a lead.
        asked: About whom and when.
        line: The leads of this line only, instead of all lines that occur.
        limit: The most leads of a line.
        before: Only leads given before this version are told.

    Raises:
        Refused: They may not look, or nothing was ever given out under the rule.
    """
    principal.require_own("read", asked.manager_id)
    account_id = asked.account.account_id
    if principal.manager_id != asked.manager_id:
        await note_access(installation, account_id, principal, "why_not", [asked.manager_id])
    await _check_rule(installation, asked)
    counts = await _counts(installation, asked)
    names = principal.may("read")
    return WhyNot(
        asked=asked,
        given=counts.total(),
        counts={each: counts[each] for each in STOOD if counts[each]},
        leads={
            each: await _leads(installation, asked, each, limit=limit, before=before, names=names)
            for each in ((line,) if line is not None else STOOD)
            if counts[each]
        },
    )


async def _counts(installation: Installation, asked: Question) -> Counter[Stood]:
    """Whole hours are counted already; of what is left of others, the decisions are read."""
    span = asked.span
    first, last = _next_hour(span.start), hour_of(span.end)
    found: Counter[Stood] = Counter()
    rest = [span]
    if first < last:
        rest = [Span(start=span.start, end=first), Span(start=last, end=span.end)]
        async with borrow_to_read(installation.pool) as connection:
            totals = await counters.totals(
                connection,
                account_id=asked.account.account_id,
                manager_id=asked.manager_id,
                since=first,
                until=last,
                rule_id=asked.rule_id,
            )
        found.update(totals.stood)
    rules = (asked.rule_id,) if asked.rule_id is not None else ()
    for part in rest:
        async for _, event in _decided(installation, asked, part, rules):
            found[stood(event, asked.manager_id)] += 1
    return found


async def _leads(
    installation: Installation,
    asked: Question,
    wanted: Stood,
    *,
    limit: int,
    before: int | None,
    names: bool,
) -> GivenLeads:
    """Only decisions of hours and rules that have such a lead are read."""
    found: list[GivenLead] = []
    for hour, rules in await _hours(installation, asked, wanted, before):
        span = Span(start=max(hour, asked.span.start), end=min(hour + HOUR, asked.span.end))
        async for version, event in _decided(installation, asked, span, rules, before):
            if stood(event, asked.manager_id) != wanted:
                continue
            if len(found) == limit:
                return GivenLeads(leads=found, next_before=found[-1].version)
            found.append(_lead(version, event, names=names))
    return GivenLeads(leads=found, next_before=None)


async def _check_rule(installation: Installation, asked: Question) -> None:
    if asked.rule_id is None:
        return
    under_it = DecisionFilter(kinds=["assigned"], rule_ids=[asked.rule_id])
    async with borrow_to_read(installation.pool) as connection:
        if not await decisions.page(
            connection, account_id=asked.account.account_id, which=under_it, limit=1
        ):
            raise Refused("rule_never_gave", rule=asked.rule_id)


async def _hours(
    installation: Installation, asked: Question, wanted: Stood, before: int | None
) -> list[tuple[datetime, list[str]]]:
    """The hours with such leads, the newest first, and the rules in each."""
    async with borrow_to_read(installation.pool) as connection:
        stretches = await counters.stretches(
            connection,
            account_id=asked.account.account_id,
            manager_id=asked.manager_id,
            since=hour_of(asked.span.start),
            until=asked.span.end,
            rule_id=asked.rule_id,
        )
    found: dict[datetime, list[str]] = {}
    for each in stretches:
        if wanted in each.stood and (before is None or each.first_version < before):
            found.setdefault(each.hour, []).append(each.rule_id)
    return sorted(found.items(), reverse=True)


async def _decided(
    installation: Installation,
    asked: Question,
    span: Span,
    rules: Sequence[str],
    before: int | None = None,
) -> AsyncIterator[tuple[int, LeadAssigned]]:
    """The decisions of a range under these rules or any, the newest first, read in pieces."""
    account_id = asked.account.account_id
    which = DecisionFilter(kinds=["assigned"], rule_ids=rules, since=span.start, until=span.end)
    while span.start < span.end:
        async with borrow_to_read(installation.pool) as connection:
            page = await decisions.page(
                connection, account_id=account_id, which=which, before=before, limit=PIECE
            )
        read = await installation.events.named(account_id, [each.version for each in page])
        for recorded in reversed(read):
            event = recorded.event
            assert isinstance(event, LeadAssigned), "what the feed was made from"  # noqa: S101
            yield recorded.version, event
        if len(page) < PIECE:
            return
        before = page[-1].version


def _lead(version: int, event: LeadAssigned, *, names: bool) -> GivenLead:
    return GivenLead(
        version=version,
        at=event.at,
        lead_id=event.lead_id,
        rule_id=event.rule_id,
        got_by=event.manager_id if names else None,
    )


def _next_hour(at: datetime) -> datetime:
    return at if at == hour_of(at) else hour_of(at) + HOUR
