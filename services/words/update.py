"""Brings the catalogue up to date with the code: `make words`, `make words LANGUAGE=ru`.

English gets an empty entry for each id that has none, and loses what nobody says. Another language
follows the English: beside each id stands what it says there, and a sentence whose English has
changed since is marked `fuzzy`, to be looked at.
"""

import sys
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po, write_po

from services.words.catalogue import LOCALE
from services.words.languages import DECIMAL_MARKS, ENGLISH
from services.words.source import Said, everything_said

HEADER = """\
{comment}
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals={count}; plural={expression};\\n"

"""
WIDTH = 96
COMMENT = "# English, the source of the other languages: translators see it beside each id."
TRANSLATED = "# Above each id stands the English. Fill in msgstr; what is in braces stays as it is."


def catalogue(language: str, folder: Path = LOCALE) -> Catalog:
    """The file of a language, parsed; empty if there is none yet."""
    file = folder / f"{language}.po"
    if not file.is_file():
        return Catalog(language)
    with file.open("rb") as lines:
        return read_po(lines, locale=language, ignore_obsolete=True, abort_invalid=True)


def english(found: Catalog, said: Iterable[Said]) -> Catalog:
    """The English of everything that is said, in order of id."""
    updated = Catalog(ENGLISH)
    for id_, arguments in sorted({each.id: each.arguments for each in said}.items()):
        known = found.get(id_)
        updated.add(
            (id_, id_) if "count" in arguments else id_,
            string=known.string if known is not None else "",
        )
    return updated


def translated(found: Catalog, source: Catalog, language: str) -> Catalog:
    """A language after the English has changed."""
    updated = Catalog(language)
    for entry in source:
        if not entry.id:
            continue
        known, spoken = found.get(entry.id), _spoken(entry)
        has_changed = known is not None and known.auto_comments != _as_read(spoken)
        is_empty = known is None or not any(_forms(known))
        updated.add(
            entry.id,
            string=known.string if known is not None else "",
            auto_comments=spoken,
            flags=("fuzzy",) if known and not is_empty and (known.fuzzy or has_changed) else (),
        )
    return updated


def text_of(catalog: Catalog, language: str) -> str:
    """A file of the catalogue, the same for the same sentences."""
    lines = BytesIO()
    write_po(lines, catalog, width=WIDTH, no_location=True, omit_header=True)
    head = HEADER.format(
        comment=COMMENT if language == ENGLISH else TRANSLATED,
        language=language,
        count=catalog.num_plurals,
        expression=catalog.plural_expr,
    )
    return head + lines.getvalue().decode().strip("\n") + "\n"


def _spoken(entry: Entry) -> list[str]:
    return [line for form in _forms(entry) for line in form.splitlines()]


def _as_read(comments: list[str]) -> list[str]:
    """Comments as a file has them: long lines are broken, and alike ones stand once."""
    lines, catalog = BytesIO(), Catalog()
    catalog.add("id", auto_comments=comments)
    write_po(lines, catalog, width=WIDTH, no_location=True, omit_header=True)
    lines.seek(0)
    entry = read_po(lines).get("id")
    return entry.auto_comments if entry is not None else []


def _forms(entry: Entry) -> tuple[str, ...]:
    """The sentence; of one with a count, its forms."""
    return tuple(entry.string) if isinstance(entry.string, tuple | list) else (entry.string or "",)


def update(folder: Path, said: Iterable[Said], languages: Iterable[str]) -> None:
    """Write English and what there is of the others, and those that are named."""
    source = english(catalogue(ENGLISH, folder), said)
    _write(folder, source, ENGLISH)
    there = {path.stem for path in folder.glob("*.po")} - {ENGLISH}
    for language in sorted({*there, *languages}):
        _write(folder, translated(catalogue(language, folder), source, language), language)


def _write(folder: Path, catalog: Catalog, language: str) -> None:
    (folder / f"{language}.po").write_text(text_of(catalog, language), encoding="utf-8")


def main(languages: list[str]) -> None:
    """Update the checked-in files."""
    if strange := set(languages) - DECIMAL_MARKS.keys():
        sys.exit(f"expected some of {', '.join(DECIMAL_MARKS)}, got {', '.join(sorted(strange))}")
    update(LOCALE, everything_said(), languages)


if __name__ == "__main__":
    main(sys.argv[1:])
