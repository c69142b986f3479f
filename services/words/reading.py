"""Reads the files of the catalogue as `make words` writes them, in 5 ms.

Babel, which writes them, needs an eighth of a second to be imported and to read one: too long for
a command. A test has both read the same.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import c2py
from pathlib import Path

import orjson

LINE = re.compile(r'(?:(msgid|msgid_plural|msgstr)(?:\[\d\])? )?(".*")')
PLURAL = re.compile(r"plural=(.*);")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one language says.

    Attributes:
        forms: By id; several where a count decides, none of them empty.
        plural: Which form goes with a count.
    """

    forms: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]


def read(file: Path) -> Spoken:
    """A file of the catalogue; what is empty, or has to be looked at, is left out."""
    forms: dict[str, tuple[str, ...]] = {}
    for entry in file.read_text(encoding="utf-8").split("\n\n"):
        texts = _texts(entry)
        if texts and "#, fuzzy" not in entry and all(texts["msgstr"]):
            forms["".join(texts["msgid"])] = tuple(texts["msgstr"])
    found = PLURAL.search("".join(forms.pop("", ())))
    return Spoken(forms, c2py(found[1] if found is not None else "n != 1"))


def _texts(entry: str) -> dict[str, list[str]]:
    """The texts of an entry by keyword; a text may go on in further lines."""
    texts: dict[str, list[str]] = {}
    keyword = ""
    for line in entry.splitlines():
        if (found := LINE.fullmatch(line)) is None:  # a comment
            continue
        # The escapes are those of JSON.
        text = orjson.loads(found[2])
        if found[1]:
            keyword = found[1]
            texts.setdefault(keyword, []).append(text)
        else:
            texts[keyword][-1] += text
    return texts
