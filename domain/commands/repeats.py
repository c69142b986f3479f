"""A command takes effect once, however often and late it comes (A5.2)."""

from collections.abc import Mapping

from contracts.events import CommandName, CommandReceived, CommandRepeated
from contracts.inbound import (
    ApplyRules,
    CarryTrigger,
    Command,
    DistributeLeads,
    HandOverLeads,
    Inbound,
    PassLeadOn,
    PauseManager,
    PostCorrection,
    ResumeManager,
    TakeLead,
    UndoTransfers,
)
from domain.state.commands import is_kept
from domain.step import Step

NAMES: Mapping[type[Command], CommandName] = {
    ApplyRules: "apply_rules",
    CarryTrigger: "carry_trigger",
    PauseManager: "pause",
    ResumeManager: "resume",
    PostCorrection: "correct",
    DistributeLeads: "distribute",
    HandOverLeads: "handover",
    UndoTransfers: "undo",
    TakeLead: "take",
    PassLeadOn: "pass_on",
}


def is_repeated(step: Step, message: Inbound) -> bool:
    """Whether the message is a command that took effect before; notes either.

    Noted before it is answered, also where nothing follows: rules that were in force already must
    not come back by a repeat when others are.
    """
    if not (message.is_once and isinstance(message.body, Command)):
        return False
    taken = step.account.commands.get(message.message_id)
    if taken is not None and is_kept(taken, step.now):
        step.record(
            CommandRepeated(message_id=message.message_id, first_version=taken.version, at=step.now)
        )
        return True
    step.record(
        CommandReceived(
            message_id=message.message_id,
            command=NAMES[type(message.body)],
            by=message.body.by,
            at=step.now,
        )
    )
    return False
