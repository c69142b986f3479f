"""`fairlead rules drafts`: rules that somebody works on, which are not in force."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.sentences import sentence
from services.cli.files import read
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, Confirm, Data, Key, Note
from services.cli.output import fail, show_table, show_text
from services.cli.remarks import problems

app = group("Keep drafts of rules, and put one in force.")

BYTES_MAX = 262_144

DraftId = Annotated[str, typer.Argument(help="As `rules drafts list` names it.")]
Edition = Annotated[
    int, typer.Option(min=1, help="The edition that you saw; refused if there is another one.")
]


@app.command("list")
def list_(account: AccountId = None, data: Data = DATA) -> None:
    """Show the drafts, the oldest first."""

    async def work(desk: AccountDesk) -> None:
        from services.application.rules_drafts import drafts

        found = await drafts(desk.installation, desk.account, desk.principal)
        if not found:
            desk.tell(sentence("draft.none"))
            return
        heads = ("draft", "name", "edition", "made from", "changed by", "changed at")
        show_table(
            heads,
            [
                (
                    each.draft_id,
                    each.name,
                    str(each.edition),
                    str(each.base_revision),
                    each.changed_by,
                    f"{each.changed_at:%Y-%m-%d %H:%M} UTC",
                )
                for each in found
            ],
        )

    for_account(data, account, work)


@app.command()
def show(draft: DraftId, account: AccountId = None, data: Data = DATA) -> None:
    """Print one, as it was written."""

    async def work(desk: AccountDesk) -> None:
        from services.application.rules_drafts import draft as find

        found = await find(desk.installation, desk.account, desk.principal, draft)
        show_text(found.content)

    for_account(data, account, work)


@app.command()
def save(
    file: Annotated[Path, typer.Argument(help="The rules, in YAML; they may have problems yet.")],
    name: Annotated[str, typer.Option(help="By which people know the draft.")],
    draft: Annotated[str, typer.Option(help="The draft to change; else a new one is made.")] = "",
    edition: Annotated[
        int, typer.Option(min=0, help="With --draft: the edition that you saw.")
    ] = 0,
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Keep a rules file as a new draft, or as the next edition of one."""
    text = read(file, bytes_max=BYTES_MAX).decode(errors="surrogateescape")

    async def work(desk: AccountDesk) -> None:
        from services.application.rules_drafts import change, make

        place = (desk.installation, desk.account, desk.principal)
        if draft:
            saved = await change(
                *place, draft, edition=edition, name=name, text=text, base_revision=None
            )
        else:
            once = desk.once(key)
            saved, _ = await make(*place, name=name, text=text, base_revision=None, once=once)
        desk.tell(sentence("draft.saved", draft=saved.draft_id, edition=saved.edition))

    for_account(data, account, work)


@app.command()
def drop(draft: DraftId, edition: Edition, account: AccountId = None, data: Data = DATA) -> None:
    """Forget one."""

    async def work(desk: AccountDesk) -> None:
        from services.application.rules_drafts import drop

        await drop(desk.installation, desk.account, desk.principal, draft, edition=edition)
        desk.tell(sentence("draft.dropped", draft=draft))

    for_account(data, account, work)


@app.command()
def apply(
    draft: DraftId,
    edition: Edition,
    key: Key = "",
    confirmed: Confirm = None,
    why: Note = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Put one in force, unless other rules came in force since; it is gone then."""

    async def work(desk: AccountDesk) -> None:
        from services.application.rules import RulesRefused
        from services.application.rules_drafts import put_in_force

        try:
            applied = await put_in_force(
                desk.installation,
                desk.account,
                desk.principal,
                draft,
                edition=edition,
                once=desk.once(key),
                assent=desk.assent(confirmed),
                note=why,
            )
        except RulesRefused as refused:
            fail(f"{draft} is not applied:", *problems(desk.words, refused))
        if not desk.has_effect(applied.answer):
            return
        if applied.revision is None:
            desk.tell(sentence("rules.unchanged"))
        else:
            revision, count = applied.revision, applied.rules
            desk.tell(sentence("rules.applied", revision=revision, count=count))

    for_account(data, account, work)
