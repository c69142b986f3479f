"""Who is told of a decision, and how that ended (D12.2).

Each note, task and webhook is an effect of its own: it is asked for when Kommo holds the decision,
and what comes of it is an event. An answer that comes again finds it settled.
"""

from contracts.events import NoticeKind, NoticeLeft, NoticeRequested, NoticeWritten
from contracts.inbound import NoticeSettled
from domain.configuration import Rule
from domain.notices.policy import TaskOrder
from domain.state import Why
from domain.step import Step


def tell(step: Step, rule: Rule, why: Why, *, lead_id: int, manager_id: int, order_id: str) -> None:
    """Ask for everything by which the rule tells people."""
    if (telling := rule.telling) is None:
        return

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

    if telling.note:
        ask("note")
    if telling.task is not None:
        ask("task", telling.task)
    if telling.webhook is not None:
        ask("webhook", target=telling.webhook)


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
            step.record(
                NoticeLeft(
                    order_id=message.order_id,
                    request_id=message.order_id.rpartition("/")[0],
                    lead_id=notice.lead_id,
                    manager_id=notice.manager_id,
                    kind=message.kind,
                    reason=reason,
                    detail=message.detail,
                    at=step.now,
                )
            )
