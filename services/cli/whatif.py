"""`fairlead simulate`: what other rules would have done with an account's real requests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.files import read
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data, From, Html, To
from services.cli.output import fail, say, say_paragraph, show_table

if TYPE_CHECKING:
    from contracts.rules import RulesFile

app = group()

BYTES_MAX = 1_048_576
DAYS = 30


@app.command()
def simulate(
    rules: Annotated[Path | None, typer.Option("--rules", help="The draft, in YAML.")] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Two drafts beside each other, instead of --rules."),
    ] = None,
    from_: From = "",
    to: To = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Show what other rules would have done with past leads.

    Every decision of the last 30 days, or of --from to --to, is taken again by the draft, in
    memory. Nothing is written, and Kommo is not asked.
    """
    if (rules is None) == (compare is None):
        fail("Give a draft with --rules FILE, or two with --compare FILE FILE.")
    files = [rules] if rules is not None else [*(compare or ())]
    texts = {str(file): read(file, bytes_max=BYTES_MAX) for file in files}
    if len(texts) < len(files):
        fail("--compare: Expected two different files.")

    async def work(desk: AccountDesk) -> None:
        from services.application.span import span_from
        from services.application.whatif.simulate import simulate
        from services.application.whatif.told import told
        from services.cli.documents import show_json, write_page
        from services.cli.whatif_told import page_of

        span = span_from(
            from_, to, now=datetime.now(UTC), timezone=desk.account.timezone, days=DAYS
        )
        drafts = _drafts(desk, texts)
        found = await simulate(desk.installation, desk.account, desk.principal, drafts, span)
        if as_json:
            show_json(found)
        else:
            report = told(found, desk.text)
            say(report.head)
            show_table(*report.managers)
            show_table(*report.sums)
            say_paragraph(report.assumptions)
        if html is not None:
            write_page(html, page_of(found, desk.text))

    for_account(data, account, work)


def _drafts(desk: AccountDesk, texts: Mapping[str, bytes]) -> "dict[str, RulesFile]":
    """The rules of each file; problems end the command, as they keep a file from being applied."""
    from services.application.rules import RulesRefused, draft_of
    from services.cli.remarks import problems

    drafts = {}
    for name, text in texts.items():
        try:
            drafts[name] = draft_of(text, desk.account)
        except RulesRefused as refused:
            fail(f"{name} cannot be used:", *problems(desk.words, refused))
    return drafts
