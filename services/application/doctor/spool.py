"""What the doctor says of the spool: webhooks that the log would not take yet (F15, F77)."""

from datetime import datetime, timedelta

from contracts.sentences import Sentence, sentence
from services.application.doctor.finding import Diagnosis, Severity, problem, well
from services.application.installation import Installation
from services.ingress.spool_file import SPOOL_FILE, SpoolStanding, look
from services.shared.errors import Unavailable

SPOOLED_WITHIN = timedelta(seconds=30)


def finding(installation: Installation, now: datetime) -> Diagnosis:
    """Read it; blocks."""
    subject = sentence("doctor.spool")
    try:
        state = look(installation.data)
    except Unavailable as error:
        file = str(installation.data / SPOOL_FILE)
        found = sentence("doctor.spool_unreadable", reason=str(error))
        return problem(subject, found, sentence("remedy.start_to_set_aside", file=file))
    if state is None:
        return well(subject, sentence("doctor.no_spool"))
    remedy = _remedy(installation, state, now)
    if not state.set_aside:
        return _finding(subject, _held(state, now), remedy)
    found = sentence("doctor.spool_damaged", held=_held(state, now), files=state.set_aside)
    aside = sentence("remedy.look_at_damaged_spool", folder=str(installation.data))
    return _finding(
        subject, found, aside if remedy is None else sentence("remedy.both", one=remedy, two=aside)
    )


def _finding(subject: Sentence, found: Sentence, remedy: Sentence | None) -> Diagnosis:
    severity: Severity = "well" if remedy is None else "problem"
    return Diagnosis(subject=subject, found=found, severity=severity, remedy=remedy)


def _held(state: SpoolStanding, now: datetime) -> Sentence:
    if state.oldest_at is None:
        return sentence("doctor.spool_empty")
    return sentence(
        "doctor.spool_holds",
        count=state.rows,
        bytes=state.size,
        since=max(0, int((now - state.oldest_at).total_seconds())),
    )


def _remedy(installation: Installation, state: SpoolStanding, now: datetime) -> Sentence | None:
    """What has to be done for what it holds."""
    if state.oldest_at is None:
        return None
    if installation.is_at_rest():
        return sentence("remedy.start_to_send")
    if now - state.oldest_at > SPOOLED_WITHIN:
        return sentence("remedy.log_does_not_take_them")
    return None
