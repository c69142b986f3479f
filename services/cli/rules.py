"""`fairlead rules`: the rules file, looked over, put in force, shown."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli import rules_drafts
from services.cli.files import read
from services.cli.group import group
from services.cli.opening import AccountDesk, complete, for_account, whoever_is_here
from services.cli.options import DATA, AccountId, Confirm, Data, Key, Note
from services.cli.output import fail, note, say, say_paragraph, show_text
from services.cli.remarks import problems, sentences_of
from services.cli.speech import words

if TYPE_CHECKING:
    from contracts.events import RulesApplied
    from domain.rules_preview import RulesPreview
    from services.application.rules import CheckedRules
    from services.words.catalogue import Words

app = group("Check rules, put them in force, or show them.")
app.add_typer(rules_drafts.app, name="drafts")

BYTES_MAX = 1_048_576

RulesFile = Annotated[Path, typer.Argument(help="The rules, in YAML.")]


@app.command()
def apply(
    file: RulesFile,
    base: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Revision that you made the rules from, as `rules show` names it; 0 for none."
            " Refused if another one is in force. Default: the one that is in force now.",
        ),
    ] = None,
    key: Key = "",
    confirmed: Confirm = None,
    why: Note = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Check a rules file as a whole and put it in force."""
    text = read(file, bytes_max=BYTES_MAX)

    async def work(desk: AccountDesk) -> None:
        from services.application.rules import RulesRefused, apply, newest

        before = await newest(desk.installation, desk.account, desk.principal)
        in_force = 0 if before is None else before.revision
        try:
            applied = await apply(
                desk.installation,
                desk.account,
                desk.principal,
                text,
                base_revision=in_force if base is None else base,
                once=desk.once(key),
                assent=desk.assent(confirmed),
                note=why,
            )
        except RulesRefused as refused:
            fail(f"{file} is not applied:", *problems(desk.words, refused))
        if not desk.has_effect(applied.answer):
            return
        if applied.revision is None:
            desk.tell(sentence("rules.unchanged"))
        else:
            desk.tell(sentence("rules.applied", revision=applied.revision, count=applied.rules))
            if before is not None and before.revision < applied.revision:
                replaced = _replaced(before)
                note((await desk.knowing([replaced])).text(replaced))

    for_account(data, account, work)


def _replaced(before: "RulesApplied") -> Sentence:
    return sentence("rules.replaced", revision=before.revision, by=before.by, at=before.at)


@app.command()
def check(
    file: RulesFile,
    account: AccountId = None,
    data: Data = DATA,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for notes, too.")] = False,
) -> None:
    """Look a rules file over without applying it.

    Problems keep it from being applied, warnings are most likely mistakes, notes are worth
    knowing. With a connected account, its people, stages and last week's leads are looked at too.
    Exit status 1 if there are problems or warnings.
    """
    text = read(file, bytes_max=BYTES_MAX)
    checked, left_out, spoken = complete(_checked(data, text, account))
    for remark in checked.remarks:
        say_paragraph(spoken.lines(sentences_of(remark)))
    if checked.preview is not None:
        _say_preview(checked.preview, spoken)
    if left_out:
        say(f"Not everything could be checked: {left_out}.")
    counts = Counter(remark.severity for remark in checked.remarks)
    found = ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts.items())
    say(f"{file}: {found or 'nothing to mend'}.")
    needs_a_person = any(strict or remark.severity != "note" for remark in checked.remarks)
    raise typer.Exit(1 if needs_a_person else 0)


def _say_preview(preview: "RulesPreview", spoken: "Words") -> None:
    if preview.moves:
        say(spoken.say(sentence("rules.moves", count=preview.moves)))
    if preview.is_more:
        say(spoken.say(sentence("rules.moves_more", leads=preview.moves)))
    if preview.waits:
        say(spoken.say(sentence("rules.waits", count=preview.waits)))
    if preview.untouched:
        say(spoken.say(sentence("rules.untouched", count=preview.untouched)))


async def _checked(
    data: Path, text: bytes, account_id: int | None
) -> tuple["CheckedRules", str, "Words"]:
    """What there is to look at, what could not be looked at, and the words for it."""
    from services.application.rules import check, check_alone
    from services.runtime.installation import must_exist, open_installation
    from services.runtime.wrong import Wrong

    try:
        must_exist(data)
    except Wrong:
        why = f"no installation is in {data}, so nothing is known of the account"
        return await check_alone(text), why, words()
    async with open_installation(data) as installation:
        if account_id is None and not await installation.accounts.all():
            why = "no account is connected, so nothing is known of it"
            return await check_alone(text), why, words()
        account = await installation.account(account_id)
        checked = await check(installation, account, whoever_is_here(), text)
    since = checked.counted_since
    if since is not None:
        why = f"the account is connected only since {since:%Y-%m-%d}, so no week could be counted"
        return checked, why, words(account)
    return checked, "", words(account)


@app.command()
def show(account: AccountId = None, data: Data = DATA) -> None:
    """Print the rules in force."""

    async def work(desk: AccountDesk) -> None:
        from services.application.rules import in_force
        from services.rules_file.file import dump

        applied = await in_force(desk.installation, desk.account, desk.principal)
        at = f"{applied.at:%Y-%m-%d %H:%M} UTC"
        say(f"# Revision {applied.revision}, applied by {applied.by} on {at}")
        show_text(dump(applied.rules))

    for_account(data, account, work)
