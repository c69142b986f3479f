"""What could not be understood, and whoever sends too much of it."""

from collections.abc import AsyncIterator

from contracts.sentences import sentence
from services.application.doctor.finding import Diagnosis, problem, well
from services.ingress.triggers import AWAITED
from services.storage.dead_letters import DeadLetters

REASONS_MAX = 100


async def findings(letters: DeadLetters) -> AsyncIterator[Diagnosis]:
    """How many there are, and how many went before their time (S21)."""
    subject, kept = sentence("doctor.dead_letters"), await letters.count()
    if kept:
        found = sentence("doctor.dead_letters_kept", count=kept)
        yield problem(subject, found, sentence("remedy.look_at_dead_letters"))
    else:
        yield well(subject, sentence("doctor.no_dead_letters"))
    reasons = await letters.reasons(REASONS_MAX)
    if waiting := sum(each.letters for each in reasons if each.reason.startswith(AWAITED)):
        found = sentence("doctor.triggers_unknown", count=waiting)
        yield problem(subject, found, sentence("remedy.save_triggers_again"))
    for each in await letters.dropped():
        yield problem(
            sentence("doctor.letters_of", account=each.account_id)
            if each.account_id
            else sentence("doctor.letters_of_nobody"),
            sentence("doctor.letters_dropped", count=each.letters),
            sentence("remedy.find_who_sends_letters"),
        )
