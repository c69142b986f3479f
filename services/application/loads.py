"""What each manager has to do: open leads, and open tasks where rules have a limit of them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from projections import loads, tasks
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerLoad:
    """One manager, now.

    Attributes:
        open_leads: In all stages (D5.2).
        tasks: Open ones that are not overdue (D5.6); None while tasks are not counted.
        overdue_tasks: Those that are; likewise.
    """

    manager_id: int
    open_leads: int
    tasks: int | None
    overdue_tasks: int | None


async def manager_loads(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> list[ManagerLoad]:
    """Everybody who has something to do, by id.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        leads = await loads.of_account(connection, account.account_id)
        known = await tasks.of_account(connection, account.account_id, now)
    open_leads = Counter[int]()
    for each in leads:
        open_leads[each.manager_id] += each.open_leads
    task_loads = {each.manager_id: each for each in known or ()}
    return [
        ManagerLoad(
            manager_id=manager_id,
            open_leads=open_leads[manager_id],
            tasks=None if known is None else (task.to_do if task else 0),
            overdue_tasks=None if known is None else (task.overdue if task else 0),
        )
        for manager_id in sorted(open_leads.keys() | task_loads.keys())
        for task in [task_loads.get(manager_id)]
    ]
