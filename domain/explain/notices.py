"""What people are told of a decision, and that they were (D12.2)."""

from contracts.events import ChoiceReason, DutyCause, NoticeLeft, NoticeWritten
from contracts.sentences import Sentence, sentence
from domain.explain.assigned import duty_cause


def note_line(
    *, manager_id: int, rule_id: str, reason: ChoiceReason, because: DutyCause | None
) -> Sentence:
    """Who got the lead and why, in one line of its feed."""
    why = duty_cause(because) if reason == "duty" else sentence(f"notice.why.{reason}")
    return sentence("notice.note", manager=manager_id, rule=rule_id, why=why)


def task_line() -> Sentence:
    """What a task says whose rule does not word it."""
    return sentence("notice.task")


def task_end_line(manager_id: int) -> Sentence:
    """What is noted on a task that is completed because the lead went on."""
    return sentence("notice.task_end", manager=manager_id)


def written(event: NoticeWritten) -> Sentence:
    """That people were told."""
    return sentence(f"explain.told_by.{event.kind}", manager=event.manager_id)


def left(event: NoticeLeft) -> Sentence:
    """That they were not, and why."""
    why = sentence(f"explain.left_for.{event.reason}")
    return sentence(f"explain.not_told_by.{event.kind}", why=why)
