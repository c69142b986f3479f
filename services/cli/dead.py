"""`fairlead dead`: what could not be understood."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import Desk, for_installation
from services.cli.options import DATA, ID_MAX, Data
from services.cli.output import say, say_all, show_table

if TYPE_CHECKING:
    from services.storage.dead_letters import KeptLetter

app = group("List dead letters, and deal with them.")

PREVIEW_CHARACTERS = 4_000

LetterId = Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Its number in the list.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many, the newest ones.")] = 50,
    data: Data = DATA,
) -> None:
    """List the dead letters that nobody has dealt with.

    A dead letter is what could not be understood.
    """

    async def work(desk: Desk) -> None:
        from services.application import dead_letters

        letters = await dead_letters.page(desk.installation, desk.principal, limit=limit)
        if letters:
            show_table(
                ("id", "received (UTC)", "account", "source", "bytes", "reason"),
                map(_row, letters),
            )
        else:
            say("No dead letters.")

    for_installation(data, work)


def _row(letter: "KeptLetter") -> tuple[object, ...]:
    received_at = f"{letter.received_at:%Y-%m-%d %H:%M:%S}"
    account = letter.account_id or "-"
    return letter.id, received_at, account, letter.source, letter.size, letter.reason


@app.command()
def show(letter: LetterId, data: Data = DATA) -> None:
    """Show a dead letter, with its reason and body."""

    async def work(desk: Desk) -> None:
        from services.application import dead_letters

        found = await dead_letters.get(desk.installation, desk.principal, letter)
        say(f"{found.id}: {found.reason}")
        say(f"{found.source}, {found.content_type}, {desk.text(_size(found))}")
        text = found.body.decode("utf-8", "replace")
        # A stranger's lines, which are not to be taken for ours.
        say_all(f"| {line}" for line in text[:PREVIEW_CHARACTERS].split("\n"))
        if len(text) > PREVIEW_CHARACTERS:
            desk.tell(sentence("letter.more", count=len(text) - PREVIEW_CHARACTERS))

    for_installation(data, work)


def _size(letter: "KeptLetter") -> Sentence:
    if letter.is_cut:
        return sentence("letter.cut", came=letter.size, kept=len(letter.body))
    return sentence("letter.size", count=letter.size)


@app.command()
def retry(letter: LetterId, data: Data = DATA) -> None:
    """Read a dead letter again, and publish what it says."""

    async def work(desk: Desk) -> None:
        from services.application import dead_letters

        count = await dead_letters.retry(desk.installation, desk.principal, letter)
        desk.tell(
            sentence("letter.published", count=count) if count else sentence("letter.understood")
        )

    for_installation(data, work)


@app.command()
def drop(
    letter: LetterId,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the letter.")] = "",
    data: Data = DATA,
) -> None:
    """Set a dead letter aside for good."""

    async def work(desk: Desk) -> None:
        from services.application import dead_letters

        await dead_letters.drop(desk.installation, desk.principal, letter, why=reason)
        desk.tell(sentence("letter.dropped", letter=letter))

    for_installation(data, work)
