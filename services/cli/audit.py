"""Commands about why things are as they are: explanations, and managers' accounts of leads."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, Data, From, Key, LeadId, To, UserId
from services.cli.output import say, say_paragraph, show_table, show_text

if TYPE_CHECKING:
    from projections.fairness import Share
    from services.application.corrections import Correction
    from services.application.explain import Explained
    from services.application.statement import KindLine, Statement, StatementLine

app = group()

LINES_MAX = 1_000
DAYS = 7

LedgerName = Annotated[str, typer.Option("--ledger", help="Which ledger, as the rules name it.")]


@app.command()
def explain(
    lead: LeadId,
    *,
    decision: Annotated[
        int | None, typer.Option(min=1, help="Only this event of the story, by its number.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON: every event whole, and in words.")
    ] = False,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Tell why a lead went where it went, step by step.

    When it was seen, when it asked for a manager, who could take it and who got it, when that was
    set in Kommo, and when it was passed on.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.explain import explain_lead

        told = await explain_lead(
            desk.installation, desk.account, desk.principal, lead, decision=decision
        )
        desk = await desk.knowing(each for part in told for each in part.sentences)
        if as_json:
            import json

            show_text(json.dumps([_as_json(desk, part) for part in told], indent=2))
            return
        for part in told:
            first, *others = part.sentences
            head = sentence("explain.at", at=part.at, told=first)
            say_paragraph(desk.words.lines([head, *others, *_in_kommo(part), *_again(part)]))

    for_account(data, account, work)


def _as_json(desk: AccountDesk, part: "Explained") -> dict[str, object]:
    import json

    from services.shared.codec import encode_event

    name, state = encode_event(part.event)
    return {
        "version": part.version,
        "event": name,
        **json.loads(state),
        "in_words": desk.words.lines([*part.sentences, *_in_kommo(part), *_again(part)]),
        "is_reproduced": part.is_reproduced,
    }


def _in_kommo(part: "Explained") -> list[Sentence]:
    at = part.in_kommo_at
    return [] if at is None else [sentence("explain.in_kommo", at=at)]


def _again(decision: "Explained") -> list[Sentence]:
    """What came out when it was decided again, where something was chosen."""
    version = decision.version
    match decision.is_reproduced:
        case True:
            return [sentence("explain.same_again", version=version)]
        case False:
            return [sentence("explain.differs_again", version=version)]
        case None:
            return []


@app.command()
def statement(
    manager: UserId,
    *,
    ledger: LedgerName = "account",
    from_: From = "",
    to: To = "",
    limit: Annotated[
        int, typer.Option(min=1, max=LINES_MAX, help="How many lines, the newest ones.")
    ] = 50,
    csv: Annotated[
        bool, typer.Option("--csv", help="All lines, for a spreadsheet; --limit has no effect.")
    ] = False,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Show a manager's credit, like a bank account.

    Each lead, correction and refund is a line. Without --from and --to: of all time. With --to
    alone: of the week before it.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.statement import statement, whole_statement

        span = desk.span(from_, to, days=DAYS) if from_ or to else None
        asked = (desk.installation, desk.account, desk.principal, manager)
        if csv:
            found = await whole_statement(*asked, ledger=ledger, span=span)
            _show_csv(await desk.knowing(map(_what, found.lines)), found)
            return
        found = await statement(*asked, ledger=ledger, limit=limit, span=span)
        desk = await desk.knowing(map(_what, found.lines))
        desk.tell(*_head(found.share))
        if span is not None:
            desk.tell(
                sentence("statement.opening", at=span.start, units=found.opening_units),
                sentence("statement.closing", at=span.end, units=found.closing_units),
            )
        show_table(
            ("when", "event", "what", "leads", "balance"),
            (_row(desk, line) for line in found.lines),
        )
        if found.kinds:
            say("")
            show_table(
                ("leads", "got", "fair share", "owed"),
                [_kind_row(desk, each) for each in found.kinds],
            )
        if found.has_older:
            say("Older lines are left out; show more with --limit.")

    for_account(data, account, work)


def _show_csv(desk: AccountDesk, found: "Statement") -> None:
    """Names of columns are for programs, and so the same in every language."""
    from services.shared.spreadsheet import as_csv

    columns = ("at", "event", "reason", "lead_id", "what", "leads", "balance")
    rows = (
        (
            line.movement.at.isoformat(),
            line.movement.version,
            line.movement.reason,
            line.movement.lead_id,
            desk.text(_what(line)),
            _leads(line.movement.units),
            _leads(line.movement.balance_units),
        )
        for line in found.lines
    )
    show_text(as_csv(columns, rows).rstrip("\n"))


def _leads(units: int) -> Decimal:
    """Exact, to the unit."""
    from contracts.events import LEAD

    return (Decimal(units) / LEAD).quantize(Decimal(1) / LEAD)


def _head(share: "Share") -> list[Sentence]:
    head = sentence(
        "statement.head",
        manager=share.manager_id,
        ledger=share.ledger,
        count=share.assigned,
        fair=share.share_units,
    )
    if share.credit_units > 0:
        return [head, sentence("statement.owed", units=share.credit_units)]
    if share.credit_units < 0:
        return [head, sentence("statement.ahead", units=-share.credit_units)]
    return [head, sentence("statement.even")]


def _row(desk: AccountDesk, line: "StatementLine") -> tuple[str, ...]:
    movement = line.movement
    return (
        desk.text(sentence("cell.instant", at=movement.at)),
        str(movement.version),
        desk.text(_what(line)),
        desk.text(sentence("cell.credit", units=movement.units)),
        desk.text(sentence("cell.credit", units=movement.balance_units)),
    )


def _kind_row(desk: AccountDesk, line: "KindLine") -> tuple[str, ...]:
    return (
        desk.text(line.name),
        str(line.share.assigned),
        desk.text(sentence("cell.leads", units=line.share.share_units)),
        desk.text(sentence("cell.credit", units=line.share.credit_units)),
    )


def _what(line: "StatementLine") -> Sentence:
    """What moved the credit."""
    movement = line.movement
    if movement.lead_id is not None:
        what = _of_lead(movement.reason, movement.lead_id, takes=movement.units <= 0)
        return sentence("statement.in_kinds", what=what, kinds=line.kinds) if line.kinds else what
    moved = sentence(f"statement.moved.{movement.reason}", by=line.by)
    return sentence("statement.because", what=moved, reason=line.note) if line.note else moved


def _of_lead(reason: str, lead: int, *, takes: bool) -> Sentence:
    """A lead they get takes credit; one that somebody else gets brings them their share."""
    match reason:
        case "lapsed":
            return sentence("statement.lapsed", lead=lead)
        case "refunded" if takes:
            return sentence("statement.share_returned", lead=lead)
        case "refunded":
            return sentence("statement.taken_back", lead=lead)
        case _ if takes:
            return sentence("statement.got", lead=lead)
        case _:
            return sentence("statement.share", lead=lead)


# A negative number is no option.
@app.command(context_settings={"ignore_unknown_options": True})
def correct(
    manager: UserId,
    leads: Annotated[str, typer.Argument(help="Leads they are owed, like 1.5; -2 takes two away.")],
    reason: Annotated[str, typer.Option(help="Why; everybody concerned sees it.")],
    ledger: LedgerName = "account",
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Give a manager credit, or take some.

    The others share the difference equally.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.corrections import correct, units_from

        units = units_from(leads)
        done = await correct(
            desk.installation,
            desk.account,
            desk.principal,
            manager,
            units,
            ledger=ledger,
            reason=reason,
            once=desk.once(key),
        )
        if desk.has_effect(done.answer):
            desk.tell(_corrected(done, manager, units))

    for_account(data, account, work)


def _corrected(done: "Correction", manager: int, units: int) -> Sentence:
    others = tuple(
        sentence("correct.bears", manager=other, units=part)
        for other, part in done.movements
        if other != manager
    )
    return sentence("correct.done", manager=manager, units=units, others=others)
