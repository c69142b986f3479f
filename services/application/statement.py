"""A manager's account of leads, like a bank account (D3.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import CreditMoved
from contracts.sentences import Sentence
from domain.configuration import ACCOUNT_LEDGER
from domain.explain.kinds import Ledgers, kind_name
from projections import decisions, fairness
from projections.fairness import KindShare, Movement, Share
from services.application.access import note_access
from services.application.installation import Installation
from services.application.kinds import ledgers_in_force
from services.application.principal import Principal
from services.application.private import in_clear
from services.application.refused import Refused
from services.application.span import EARLIEST, LATEST, Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

LINES_MAX = 100_000  # of one file
PIECE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One movement.

    Attributes:
        by: Who posted it; empty where a lead moved it.
        note: Why, in their words.
        kinds: Of the lead, by name, where the ledger tells leads apart (D3.9).
    """

    movement: Movement
    by: str = ""
    note: str = ""
    kinds: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KindLine:
    """What a manager got, and is owed, of one kind of leads (D3.9)."""

    name: Sentence
    share: KindShare


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A manager's account in one ledger.

    Attributes:
        share: What they got, what would have been fair, and what they are owed, as it is now.
        opening_units: Their balance before the first line.
        lines: Of the range, the newest; oldest of them first, each with the balance after it.
        has_older: Whether the range has lines before the first.
        kinds: The same as `share` in each kind that the ledger tells apart.
        ledgers: All in which something was moved for the manager, that of the account first.
    """

    share: Share
    opening_units: int
    lines: list[StatementLine]
    has_older: bool
    kinds: list[KindLine]
    ledgers: tuple[str, ...]

    @property
    def closing_units(self) -> int:
        """Their balance after the last line."""
        return self.lines[-1].movement.balance_units if self.lines else self.opening_units


async def statement(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    ledger: str,
    limit: int,
    span: Span | None = None,
    before: int | None = None,
) -> Statement:
    """A manager's newest movements and balance, at all or in a range; one's own with `self`.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        manager_id: About whom.
        ledger: In which ledger.
        limit: The most lines.
        span: The range; None for all time.
        before: Only lines before this version of the account.

    Raises:
        Refused: They may not look, or nothing was ever moved for the manager in that ledger.
    """
    principal.require_own("read", manager_id)
    if principal.manager_id != manager_id:
        await note_access(installation, account.account_id, principal, "statement", [manager_id])
    own, ledgers, in_kinds = await _share_of(installation, account, manager_id, ledger)
    newest, balance = await _movements(
        installation, account.account_id, own[ledger], limit=limit + 1, span=span, before=before
    )
    shown = newest[:limit]
    opening = shown[-1].balance_units - shown[-1].units if shown else balance
    return Statement(
        share=own[ledger],
        opening_units=opening,
        lines=await _lines(installation, account, shown[::-1], ledgers),
        has_older=len(newest) > limit,
        kinds=[
            KindLine(name=kind_name(ledgers, ledger, share.what, share.kind), share=share)
            for share in in_kinds
        ],
        ledgers=tuple(sorted(own, key=lambda name: (name != ACCOUNT_LEDGER, name))),
    )


async def lines(  # noqa: PLR0913 - a filter each
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    ledger: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> list[StatementLine]:
    """A manager's movements, the newest first; behind a version the oldest first.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks; for themselves `self` is enough.
        manager_id: About whom.
        ledger: In which ledger.
        since: From when; None for all before.
        until: Until when, left out; None for all behind.
        limit: The most.
        before: Only those before this version of the account.
        after: Only those behind this version.

    Raises:
        Refused: They may not look, or nothing was ever moved for the manager in that ledger.
    """
    principal.require_own("read", manager_id)
    if principal.manager_id != manager_id:
        await note_access(installation, account.account_id, principal, "statement", [manager_id])
    own, ledgers, _ = await _share_of(installation, account, manager_id, ledger)
    if after is not None:
        async with borrow(installation.pool) as connection:
            found = await fairness.movements_after(
                connection,
                account_id=account.account_id,
                ledger=ledger,
                manager_id=manager_id,
                limit=limit,
                after=after,
            )
        found = [each for each in found if until is None or each.at < until]
    else:
        span = Span(start=since or EARLIEST, end=until or LATEST)
        found, _ = await _movements(
            installation, account.account_id, own[ledger], limit=limit, span=span, before=before
        )
    return await _lines(installation, account, found, ledgers)


async def whole_statement(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    ledger: str,
    span: Span | None = None,
) -> Statement:
    """All movements of a range, or of all time.

    Raises:
        Refused: As `statement`, or there are more than one file should have.
    """
    found = await statement(
        installation, account, principal, manager_id, ledger=ledger, limit=LINES_MAX, span=span
    )
    if found.has_older:
        raise Refused("too_many_movements", limit=LINES_MAX)
    return found


async def _share_of(
    installation: Installation, account: RegisteredAccount, manager_id: int, ledger: str
) -> tuple[dict[str, Share], Ledgers, list[KindShare]]:
    """Their share in every ledger, what that of one tells apart, and their share in each kind.

    Raises:
        Refused: Nothing was ever moved for them in it.
    """
    async with borrow(installation.pool) as connection:
        account_id = account.account_id
        shares = await fairness.of_account(connection, account_id, manager_id=manager_id)
        ledgers = await ledgers_in_force(connection, account_id)
        in_kinds = await fairness.of_kinds(
            connection, account_id, ledger=ledger, manager_id=manager_id
        )
    own = {share.ledger: share for share in shares}
    if not own:
        raise Refused("no_movement", manager=manager_id)
    if ledger not in own:
        raise Refused("no_movement_in_ledger", manager=manager_id, ledger=ledger, known=(*own,))
    return own, ledgers, in_kinds


async def _movements(
    installation: Installation,
    account_id: int,
    share: Share,
    *,
    limit: int,
    span: Span | None,
    before: int | None = None,
) -> tuple[list[Movement], int]:
    """The newest of a range, the newest first, and the balance before the range if it has none."""
    found: list[Movement] = []
    before = before or await _end_of(installation, account_id, span)
    while True:
        async with borrow(installation.pool) as connection:
            page = await fairness.statement(
                connection,
                account_id=account_id,
                ledger=share.ledger,
                manager_id=share.manager_id,
                limit=min(limit - len(found), PIECE),
                before=before,
            )
        for movement in page:
            if span is not None and movement.at < span.start:
                return found, movement.balance_units
            if span is None or movement.at < span.end:
                found.append(movement)
        if not page or len(found) >= limit:
            return found[:limit], 0
        before = page[-1].version


async def _end_of(installation: Installation, account_id: int, span: Span | None) -> int:
    """A version behind all movements of a range, though perhaps not just behind the last."""
    if span is None:
        return fairness.AFTER_ALL
    async with borrow(installation.pool) as connection:
        first = await decisions.first_since(connection, account_id=account_id, at=span.end)
    return fairness.AFTER_ALL if first is None else first


async def _lines(
    installation: Installation,
    account: RegisteredAccount,
    movements: Sequence[Movement],
    ledgers: Ledgers,
) -> list[StatementLine]:
    """Who posted what was moved without a lead, and why, stands in the events only."""
    posted: dict[int, CreditMoved] = {}
    if versions := [each.version for each in movements if each.lead_id is None]:
        for recorded in await installation.events.named(account.account_id, versions):
            event = recorded.event
            assert isinstance(event, CreditMoved), "what the projection booked it from"  # noqa: S101
            posted[recorded.version] = event
    notes = await in_clear(
        installation, account.account_id, [each.note for each in posted.values()]
    )
    noted = dict(zip(posted, notes, strict=True))
    return [
        StatementLine(movement=each, by=posted[each.version].by, note=noted[each.version])
        if each.lead_id is None
        else StatementLine(
            movement=each,
            kinds=tuple(kind_name(ledgers, each.ledger, *kind) for kind in each.kinds),
        )
        for each in movements
    ]
