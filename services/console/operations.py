"""What pages of Operations show, made ready (W4.13)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.sentences import Sentence, sentence
from services.application.doctor.finding import Diagnosis, Severity
from services.application.gaps import PlannedResumption, StoppedPartition, missing, read
from services.application.installation_view import ReadModel
from services.console.moments import Moment, moment
from services.console.seeing import Seeing
from services.storage.asked_rebuilds import AskedRebuild
from services.storage.dead_letters import KeptLetter, LetterReason, State

REASON_SHOWN_MAX = 200
BODY_SHOWN_MAX = 20_000
DEALT_WITH_AT = {
    "doctor.dead_letters": "#letters",
    "doctor.partition": "#gaps",
    "doctor.projections": "#models",
}
STATE_NAMES: Mapping[State, Sentence] = {
    "kept": sentence("console.letter.kept"),
    "replayed": sentence("console.letter.replayed"),
    "dismissed": sentence("console.letter.dismissed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """Something that was looked at.

    Attributes:
        href: Where on the page it is dealt with; empty if it is not.
    """

    subject: str
    found: str
    remedy: str
    severity: Severity
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterReasonLine:
    """Letters of one reason.

    Attributes:
        reason: Whole, as the address has it.
        text: As it is shown.
    """

    reason: str
    text: str
    letters: int
    accounts: int
    oldest_at: Moment
    newest_at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLine:
    """One letter, without what it holds."""

    id: int
    account: str
    source: str
    received_at: Moment
    size: int
    is_cut: bool
    reason: str
    state: str
    is_open: bool
    settled_by: str
    settled_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelLine:
    """A read model, and whether it is being made anew."""

    name: str
    revision: int
    accounts: int
    behind: int
    told: str
    is_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GapLine:
    """A partition that stands still."""

    partition: int
    position: int
    held: str
    missing: str
    accounts: str


def finding_line(who: Seeing, each: Diagnosis) -> FindingLine:
    """What was looked at as a line."""
    return FindingLine(
        subject=who.words.say(each.subject),
        found=who.words.say(each.found),
        remedy="" if each.remedy is None else who.words.say(each.remedy),
        severity=each.severity,
        href=DEALT_WITH_AT.get(each.subject.id, ""),
    )


def letter_reason_line(who: Seeing, each: LetterReason) -> LetterReasonLine:
    """Letters of one reason as a line."""
    return LetterReasonLine(
        reason=each.reason,
        text=_short(each.reason),
        letters=each.letters,
        accounts=each.accounts,
        oldest_at=moment(who, each.oldest_at),
        newest_at=moment(who, each.newest_at),
    )


def letter_line(
    who: Seeing, letter: KeptLetter, accounts: Mapping[int, str], settled_by: str = ""
) -> LetterLine:
    """A letter as a line; `accounts` are the names of those that are connected."""
    return LetterLine(
        id=letter.id,
        account=_account(letter.account_id, accounts),
        source=letter.source,
        received_at=moment(who, letter.received_at),
        size=letter.size,
        is_cut=letter.is_cut,
        reason=_short(letter.reason),
        state=who.words.say(STATE_NAMES[letter.state]),
        is_open=letter.state == "kept",
        settled_by=settled_by,
        settled_why=letter.settled_why or "",
    )


def _account(account_id: int | None, accounts: Mapping[int, str]) -> str:
    if account_id is None:
        return ""
    return f"{accounts[account_id]} ({account_id})" if account_id in accounts else str(account_id)


def read_model_line(who: Seeing, each: ReadModel, asked: AskedRebuild | None) -> ReadModelLine:
    """A read model as a line."""
    return ReadModelLine(
        name=each.name,
        revision=each.revision,
        accounts=each.accounts,
        behind=each.behind,
        told="" if asked is None else who.words.marked.say(_told(who, asked)),
        is_wanted=asked is not None and asked.ended_at is None,
    )


def _told(who: Seeing, asked: AskedRebuild) -> Sentence:
    if asked.failure is not None:
        return sentence("console.rebuild.failed", reason=asked.failure)
    if asked.ended_at is not None:
        return sentence("console.rebuild.done", at=moment(who, asked.ended_at).marked)
    if asked.begun_at is not None:
        return sentence("console.rebuild.begun", at=moment(who, asked.begun_at).marked)
    return sentence("console.rebuild.asked", at=moment(who, asked.asked_at).marked)


def gap_line(who: Seeing, stopped: StoppedPartition) -> GapLine:
    """A partition that stands still as a line."""
    held = stopped.place.held
    return GapLine(
        partition=stopped.place.partition,
        position=stopped.place.position,
        held=f"{held.earliest} – {held.latest}",  # noqa: RUF001 - a range
        missing=who.words.say(missing(stopped.gap)),
        accounts=who.words.say(read(stopped)),
    )


def foreseen(who: Seeing, planned: PlannedResumption) -> list[str]:
    """What letting a partition go on comes to, in sentences; none where nothing is missing."""
    if planned.gap is None:
        return []
    partition, position = planned.place.partition, planned.position
    told = [
        sentence("gap.found", partition=partition, what=missing(planned.gap)),
        sentence("gap.goes_on", position=position, count=planned.left),
    ]
    if planned.passed_over:
        told.append(sentence("gap.passes_over", count=planned.passed_over))
    return who.words.lines([*told, sentence("gap.is_read")])


def sorted_findings(found: Sequence[FindingLine]) -> list[FindingLine]:
    """What needs somebody, the worst first."""
    return [
        each for severity in ("problem", "passing") for each in found if each.severity == severity
    ]


def _short(text: str) -> str:
    return text if len(text) <= REASON_SHOWN_MAX else f"{text[:REASON_SHOWN_MAX]}…"
