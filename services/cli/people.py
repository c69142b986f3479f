"""Commands about who takes part: pauses."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, Data, Key, UserId
from services.cli.output import say, show_table

if TYPE_CHECKING:
    from projections.pauses import Pause

app = group()


@app.command()
def pause(
    manager: UserId,
    until: Annotated[
        str,
        typer.Option(help="When it ends: 15:00, or 2026-12-01T15:00. Without it, at `resume`."),
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Take a manager out of the distribution.

    As an administrator: only an administrator can end this pause early.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.pauses import end_from, pause

        ends_at = end_from(until, datetime.now(UTC), desk.account.timezone) if until else None
        answer = await pause(
            desk.installation,
            desk.account,
            desk.principal,
            manager,
            until=ends_at,
            reason=reason,
            once=desk.once(key),
        )
        if not desk.has_effect(answer):
            return
        if answer.effect == "unchanged":
            desk.tell(sentence("pause.unchanged", manager=manager))
        elif ends_at is None:
            desk.tell(sentence("pause.done", manager=manager))
        else:
            desk.tell(sentence("pause.done_until", manager=manager, until=ends_at))

    for_account(data, account, work)


@app.command()
def resume(manager: UserId, key: Key = "", account: AccountId = None, data: Data = DATA) -> None:
    """Put a manager back into the distribution."""

    async def work(desk: AccountDesk) -> None:
        from services.application.pauses import resume

        answer = await resume(
            desk.installation, desk.account, desk.principal, manager, once=desk.once(key)
        )
        if not desk.has_effect(answer):
            return
        if answer.effect == "unchanged":
            desk.tell(sentence("resume.unchanged", manager=manager))
        else:
            desk.tell(sentence("resume.done", manager=manager))

    for_account(data, account, work)


@app.command()
def pauses(account: AccountId = None, data: Data = DATA) -> None:
    """Show who is paused, by whom, until when, and why."""

    async def work(desk: AccountDesk) -> None:
        from services.application.pauses import pauses

        found = await pauses(desk.installation, desk.account, desk.principal)
        if found:
            show_table(
                ("manager", "paused by", "since", "until", "why"),
                (_row(desk, each) for each in found),
            )
        else:
            say("Nobody is paused.")

    for_account(data, account, work)


def _end(pause: "Pause") -> Sentence:
    if pause.until is None:
        return sentence("pause.open_end")
    return sentence("cell.minute", at=pause.until)


def _row(desk: AccountDesk, pause: "Pause") -> tuple[str, ...]:
    return (
        desk.text(sentence("cell.manager", manager=pause.manager_id)),
        pause.ordered_by,
        desk.text(sentence("cell.minute", at=pause.paused_at)),
        desk.text(_end(pause)),
        pause.reason,
    )
