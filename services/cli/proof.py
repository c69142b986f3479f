"""`fairlead proof`: that no lead of a day was lost."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data, Html
from services.cli.output import say, say_all, show_table

if TYPE_CHECKING:
    from services.application.proof.day import Proof
    from services.application.proof.told import Say

app = group()


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
        from services.application.proof.told import head_of, lines_of, rows_of
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


def _page(proof: "Proof", name: str, text: "Say") -> str:
    """A page to print."""
    from services.application.proof.told import head_of, lines_of, rows_of, title_of
    from services.pages.parts import listed, section, sheet, table, verdict

    first, *others = lines_of(proof, text)
    return sheet(
        title=text(title_of(proof)),
        heading=text(title_of(proof)),
        facts=text(head_of(proof, name)),
        top=verdict(first, kind="good" if proof.is_kept else "bad"),
        body=section(
            text(sentence("proof.sums")),
            table(("", text(sentence("proof.requests"))), rows_of(proof, text), texts=(0,)),
        )
        + section(text(sentence("proof.behind")), listed(others)),
        foot=text(sentence("proof.foot")),
    )
