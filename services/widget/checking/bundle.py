"""An archive as it is checked: its files, its manifest, its texts, and what was found wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from zipfile import BadZipFile, ZipFile

Build = Literal["private", "public"]

ARCHIVE_BYTES_MAX = 20 * 1024 * 1024
FILES_MAX = 500
TEXT_ENDINGS = (".json", ".js", ".css", ".twig", ".html", ".svg", ".txt", ".md")


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """Something that Kommo would refuse, or that would break there.

    Attributes:
        place: The file in the archive, with a line where there is one: `js/card.js:12`.
        said: What is wrong, and what is expected.
    """

    place: str
    said: str


@dataclass(slots=True)
class CheckedArchive:
    """What is in the archive, and what was found.

    Attributes:
        build: For one account, or for everybody; moderation looks at the latter alone.
        files: Content by path, as packed.
        manifest: `{}` when there is none that could be read.
        texts: Of each `i18n/LOCALE.json` the texts by dotted path.
    """

    build: Build
    files: Mapping[str, bytes]
    manifest: dict[str, Any]
    texts: dict[str, dict[str, str]]
    findings: list[Breach] = field(default_factory=list)

    def refuse(self, place: str, said: str) -> None:
        """Note something that is wrong."""
        self.findings.append(Breach(place, said))

    def text(self, path: str) -> str:
        """A file's text; what is not UTF-8 in it is told elsewhere."""
        return self.files[path].decode("utf-8", "replace")


class NotAnArchiveError(Exception):
    """The file cannot be opened as a zip, or holds too much."""


def opened(path: str, *, is_public: bool = False) -> CheckedArchive:
    """Read the archive at a path.

    Args:
        path: The zip.
        is_public: Whether it is to be published; else that is told by its locations, since
            `everywhere` is for private widgets only.

    Raises:
        NotAnArchiveError: It is none, or too large.
    """
    files = _files(path)
    bundle = CheckedArchive("public", files, {}, {})
    bundle.manifest = _json(bundle, "manifest.json")
    for name in files:
        if name.startswith("i18n/") and name.endswith(".json"):
            bundle.texts[name[5:-5]] = dict(_flat(bundle, name, _json(bundle, name)))
    locations = bundle.manifest.get("locations")
    if not is_public and isinstance(locations, list) and "everywhere" in locations:
        bundle.build = "private"
    return bundle


def _files(path: str) -> dict[str, bytes]:
    try:
        with ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            size = sum(entry.file_size for entry in entries)
            if size > ARCHIVE_BYTES_MAX or len(entries) > FILES_MAX:
                most = f"{FILES_MAX} files and {ARCHIVE_BYTES_MAX // 1024 // 1024} MiB"
                raise NotAnArchiveError(f"it holds more than {most}, which no widget needs")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise NotAnArchiveError(f"it cannot be opened as a zip: {error}") from error


def _json(bundle: CheckedArchive, path: str) -> dict[str, Any]:
    if path not in bundle.files:
        bundle.refuse(path, "is missing, or not at the root of the archive")
        return {}
    try:
        found = json.loads(bundle.files[path])
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        bundle.refuse(path, f"is not JSON: {error}")
        return {}
    if not isinstance(found, dict):
        bundle.refuse(path, "is not an object")
        return {}
    return found


def _flat(
    bundle: CheckedArchive, path: str, tree: Mapping[str, Any], above: str = ""
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        dotted = f"{above}{key}"
        if isinstance(value, dict):
            found += _flat(bundle, path, value, f"{dotted}.")
        elif isinstance(value, str):
            found.append((dotted, value))
        else:
            bundle.refuse(path, f"{dotted} is neither a text nor an object of texts")
    return found
