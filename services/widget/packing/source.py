"""What the archive is made of, as it lies in `services/widget/archive`.

A file named `NAME.private.EXT` or `NAME.public.EXT` goes into that build alone, as `NAME.EXT`.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

Build = Literal["private", "public"]
# Kommo's names. What is published must hold no Cyrillic.
LOCALES: dict[Build, tuple[str, ...]] = {
    "private": ("en", "es", "pt", "ru"),
    "public": ("en", "es", "pt"),
}
_VARIANT = re.compile(r"^(?P<name>.+)\.(?P<build>private|public)(?P<ending>\.[a-z]+)$")


def sources(build: Build) -> dict[str, bytes]:
    """The files of a build by their path in the archive, sorted."""
    found = {
        path: content
        for source, content in _all(files("services.widget") / "archive", "")
        if (path := _path_in(source, build)) is not None
    }
    return dict(sorted(found.items()))


def _all(folder: Traversable, at: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _all(entry, f"{at}{entry.name}/")
        else:
            yield f"{at}{entry.name}", entry.read_bytes()


def _path_in(source: str, build: Build) -> str | None:
    folder, _, name = source.rpartition("/")
    if folder == "i18n" and name.partition(".")[0] not in LOCALES[build]:
        return None
    variant = _VARIANT.match(source)
    if variant is None:
        return source
    return variant["name"] + variant["ending"] if variant["build"] == build else None
