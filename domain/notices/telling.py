"""Who is told of a decision, and how that ended (D12.2).

Each note, task and webhook is an effect of its own: it is asked for when Kommo holds the decision,
and what comes of it is an event. An answer that comes again finds it settled.

A task goes with its decision: the next one has it completed, whether it makes a task itself or not.
What was not made until then will not be.
"""

from contracts.events import NoticeEnd, NoticeKind, NoticeLeft, NoticeRequested, NoticeWritten
from contracts.inbound import NoticeSettled
from domain.configuration import Rule
from domain.notices.policy import TaskOrder
from domain.state import OpenNotice, Why
from domain.step import Step


def tell(
    step: Step,
    rule: Rule,
    why: Why,
    *,
    lead_id: int,
    manager_id: int,
    order_id: str,
    may_have_task: bool,
) -> None:
    """Ask for everything by which the rule tells people, and that tasks of before are completed."""

    def ask(kind: NoticeKind, task: TaskOrder | None = None, target: str = "") -> None:
        schedule = rule.schedule_of(manager_id)
        step.record(
            NoticeRequested(
                order_id=order_id,
                request_id=order_id.rpartition("/")[0],
                lead_id=lead_id,
                manager_id=manager_id,
                rule_id=rule.rule_id,
                kind=kind,
                reason=why.reason,
                because=why.because,
                due_at=None if task is None else task.due_at(step.now, schedule),
                wording="" if task is None else task.wording,
                target=target,
                at=step.now,
            )
        )

    if may_have_task:
        _overtake(step, order_id)
        ask("task_end")
    if (telling := rule.telling) is None:
        return
    if telling.note:
        ask("note")
    if telling.task is not None:
        ask("task", telling.task)
    if telling.webhook is not None:
        ask("webhook", target=telling.webhook)


def _overtake(step: Step, order_id: str) -> None:
    """Tasks of the request's earlier decisions that were not made yet are not made any more."""
    request_id, _, attempt = order_id.rpartition("/")
    for earlier in range(1, int(attempt)):
        if notice := step.account.notices.get((f"{request_id}/{earlier}", "task")):
            _leave(step, notice, f"{request_id}/{earlier}", "task", "overtaken")


def on_settled(step: Step, message: NoticeSettled) -> None:
    """Note how one of them ended, if it is still waited for."""
    notice = step.account.notices.get((message.order_id, message.kind))
    if notice is None:
        return
    match message.how:
        case "answered" | "read":
            step.record(
                NoticeWritten(
                    order_id=message.order_id,
                    request_id=message.order_id.rpartition("/")[0],
                    lead_id=notice.lead_id,
                    manager_id=notice.manager_id,
                    kind=message.kind,
                    entity_id=message.entity_id,
                    how=message.how,
                    at=step.now,
                )
            )
        case reason:
            _leave(step, notice, message.order_id, message.kind, reason, message.detail)


def _leave(
    step: Step,
    notice: OpenNotice,
    order_id: str,
    kind: NoticeKind,
    reason: NoticeEnd,
    detail: str = "",
) -> None:
    step.record(
        NoticeLeft(
            order_id=order_id,
            request_id=order_id.rpartition("/")[0],
            lead_id=notice.lead_id,
            manager_id=notice.manager_id,
            kind=kind,
            reason=reason,
            detail=detail,
            at=step.now,
        )
    )
