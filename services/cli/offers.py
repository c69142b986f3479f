"""Commands about a lead that was offered to a manager: they take it, or pass it on."""

from typing import Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, ID_MAX, AccountId, Data, Key, LeadId

app = group()

Manager = Annotated[
    int | None,
    typer.Option(
        "--manager",
        min=1,
        max=ID_MAX,
        help="Only if this user has the lead now: Kommo's id. Without it: whoever has it.",
    ),
]


@app.command()
def take(
    lead: LeadId,
    manager: Manager = None,
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Leave an offered lead with its manager for good.

    It is no longer passed on.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.offers import take

        answer = await take(
            desk.installation,
            desk.account,
            desk.principal,
            lead,
            manager_id=manager,
            once=desk.once(key),
        )
        if desk.has_effect(answer):
            desk.tell(sentence("take.done", lead=lead))

    for_account(data, account, work)


@app.command()
def pass_on(
    lead: LeadId,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    manager: Manager = None,
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Give an offered lead to the next manager now.

    It stays charged to the one who had it.
    """

    async def work(desk: AccountDesk) -> None:
        from domain.explain.story import told
        from services.application.offers import pass_on
        from services.application.private import told_in_clear

        answer = await pass_on(
            desk.installation,
            desk.account,
            desk.principal,
            lead,
            manager_id=manager,
            reason=reason,
            once=desk.once(key),
        )
        if desk.has_effect(answer):
            lines = [line for event in answer.events for line in told(event)[:1]]
            account_id = desk.account.account_id
            desk.tell(*await told_in_clear(desk.installation, account_id, lines))

    for_account(data, account, work)
