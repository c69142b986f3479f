"""I3 of people's commands: however often and late one came under its id, it took effect once."""

from collections.abc import Sequence

from contracts.events import (
    AllocationEvent,
    CommandReceived,
    CommandRefused,
    CommandRepeated,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadTouched,
    LinkedDecided,
    ManagerPaused,
    ManagerResumed,
    Recorded,
    RulesApplied,
)
from domain.state.commands import KEPT_FOR
from services.history.verdict import Verdict


def check_commands(events: Sequence[Recorded], verdict: Verdict) -> None:
    """Taken up once within the days for which ids are kept, one effect at most, true repeats.

    That the oldest of more than so many ids are forgotten sooner is left out: no history here
    has that many.
    """
    received: dict[str, Recorded] = {}
    effects: dict[str, Recorded] = {}
    for recorded in events:
        event, command_id = recorded.event, recorded.cause
        if isinstance(event, CommandReceived):
            before = received.get(event.message_id)
            _check(
                verdict,
                recorded,
                before is None or event.at - before.event.at >= KEPT_FOR,
                f"command {event.message_id} to be taken up once",
                f"again after version {before.version if before else 0}",
            )
            received[event.message_id] = recorded
            effects.pop(event.message_id, None)
        elif isinstance(event, CommandRepeated):
            first = received.get(event.message_id)
            _check(
                verdict,
                recorded,
                first is not None and first.version == event.first_version,
                f"the repeat of a command that was taken up in version {event.first_version}",
                f"{event.message_id} in version {first.version if first else 'none'}",
            )
        elif command_id in received and _is_effect(event):
            earlier = effects.setdefault(command_id, recorded)
            _check(
                verdict,
                recorded,
                earlier is recorded,
                f"one effect of command {command_id}",
                f"{type(event).__name__} after version {earlier.version}",
            )


def _is_effect(event: AllocationEvent) -> bool:
    """Whether a command itself comes to this, and not what follows from it."""
    match event:
        case CreditMoved(reason=reason):
            return reason == "corrected"
        case ManagerResumed(how=how):
            return how == "resumed"
        case LinkedDecided(is_undo=is_undo):
            return is_undo
        case LeadTouched(kind=kind):
            return kind == "taken"
        case _:
            return isinstance(
                event,
                RulesApplied
                | ManagerPaused
                | DistributionOrdered
                | HandoverOrdered
                | CommandRefused,
            )


def _check(
    verdict: Verdict, recorded: Recorded, is_kept: object, expected: str, found: str
) -> None:
    verdict.check("I3", is_kept, expected, found, version=recorded.version)
