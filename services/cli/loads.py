"""`fairlead loads`: what each manager has to do."""

from dataclasses import asdict

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data
from services.cli.output import show_table

app = group()

NOTHING = "\N{EN DASH}"


@app.command("loads")
def loads_command(*, as_json: AsJson = False, account: AccountId = None, data: Data = DATA) -> None:
    """Show what each manager has to do.

    Open leads in all stages, whoever gave them. Open tasks, and those that are overdue, where a
    rule has `limit_tasks` and Kommo's list of tasks has been read.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.loads import manager_loads
        from services.cli.documents import show_json
        from services.shared.wall_clock import utc_now

        found = await manager_loads(desk.installation, desk.account, desk.principal, now=utc_now())
        if as_json:
            managers = [asdict(each) for each in found]
            show_json({"account_id": desk.account.account_id, "managers": managers})
        elif found:
            show_table(
                ("manager", "open leads", "tasks", "overdue"),
                (
                    (
                        desk.text(sentence("cell.manager", manager=each.manager_id)),
                        each.open_leads,
                        NOTHING if each.tasks is None else each.tasks,
                        NOTHING if each.overdue_tasks is None else each.overdue_tasks,
                    )
                    for each in found
                ),
            )
        else:
            desk.tell(sentence("loads.none"))

    for_account(data, account, work)
