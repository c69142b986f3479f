"""Commands that move leads: distribute, handover, undo."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, ID_MAX, AccountId, Confirm, Data, Key, LeadId, UserId, Yes
from services.cli.output import ask, ask_number, say, say_all

if TYPE_CHECKING:
    from services.application.commands import Asked, Once
    from services.application.orders import PlannedOrder
    from services.application.undo import PlannedUndo, Undone

app = group()


@app.command()
def distribute(
    leads: Annotated[
        list[int] | None, typer.Argument(min=1, max=ID_MAX, help="Kommo's ids of the leads.")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="All open leads of PIPELINE/STAGE instead, as 7000001/61000002.")
    ] = "",
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    unassigned: Annotated[
        bool,
        typer.Option(
            "--unassigned", help="All open leads whose request ended without a manager instead."
        ),
    ] = False,
    yes: Yes = False,
    confirmed: Confirm = None,
) -> None:
    """Distribute leads now, by the rules; asks first.

    Leads that have no manager by Fairlead in their stage.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.orders import asked_to_distribute, plan_distribution, stage_from

        lead_ids = tuple(dict.fromkeys(leads or ()))
        of_stage = stage_from(stage) if stage else None
        once = desk.once(key)
        asked = asked_to_distribute(lead_ids=lead_ids, stage=of_stage, is_unassigned=unassigned)
        if not await _was_given(desk, asked, once):
            planned = await plan_distribution(
                desk.installation,
                desk.account,
                desk.principal,
                lead_ids=lead_ids,
                stage=of_stage,
                is_unassigned=unassigned,
            )
            await _ordered(desk, planned, once, is_agreed=yes, confirmed=confirmed)

    for_account(data, account, work)


@app.command()
def handover(
    manager: UserId,
    rule: Annotated[
        str, typer.Option(help="Id of the rule for leads in stages that no rule covers.")
    ] = "",
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    yes: Yes = False,
    confirmed: Confirm = None,
) -> None:
    """Give an absent manager's open leads to others; asks first.

    All of them, by the rules. A manager who is neither paused nor absent is paused by it.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.orders import asked_to_hand_over, plan_handover

        once, rule_id = desk.once(key), rule or None
        if not await _was_given(desk, asked_to_hand_over(manager, rule_id=rule_id), once):
            planned = await plan_handover(
                desk.installation, desk.account, desk.principal, manager, rule_id=rule_id
            )
            await _ordered(desk, planned, once, is_agreed=yes, confirmed=confirmed)

    for_account(data, account, work)


async def _was_given(desk: AccountDesk, asked: "Asked", once: "Once") -> bool:
    """Whether it was ordered before under this key; what it came to is told then."""
    from services.application.orders import carried_out_before
    from services.application.orders_told import came_to

    given = await carried_out_before(
        desk.installation, desk.account, desk.principal, asked, once=once
    )
    if given is not None and desk.has_effect(given.answer) and given.outcome is not None:
        desk.tell(*came_to(given.outcome))
    return given is not None


async def _ordered(
    desk: AccountDesk,
    planned: "PlannedOrder",
    once: "Once",
    *,
    is_agreed: bool,
    confirmed: int | None,
) -> None:
    """Show what an order would come to, ask, and give it."""
    import asyncio

    from services.application.orders import carry_out
    from services.application.orders_told import came_to, foreseen, question

    desk.tell(*foreseen(planned.outcome))
    if not planned.outcome.leads:
        say("Nothing to do.")
        return
    assent = desk.assent(confirmed)
    is_asked = not is_agreed and confirmed is None
    if is_asked and not await asyncio.to_thread(ask, desk.text(question(planned))):
        say("Nothing was changed.")
        return
    if is_asked and assent.is_wide(len(planned.lead_ids)):
        many = desk.text(sentence("order.ask_number"))
        assent = desk.assent(await asyncio.to_thread(ask_number, many))
    given = await carry_out(
        desk.installation, desk.account, desk.principal, planned, once=once, assent=assent
    )
    if desk.has_effect(given.answer) and given.outcome is not None:
        say("Done.")
        if given.outcome != planned.outcome:
            desk.tell(*came_to(given.outcome))


@app.command()
def undo(
    lead: LeadId,
    decision: Annotated[
        str,
        typer.Option(help="Request to put back, as `explain` names it. Without it, the newest."),
    ] = "",
    key: Key = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only show it.")] = False,
) -> None:
    """Put back who was responsible before a decision.

    What a person changed since stays.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.undo import carried_out_before, plan
        from services.application.undo_told import would_go_back

        once, request_id = desk.once(key), decision or None
        if yes:
            done = await carried_out_before(
                desk.installation,
                desk.account,
                desk.principal,
                lead,
                request_id=request_id,
                once=once,
            )
            if done is not None:
                _tell_undone(desk, lead, done)
                return
        planned = await plan(
            desk.installation, desk.account, desk.principal, lead, request_id=request_id
        )
        desk.tell(sentence("undo.head", lead=lead, decision=planned.request_id))
        say_all(f"  {line}" for line in desk.words.lines(would_go_back(planned)))
        if yes:
            await _put_back(desk, planned, request_id, once)
        else:
            say("Nothing was changed. To put this back, repeat the command with --yes.")

    for_account(data, account, work)


async def _put_back(
    desk: AccountDesk, planned: "PlannedUndo", request_id: str | None, once: "Once"
) -> None:
    from services.application.undo import carry_out

    done = await carry_out(
        desk.installation,
        desk.account,
        desk.principal,
        planned,
        request_id=request_id,
        once=once,
    )
    _tell_undone(desk, planned.lead_id, done)


def _tell_undone(desk: AccountDesk, lead: int, done: "Undone") -> None:
    from domain.explain.story import told

    if not desk.has_effect(done.answer):
        return
    desk.tell(*(each for event in done.endings for each in told(event)))
    if done.unanswered:
        desk.tell(sentence("undo.unanswered", count=done.unanswered))
        say(f"See: fairlead explain {lead}")
