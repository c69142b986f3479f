"""A manager's account of leads as their page shows it: ledger by ledger, a page of lines (W4.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from contracts.sentences import sentence
from services.application.refused import Refused
from services.application.span import Span
from services.application.statement import Statement, StatementLine, statement
from services.console.names import names_in
from services.console.seeing import SeeingAccount
from services.console.shapes import MovementLine, movement_line

LINES = 50
# As much as a thumb goes through.
LINES_ON_PHONE = 20
# Those are folded after as many as a thumb does not mind to go past.
AT_ONCE_ON_PHONE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesAsked:
    """Which lines of a statement a page shows.

    Attributes:
        limit: So many.
        at_once: As many of them are not folded.
        before: Only those before this version of the account.
    """

    limit: int = LINES
    at_once: int = LINES
    before: int | None = None

    @classmethod
    def of(cls, before: int | None, *, is_phone: bool) -> Self:
        """For a device; whoever goes to older lines came to see them, so none is folded."""
        if not is_phone:
            return cls(before=before)
        at_once = AT_ONCE_ON_PHONE if before is None else LINES_ON_PHONE
        return cls(limit=LINES_ON_PHONE, at_once=at_once, before=before)


NEWEST = LinesAsked()


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """What somebody got of one kind of leads, and what would have been fair (D3.9)."""

    name: str
    got: int
    share: str
    credit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementView:
    """One ledger of a manager.

    Attributes:
        ledgers: Name and address of each that they are in; one alone needs no choice.
        lines: The newest first.
        folded: Those after them, which are shown when asked for.
        older: Where the lines before these are; empty if there are none.
        newest: Where the first page is; empty on it.
    """

    ledger: str
    ledgers: tuple[tuple[str, str], ...]
    found: Statement
    lines: tuple[MovementLine, ...]
    folded: tuple[MovementLine, ...]
    kinds: tuple[KindRow, ...]
    older: str
    newest: str


async def statement_view(
    who: SeeingAccount,
    manager_id: int,
    ledger: str,
    span: Span,
    asked: LinesAsked,
    *,
    place: str,
    kept: Mapping[str, str],
) -> StatementView | None:
    """A page of lines of a range; None where nothing was ever moved.

    Args:
        who: Looks.
        manager_id: At whom.
        ledger: In which ledger.
        span: The range.
        asked: Which lines of it.
        place: The page that shows them.
        kept: What else its address has.
    """
    try:
        found = await statement(
            who.installation,
            who.account,
            who.principal,
            manager_id,
            ledger=ledger,
            limit=asked.limit,
            span=span,
            before=asked.before,
        )
    except Refused as refused:
        if refused.code not in ("no_movement", "no_movement_in_ledger"):
            raise
        return None
    names = await posted_by(who, found)
    lines = tuple(_line(who, each, names) for each in found.lines[::-1])

    def address(**more: object) -> str:
        wanted = {**kept, **{key: str(value) for key, value in more.items()}}
        return f"{place}?{urlencode(wanted)}#statement"

    return StatementView(
        ledger=ledger,
        ledgers=tuple((each, address(ledger=each)) for each in found.ledgers),
        found=found,
        lines=lines[: asked.at_once],
        folded=lines[asked.at_once :],
        kinds=tuple(
            KindRow(
                name=who.words.say(each.name),
                got=each.share.assigned,
                share=who.words.say(sentence("cell.leads", units=each.share.share_units)),
                credit=who.words.say(sentence("cell.credit", units=each.share.credit_units)),
            )
            for each in found.kinds
        ),
        older=address(ledger=ledger, before=found.lines[0].movement.version)
        if found.has_older
        else "",
        newest=address(ledger=ledger) if asked.before is not None else "",
    )


async def posted_by(who: SeeingAccount, found: Statement) -> dict[str, str]:
    """What those are called who posted lines."""
    return await names_in(who, (each.by for each in found.lines if each.by))


def _line(who: SeeingAccount, line: StatementLine, names: Mapping[str, str]) -> MovementLine:
    return movement_line(who, line, names.get(line.by, line.by))
