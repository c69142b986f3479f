"""Which module carries out which command."""

from typing import assert_never

from contracts.inbound import (
    ApplyRules,
    CarryTrigger,
    Command,
    DistributeLeads,
    HandOverLeads,
    PassLeadOn,
    PauseManager,
    PostCorrection,
    ResumeManager,
    TakeLead,
    UndoTransfers,
)
from domain.commands import corrections, orders, pauses, rules
from domain.linked import transfers
from domain.redistribution import clocks
from domain.step import Step


def carry_out(step: Step, command: Command) -> None:  # noqa: C901 - a case per command
    """Do what somebody orders, or refuse it."""
    match command:
        case ApplyRules():
            rules.apply_rules(step, command)
        case CarryTrigger():
            rules.carry_trigger(step, command)
        case PauseManager():
            pauses.pause(step, command)
        case ResumeManager():
            pauses.resume(step, command)
        case TakeLead():
            clocks.take(step, command)
        case PassLeadOn():
            clocks.pass_on(step, command)
        case PostCorrection():
            corrections.post_correction(step, command)
        case DistributeLeads():
            orders.distribute(step, command)
        case HandOverLeads():
            orders.hand_over(step, command)
        case UndoTransfers():
            transfers.undo(step, command)
        case _:
            assert_never(command)
