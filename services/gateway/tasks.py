"""Reads the open tasks of accounts whose rules have a limit of them (D5.6).

The whole list is read again and again: what no webhook told, or what one invented, is repaired by
the next one or the one after it. Nothing is kept here but when an account is due, and what was
noted of it: whoever keeps Fairlead running is told where Kommo shows no tasks.
"""

from dataclasses import dataclass
from itertools import pairwise

import structlog

from contracts.inbound import Inbound, SeenTask, TasksListed
from projections.tasks import counts_tasks
from services.gateway.connections import Connection, Connections
from services.gateway.failures import Failures
from services.gateway.ports import InboundPublisher, Now, RulesOf, TaskReadings
from services.gateway.settings import TaskSettings
from services.kommo.client import TaskPage
from services.kommo.errors import AccountBlocked, AccountStopped, MalformedAnswer, Rejected
from services.kommo.timing import Timing
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

# What is about tasks alone, if the account is let in otherwise.
REFUSED = (403, 404)


@dataclass(frozen=True, slots=True)
class _Due:
    """When an account is read next, of one connection and under one revision of its rules."""

    connection: Connection
    revision: int
    at: float


class TaskReader:
    """Reads the tasks of one account after the other."""

    def __init__(
        self,
        *,
        connections: Connections,
        rules_of: RulesOf,
        publisher: InboundPublisher,
        readings: TaskReadings,
        now: Now,
        settings: TaskSettings,
        timing: Timing,
        is_strict: bool = False,
    ) -> None:
        """Prepare; nothing runs yet."""
        self._connections = connections
        self._rules_of = rules_of
        self._publisher = publisher
        self._readings = readings
        self._noted: dict[int, int | None] = {}
        self._now = now
        self._settings = settings
        self._timing = timing
        self._failures = Failures(settings.retry_s, "tasks", is_strict)
        self._let_alone_until: dict[int, float] = {}
        self._due: dict[int, _Due] = {}

    async def run(self) -> None:
        """Read until cancelled; after a restart all over again."""
        while True:
            connections = self._connections.all()
            ours = {each.account_id for each in connections}
            self._due = {k: due for k, due in self._due.items() if k in ours}
            self._noted = {k: status for k, status in self._noted.items() if k in ours}
            for connection in connections:
                await self._in_turn(connection)
            await self._timing.sleep(self._settings.poll_ms / 1_000)

    async def _in_turn(self, connection: Connection) -> None:
        account_id = connection.account_id
        if self._timing.monotonic() < self._let_alone_until.get(account_id, 0.0):
            return
        try:
            await self._look(connection)
        except Exception as error:  # noqa: BLE001 - the other accounts go on
            pause_s = self._failures.unexpected(account_id, error)
            self._let_alone_until[account_id] = self._timing.monotonic() + pause_s

    async def _look(self, connection: Connection) -> None:
        account_id = connection.account_id
        try:
            rules = await self._rules_of(account_id)
        except Unavailable:
            return
        if rules is None or not counts_tasks(rules[1]):
            self._due.pop(account_id, None)
            await self._note(account_id, None)
            return
        due, began_at = self._due.get(account_id), self._timing.monotonic()
        is_same = due is not None and (due.connection, due.revision) == (connection, rules[0])
        if due is None or not is_same or began_at >= due.at:
            pause_s = await self._attempt(connection)
            self._due[account_id] = _Due(connection, rules[0], began_at + pause_s)

    async def _attempt(self, connection: Connection) -> float:
        """Read the account's tasks; after how long to do so again."""
        account_id = connection.account_id
        try:
            tasks = await self._read(connection)
        except AccountStopped as stopped:
            log.warning("tasks_stopped", account_id=account_id, status=stopped.status)
            if stopped.status in REFUSED and not isinstance(stopped, AccountBlocked):
                await self._note(account_id, stopped.status)
            return stopped.retry_in_s or self._settings.stopped_s
        except (Unavailable, Rejected) as error:
            log.warning("tasks_delayed", account_id=account_id, error=type(error).__name__)
            return self._failures.pause_s(account_id)
        self._failures.over(account_id)
        await self._note(account_id, None)
        log.info("tasks_listed", account_id=account_id, tasks=tasks)
        return self._settings.interval_s

    async def _note(self, account_id: int, status: int | None) -> None:
        """Note what is new; what cannot be noted now is noted at the next reading."""
        if account_id in self._noted and self._noted[account_id] == status:
            return
        try:
            await self._readings.note(account_id, status)
        except Unavailable:
            log.warning("tasks_not_noted", account_id=account_id)
        else:
            self._noted[account_id] = status

    async def _read(self, connection: Connection) -> int:
        after_id, following, tasks = 0, None, 0
        while True:
            asked_at = self._now()
            page = await connection.client.open_task_page(next_page=following)
            following, tasks = page.next_page, tasks + len(page.tasks)
            up_to_id = _last_id(page, after_id) if following is not None else None
            body = TasksListed(
                after_id=after_id,
                up_to_id=up_to_id,
                tasks=tuple(
                    SeenTask(t.id, t.responsible_user_id, t.complete_till, t.updated_at)
                    for t in page.tasks
                ),
                as_of=min(asked_at, page.answered_at or asked_at),
            )
            message_id = f"tasks/{asked_at.isoformat()}/{after_id}"
            await self._publisher.publish(
                [
                    Inbound(
                        account_id=connection.account_id,
                        message_id=message_id,
                        at=self._now(),
                        body=body,
                    )
                ]
            )
            if up_to_id is None:
                return tasks
            after_id = up_to_id


def _last_id(page: TaskPage, after_id: int) -> int:
    ids = [after_id, *(task.id for task in page.tasks)]
    if len(ids) == 1 or any(one >= other for one, other in pairwise(ids)):
        raise MalformedAnswer("the list of tasks is out of order")
    return ids[-1]
