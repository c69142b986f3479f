"""`fairlead proof`: that no lead of a day was lost."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data, Html
from services.cli.output import say, say_all, show_table

if TYPE_CHECKING:
    from services.application.proof.day import Proof

app = group()

SHOWN_MAX = 50  # more ids than that nobody reads

Say = Callable[[Sentence], str]


@app.command()
def proof(
    day: Annotated[str, typer.Option("--day", help="Like 2026-11-02. Without it: today.")] = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Prove that no lead of a day was lost.

    Every request is assigned, waiting or closed, and every lead that Kommo lists in a stage of the
    rules has one. Exit status 1 if one was lost.
    """

    async def work(desk: AccountDesk) -> bool:
        from services.application.proof.day import prove
        from services.application.span import day_from
        from services.cli.documents import show_json, write_page

        now = datetime.now(UTC)
        on, span = day_from(day, now=now, timezone=desk.account.timezone)
        found = await prove(
            desk.installation, desk.account, desk.principal, day=on, span=span, now=now
        )
        if as_json:
            show_json(found)
        else:
            say(desk.text(head_of(found, desk.account.subdomain)))
            show_table(("", "requests"), rows_of(found, desk.text))
            say_all(lines_of(found, desk.text))
        if html is not None:
            write_page(html, _page(found, desk.account.subdomain, desk.text))
        return found.is_kept

    raise typer.Exit(0 if for_account(data, account, work) else 1)


def head_of(proof: "Proof", name: str) -> Sentence:
    """What it is about, and as of when."""
    day = proof.day.isoformat()
    if proof.is_over:
        return sentence("proof.head", day=day, name=name, at=proof.made_at)
    return sentence("proof.head_so_far", day=day, name=name, at=proof.made_at)


def rows_of(proof: "Proof", text: Say) -> list[tuple[str, str]]:
    """The sums: three that make the whole, with the reasons of the third."""
    closed = [
        (text(sentence("proof.closed_for", why=sentence(f"explain.closed_for.{reason}"))), count)
        for reason, count in proof.closed.items()
    ]
    lines = [
        (text(sentence("proof.assigned")), proof.assigned),
        (text(sentence("proof.waiting")), proof.waiting),
        (text(sentence("proof.closed")), sum(proof.closed.values())),
        *closed,
        (text(sentence("proof.undecided")), len(proof.undecided)),
        (text(sentence("proof.requests")), proof.requests),
    ]
    return [(name, str(count)) for name, count in lines]


def lines_of(proof: "Proof", text: Say) -> list[str]:
    """What it comes to, and what stands behind it."""
    lines = [_verdict(proof)]
    if proof.undecided:
        lines.append(sentence("proof.undecided_are", requests=proof.undecided[:SHOWN_MAX]))
    if (kommo := proof.kommo) is not None:
        lines.append(sentence("proof.compared", count=kommo.leads, inside=kommo.in_stages))
        if kommo.orphans:
            count, leads = len(kommo.orphans), kommo.orphans[:SHOWN_MAX]
            lines.append(sentence("proof.orphans", count=count, leads=leads))
        else:
            lines.append(sentence("proof.no_orphans"))
        if kommo.fresh:
            lines.append(sentence("proof.fresh", count=kommo.fresh))
        if kommo.unreadable:
            lines.append(sentence("proof.unreadable", count=kommo.unreadable))
    elif proof.why_not_compared is not None:
        lines.append(sentence("proof.not_compared", why=proof.why_not_compared))
    if swept := proof.sources.get("sweep"):
        lines.append(sentence("proof.swept", count=swept))
    if proof.link:
        lines.append(sentence("proof.signed", version=proof.version, link=proof.link))
    else:
        lines.append(sentence("proof.unsigned", version=proof.version))
    return [text(each) for each in lines]


def _verdict(proof: "Proof") -> Sentence:
    if not proof.is_kept:
        return sentence("proof.broken")
    return sentence("proof.kept") if proof.kommo is not None else sentence("proof.kept_alone")


def _title(proof: "Proof") -> Sentence:
    """No more than is proven: only Kommo's own list shows that nothing was lost on the way here."""
    if not proof.is_kept:
        return sentence("proof.title_broken")
    return sentence("proof.title") if proof.kommo is not None else sentence("proof.title_alone")


def _page(proof: "Proof", name: str, text: Say) -> str:
    """A page to print."""
    from services.pages.parts import listed, section, sheet, table, verdict

    first, *others = lines_of(proof, text)
    return sheet(
        title=text(_title(proof)),
        heading=text(_title(proof)),
        facts=text(head_of(proof, name)),
        top=verdict(first, kind="good" if proof.is_kept else "bad"),
        body=section(
            text(sentence("proof.sums")),
            table(("", text(sentence("proof.requests"))), rows_of(proof, text), texts=(0,)),
        )
        + section(text(sentence("proof.behind")), listed(others)),
        foot=text(sentence("proof.foot")),
    )
