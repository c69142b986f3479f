"""The archive of a widget, as it would be uploaded."""

import mimetypes
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


class NoArchive(Exception):
    """What was given is no archive of a widget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetArchive:
    """Its files by path, and what its manifest says."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The version, by which everything of it is cached."""
        return str(self.manifest["widget"]["version"])

    @property
    def locations(self) -> tuple[str, ...]:
        """Where it wants to be loaded."""
        return tuple(self.manifest["locations"])

    def language(self, wanted: str) -> str:
        """The language to speak to somebody: theirs if it is there, else the first."""
        offered: list[str] = self.manifest["widget"]["locale"]
        return wanted if wanted in offered else offered[0]

    def name(self, language: str) -> str:
        """What Kommo calls it to whoever speaks a language that it has."""
        words = orjson.loads(self.files[f"i18n/{language}.json"])
        return str(words["widget"]["name"])


def opened(path: Path) -> WidgetArchive:
    """Read an archive.

    Raises:
        NoArchive: It cannot be read, or has no manifest at its root.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = {each: archive.read(each) for each in archive.namelist()}
        return WidgetArchive(files=files, manifest=orjson.loads(files["manifest.json"]))
    except (OSError, KeyError, zipfile.BadZipFile, orjson.JSONDecodeError) as error:
        raise NoArchive(f"{path} is no archive of a widget: {error}") from error


def media_type(path: str) -> str:
    """What a file is, by its name."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"
