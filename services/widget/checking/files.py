"""How the archive is packed: what lies in it, how it is written, and that all of it is used."""

import posixpath
import re

from services.widget.checking.bundle import TEXT_ENDINGS, CheckedArchive

BOM = b"\xef\xbb\xbf"
REQUIRED = ("manifest.json", "script.js", "style.css")
# A name of a file as scripts, styles and templates give it, whatever stands around it.
_NAMED = re.compile(r"[\w./-]+\.[a-z0-9]+")


def check_files(bundle: CheckedArchive) -> None:
    """Files at the root, nothing hidden or left over, plain UTF-8, everything used."""
    for path in REQUIRED:
        if path not in bundle.files and path != "manifest.json":
            bundle.refuse(path, "is missing, or not at the root of the archive")
    for path in bundle.files:
        _check_name(bundle, path)
        if path.endswith(TEXT_ENDINGS):
            _check_text(bundle, path)
    for path in sorted(set(bundle.files) - _used(bundle)):
        bundle.refuse(path, "is used by nothing in the archive: leave it out")


def _check_name(bundle: CheckedArchive, path: str) -> None:
    parts = path.split("/")
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        bundle.refuse(path, "is hidden, or left by a file manager: leave it out")
    if path.endswith(".map"):
        bundle.refuse(path, "is a source map: leave it out")
    if path.startswith("/") or ".." in parts or "\\" in path:
        bundle.refuse(path, "has a path that leads out of the archive")


def _check_text(bundle: CheckedArchive, path: str) -> None:
    content = bundle.files[path]
    if content.startswith(BOM):
        bundle.refuse(path, "begins with a byte order mark: save it as UTF-8 without one")
    if b"\r" in content:
        bundle.refuse(path, "has line ends of Windows: save it with LF")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        bundle.refuse(path, f"is not UTF-8 at byte {error.start}")


def _used(bundle: CheckedArchive) -> set[str]:
    """What Kommo itself asks for, and what that names in turn."""
    used = {path for path in bundle.files if _kommo_asks_for(path)}
    waiting = sorted(used)
    while waiting:
        path = waiting.pop()
        if not path.endswith(TEXT_ENDINGS):
            continue
        for name in _NAMED.findall(bundle.text(path)):
            for found in (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), name)),
                posixpath.normpath(name.lstrip("/")),
            ):
                if found in bundle.files and found not in used:
                    used.add(found)
                    waiting.append(found)
    return used


def _kommo_asks_for(path: str) -> bool:
    return (
        path in REQUIRED
        or (path.startswith("i18n/") and path.endswith(".json"))
        or (path.startswith("images/logo") and path.endswith(".png"))
    )
