"""`fairlead bodies`: webhooks as they came, of the last two weeks."""

from typing import Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, Data, From, To, Yes
from services.cli.output import ask, say, say_all, show_table

app = group("List webhooks as they came, and read them again.")

DAYS = 14


@app.command("list")
def list_(
    from_: From = "",
    to: To = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Count what is kept of webhooks that were understood, by the hour.

    They are kept for 14 days, sealed. What was not understood is in `quarantine`.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application import raw_bodies

        span = desk.span(from_, to, days=DAYS)
        found = await raw_bodies.hours(desk.installation, desk.account, desk.principal, span)
        if not found:
            say("No bodies.")
            return
        show_table(
            ("hour (UTC)", "bodies", "bytes", "kept in"),
            ((f"{each.hour:%Y-%m-%d %H:00}", each.bodies, each.size, each.kept) for each in found),
        )

    for_account(data, account, work)


@app.command()
def show(
    from_: Annotated[str, typer.Option("--from", help="As in `list`.")],
    to: To = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the oldest.")] = 50,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Show webhooks as they came; that somebody looked goes to the access log."""

    async def work(desk: AccountDesk) -> None:
        from services.application import raw_bodies

        span = desk.span(from_, to, days=DAYS)
        shown = 0
        async for body in raw_bodies.bodies(desk.installation, desk.account, desk.principal, span):
            if shown == limit:
                break
            shown += 1
            say(f"{body.received_at:%Y-%m-%d %H:%M:%S.%f} UTC, {body.content_type}")
            # A stranger's lines, which are not to be taken for ours.
            say_all(f"| {line}" for line in body.content.decode("utf-8", "replace").split("\n"))
        if not shown:
            say("No bodies.")

    for_account(data, account, work)


@app.command()
def replay(
    from_: Annotated[str, typer.Option("--from", help="As in `list`.")],
    to: To = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    yes: Yes = False,
) -> None:
    """Read webhooks again, and publish what they say to this release; asks first.

    What took effect before is recognised and changes nothing.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application import raw_bodies

        span = desk.span(from_, to, days=DAYS)
        found = await raw_bodies.hours(desk.installation, desk.account, desk.principal, span)
        count = sum(each.bodies for each in found)
        if not count:
            say("No bodies.")
            return
        if not (yes or ask(f"Read {count} bodies again?")):
            return
        done = await raw_bodies.replay(desk.installation, desk.account, desk.principal, span)
        desk.tell(sentence("bodies.replayed", bodies=done.bodies, count=done.messages))
        if done.not_understood:
            desk.tell(sentence("bodies.not_understood", count=done.not_understood))

    for_account(data, account, work)
