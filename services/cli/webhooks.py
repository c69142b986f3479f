"""`fairlead webhooks`: who is told what happens in an account."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data, Yes
from services.cli.output import ask, fail, note, say, show_table

if TYPE_CHECKING:
    from services.application.webhooks import NewTarget
    from services.storage.webhook_deliveries import Delivery
    from services.storage.webhook_targets import WebhookTarget

app = group("Tell others what happens, by signed webhooks.")

LISTED_MAX = 200
PING_WITHIN_S = 30.0
LOOK_EVERY_S = 0.2

Name = Annotated[str, typer.Argument(help="The target's name.")]


@app.command()
def targets(account: AccountId = None, data: Data = DATA, *, as_json: AsJson = False) -> None:
    """List who is told, and how that goes."""

    async def work(desk: AccountDesk) -> None:
        from services.application import webhooks
        from services.cli.documents import show_json

        found = await webhooks.targets(desk.installation, desk.account, desk.principal)
        if as_json:
            show_json(found)
        elif found:
            rows = (_target_row(desk, each) for each in found)
            show_table(("name", "address", "told", "state", "added by"), rows)
        else:
            say("Nobody is told. Add a target with: fairlead webhooks add NAME --url https://...")

    for_account(data, account, work)


@app.command()
def add(
    name: Name,
    url: Annotated[str, typer.Option("--url", help="Where to, beginning with https://.")],
    event: Annotated[
        list[str] | None,
        typer.Option("--event", help="Tell only this, like lead.assigned; several are possible."),
    ] = None,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Tell an address what happens from now on.

    Shows the secret that signs what is sent; it is shown only this once.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application import webhooks

        added = await webhooks.add_target(
            desk.installation, desk.account, desk.principal, name, url=url, events=event or ()
        )
        desk.tell(sentence("webhooks.added", target=name))
        _show_secret(added)

    for_account(data, account, work)


@app.command()
def remove(name: Name, yes: Yes = False, account: AccountId = None, data: Data = DATA) -> None:  # noqa: FBT002 - as typer takes it
    """Tell it nothing more, and forget what it was told."""

    async def work(desk: AccountDesk) -> None:
        from services.application import webhooks

        if not yes and not ask(desk.text(sentence("webhooks.remove", target=name))):
            raise typer.Exit(1)
        await webhooks.remove_target(desk.installation, desk.account, desk.principal, name)
        desk.tell(sentence("webhooks.removed", target=name))

    for_account(data, account, work)


@app.command()
def rotate(
    name: Name,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="For how long the present secret signs as well.")
    ] = 24,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Sign with another secret.

    Until the time is over both sign, so that the receiver can take the new one meanwhile.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application import webhooks

        rotated = await webhooks.rotate_secret(
            desk.installation,
            desk.account,
            desk.principal,
            name,
            overlap=timedelta(hours=overlap_hours),
        )
        assert rotated.former_until is not None  # noqa: S101 - it was rotated
        desk.tell(sentence("webhooks.rotated", target=name, until=rotated.former_until))
        _show_secret(rotated)

    for_account(data, account, work)


@app.command()
def ping(name: Name, account: AccountId = None, data: Data = DATA) -> None:
    """Send something harmless once, and tell what the target answered.

    A target that was given up is told again once it takes a ping. Exit status 1 if it does not.
    """

    async def work(desk: AccountDesk) -> None:
        import asyncio

        from services.application import webhooks

        who = (desk.installation, desk.account, desk.principal)
        message_id = await webhooks.ping(*who, name)
        found = await webhooks.delivery(*who, name, message_id)
        try:
            async with asyncio.timeout(PING_WITHIN_S):
                while found.state == "pending":
                    await asyncio.sleep(LOOK_EVERY_S)
                    found = await webhooks.delivery(*who, name, message_id)
        except TimeoutError:
            fail(desk.text(sentence("webhooks.ping_waits", target=name)), "See: fairlead doctor")
        if found.state == "failed":
            fail(desk.text(sentence("webhooks.ping_failed", target=name, why=_why(found))))
        desk.tell(sentence("webhooks.ping_taken", target=name, status=found.status or 0))

    for_account(data, account, work)


@app.command()
def deliveries(
    target: Annotated[str, typer.Option("--target", help="Only of this one.")] = "",
    state: Annotated[
        Literal["pending", "delivered", "failed"] | None,
        typer.Option("--state", help="Only those that stand so."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many, the newest.")] = 50,
    account: AccountId = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """List what was told, is being told, or was not taken."""

    async def work(desk: AccountDesk) -> None:
        from services.application import webhooks
        from services.cli.documents import show_json

        found = await webhooks.deliveries(
            desk.installation,
            desk.account,
            desk.principal,
            target=target or None,
            state=state,
            limit=limit,
        )
        if as_json:
            show_json(found)
        elif found:
            columns = ("listed", "target", "event", "id", "state", "attempts", "answer", "next")
            show_table(columns, (_delivery_row(desk, each) for each in found))
        else:
            say("No deliveries.")

    for_account(data, account, work)


@app.command()
def redeliver(
    name: Name,
    id_: Annotated[str, typer.Option("--id", help="Only this one, delivered or not.")] = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Send everything once more that the target would not take, or one delivery."""

    async def work(desk: AccountDesk) -> None:
        from services.application import webhooks

        again = await webhooks.redeliver(
            desk.installation, desk.account, desk.principal, name, id_ or None
        )
        desk.tell(sentence("webhooks.again", target=name, count=len(again)))

    for_account(data, account, work)


def _show_secret(target: "NewTarget") -> None:
    """On standard output alone, so that it can be piped to where it belongs."""
    note("The receiver verifies what is sent with this secret. It is not shown again:")
    say(target.secret.get_secret_value())


def _target_row(desk: AccountDesk, target: "WebhookTarget") -> tuple[str, ...]:
    told = ", ".join(target.events) or "everything"
    return (target.name, target.url, told, desk.text(_state(target)), target.made_by)


def _state(target: "WebhookTarget") -> Sentence:
    if target.off_at is not None:
        why = sentence(f"webhooks.failure.{target.off_because}")
        return sentence("webhooks.state_off", since=target.off_at, why=why)
    if target.failing_since is not None:
        return sentence("webhooks.state_failing", since=target.failing_since)
    return sentence("webhooks.state_on")


def _why(delivery: "Delivery") -> Sentence:
    if delivery.error == "status" and delivery.status is not None:
        return sentence("webhooks.answered", status=delivery.status)
    return sentence(f"webhooks.failure.{delivery.error}")


def _delivery_row(desk: AccountDesk, delivery: "Delivery") -> tuple[object, ...]:
    is_waiting = delivery.state == "pending"
    answer = desk.text(_why(delivery)) if delivery.error else str(delivery.status or "")
    return (
        desk.text(sentence("cell.instant", at=delivery.listed_at)),
        delivery.target,
        delivery.type,
        delivery.message_id,
        delivery.state,
        delivery.attempts,
        answer,
        desk.text(sentence("cell.instant", at=delivery.next_at)) if is_waiting else "",
    )
