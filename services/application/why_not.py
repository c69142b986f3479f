"""Why somebody did not get more: every lead that was given out, by how they stood to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import LeadAssigned
from domain.explain.why_not import STOOD, Stood, stood
from projections import decisions
from projections import why_not as counters
from projections.decisions import DecisionFilter
from projections.why_not import Stretch, hour_of
from services.application.access import note_access
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

PIECE = 500
LATEST = 2**63 - 1
# Of each line, where nobody asked for one of them.
SHOWN_AT_ONCE = 5


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
    limit: int = SHOWN_AT_ONCE,
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
    async with borrow_to_read(installation.pool) as connection:
        known = await counters.stood(
            connection,
            account_id=account_id,
            manager_id=asked.manager_id,
            since=asked.span.start,
            until=asked.span.end,
            limit=limit,
            before=before or LATEST,
            rule_id=asked.rule_id,
        )
    counts = Counter({each: standing.count for each, standing in known.items()})
    counts += await _at_the_ends(installation, asked)
    lines = [each for each in STOOD if counts[each] and line in (None, each)]
    stretches = {each: known[each].newest for each in lines} if limit else {}
    leads = await _newest(installation, asked, stretches, limit=limit, before=before)
    names = principal.may("read")
    return WhyNot(
        asked=asked,
        given=counts.total(),
        counts={each: counts[each] for each in STOOD if counts[each]},
        leads={each: _page(leads.get(each, ()), limit, names=names) for each in lines},
    )


async def _at_the_ends(installation: Installation, asked: Question) -> Counter[Stood]:
    """Whole hours are counted already; of what is left of others, the decisions are read."""
    span, account_id = asked.span, asked.account.account_id
    first, last = counters.whole_hours(span.start, span.end)
    ends = [(span.start, first), (last, span.end)] if first < last else [(span.start, span.end)]
    parts = [(start, end) for start, end in ends if start < end]
    found: Counter[Stood] = Counter()
    before = LATEST
    while parts:
        async with borrow_to_read(installation.pool) as connection:
            versions = await decisions.given_between(
                connection,
                account_id=account_id,
                parts=parts,
                before=before,
                limit=PIECE,
                rule_id=asked.rule_id,
            )
        for _, event in await _read(installation, account_id, versions):
            found[stood(event, asked.manager_id)] += 1
        if len(versions) < PIECE:
            break
        before = versions[-1]
    return found


async def _newest(
    installation: Installation,
    asked: Question,
    stretches: Mapping[Stood, Sequence[Stretch]],
    *,
    limit: int,
    before: int | None,
) -> dict[Stood, list[tuple[int, LeadAssigned]]]:
    """The newest leads of each line, one more than wanted if there are so many.

    Only decisions of hours and rules that have such a lead are read.
    """
    found: dict[Stood, list[tuple[int, LeadAssigned]]] = {each: [] for each in stretches}
    places = {each: {(s.hour, s.rule_id) for s in some} for each, some in stretches.items()}
    before = before or LATEST
    while parts := _parts(some for each, some in stretches.items() if len(found[each]) <= limit):
        async with borrow_to_read(installation.pool) as connection:
            versions = await decisions.given_in(
                connection,
                account_id=asked.account.account_id,
                parts=parts,
                before=before,
                limit=PIECE,
            )
        for version, event in await _read(installation, asked.account.account_id, versions):
            line = stood(event, asked.manager_id)
            is_asked_for = asked.span.start <= event.at < asked.span.end
            # In the hours of other lines there may be some of this one, and others between them.
            if is_asked_for and (hour_of(event.at), event.rule_id) in places.get(line, ()):
                found[line].append((version, event))
        if len(versions) < PIECE:
            break
        before = versions[-1]
    return found


def _parts(stretches: Iterable[Sequence[Stretch]]) -> list[tuple[str, int, int]]:
    """Where in the log they are, each part once."""
    found = (
        (each.rule_id, each.first_version, each.last_version) for some in stretches for each in some
    )
    return list(dict.fromkeys(found))


async def _check_rule(installation: Installation, asked: Question) -> None:
    if asked.rule_id is None:
        return
    under_it = DecisionFilter(kinds=["assigned"], rule_ids=[asked.rule_id])
    async with borrow_to_read(installation.pool) as connection:
        if not await decisions.page(
            connection, account_id=asked.account.account_id, which=under_it, limit=1
        ):
            raise Refused("rule_never_gave", rule=asked.rule_id)


async def _read(
    installation: Installation, account_id: int, versions: Sequence[int]
) -> list[tuple[int, LeadAssigned]]:
    """The decisions themselves, the newest first."""
    found: list[tuple[int, LeadAssigned]] = []
    for recorded in reversed(await installation.events.named(account_id, versions)):
        event = recorded.event
        assert isinstance(event, LeadAssigned), "what the feed was made from"  # noqa: S101
        found.append((recorded.version, event))
    return found


def _page(found: Sequence[tuple[int, LeadAssigned]], limit: int, *, names: bool) -> GivenLeads:
    leads = [_lead(version, event, names=names) for version, event in found[:limit]]
    return GivenLeads(leads=leads, next_before=leads[-1].version if len(found) > limit else None)


def _lead(version: int, event: LeadAssigned, *, names: bool) -> GivenLead:
    return GivenLead(
        version=version,
        at=event.at,
        lead_id=event.lead_id,
        rule_id=event.rule_id,
        got_by=event.manager_id if names else None,
    )
