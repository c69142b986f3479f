"""What a remark calls by the names of the file, called as the editor calls it."""

import re
from collections.abc import Iterator

from contracts.sentences import Sentence, sentence
from services.console.rules.fields import (
    ACCOUNT,
    KIND_SECTION,
    SECTIONS,
    FormSection,
    RuleField,
    RuleRows,
)
from services.console.seeing import SeeingAccount

QUOTED = re.compile(r"`([a-z_]+)(?:: ([a-z_]+))?`")


def titles() -> Iterator[tuple[str, Sentence]]:
    """Every field by its path from its rule, or from the file, on, without numbers."""
    for section in (*SECTIONS, ACCOUNT):
        yield from _titles(section)
    yield from _titles(KIND_SECTION)


def in_editor(who: SeeingAccount, text: str) -> str:
    """Advice of the linter without a word of YAML; what is no field of a rule stays."""
    return QUOTED.sub(lambda found: _called(who, found), text)


def _called(who: SeeingAccount, found: re.Match[str]) -> str:
    field = _FIELDS.get(found[1])
    if field is None or (found[2] and found[2] not in field.choices):
        return found[0]
    title = who.words.say(field.title)
    if not found[2]:
        return f"“{title}”"
    return f"“{title}: {who.words.say(sentence(f'console.rules.choice.{found[2]}'))}”"


def _titles(section: FormSection) -> Iterator[tuple[str, Sentence]]:
    for part in section.parts:
        yield part.path, part.title
        if isinstance(part, RuleRows):
            for column in part.columns:
                yield f"{part.path}.{column.path}", column.title


# Of a rule; those of its lists have names that mean something elsewhere, too.
_FIELDS = {
    part.path: part for section in SECTIONS for part in section.parts if isinstance(part, RuleField)
}
