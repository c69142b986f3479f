"""What somebody typed while somebody else changed the same draft: shown, never written over."""

from dataclasses import dataclass

from services.console.names import person_of
from services.console.rules import values
from services.console.rules.fields import RuleField, RuleRows
from services.console.rules.forms import Placed, Sent, steps
from services.console.rules.work import Work
from services.rules_file.file import field_name
from services.rules_file.yaml import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClashingField:
    """A field that is another one in the draft than in the form.

    Attributes:
        mine: Each value that was sent.
        theirs: What is in the draft.
    """

    name: str
    title: str
    mine: tuple[str, ...]
    theirs: str

    @property
    def typed(self) -> str:
        """What was sent, for people."""
        return ", ".join(each for each in self.mine if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Somebody else was faster; nothing of the form was kept.

    Attributes:
        by: Who that was.
    """

    fields: tuple[ClashingField, ...]
    by: str


async def clash_of(work: Work, placed: list[Placed], sent: Sent) -> Clash:
    """What of a form is not in the draft as it is now."""
    found: list[ClashingField] = []
    for section, base in placed:
        for part in section.parts:
            path = (*base, *steps(part.path))
            if isinstance(part, RuleField):
                found += _clashing(work, part, path, sent)
            else:
                found += _in_rows(work, part, path, sent)
    return Clash(fields=tuple(found), by=await person_of(work.who, work.draft.changed_by))


def _in_rows(work: Work, rows: RuleRows, path: Path, sent: Sent) -> list[ClashingField]:
    prefix = f"{field_name(path)}["
    numbers = {
        int(name.removeprefix(prefix).partition("]")[0])
        for name in sent
        if name.startswith(prefix) and name.removeprefix(prefix).partition("]")[0].isdecimal()
    }
    return [
        each
        for number in sorted(numbers)
        for field in rows.columns
        for each in _clashing(work, field, (*path, number, *steps(field.path)), sent)
    ]


def _clashing(work: Work, field: RuleField, path: Path, sent: Sent) -> list[ClashingField]:
    name = field_name(path)
    if name not in sent:
        return []
    before, now = values.shown(field, work.document, path), values.typed(field, sent[name])
    if values.is_untouched(field, before, now):
        return []
    title = work.who.words.say(field.title)
    return [ClashingField(name=name, title=title, mine=tuple(sent[name]), theirs=", ".join(before))]
