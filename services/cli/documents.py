"""What a command leaves behind for other programs and for print: JSON, and pages in files."""

import json
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from pathlib import Path

from services.cli.output import fail, say, show_text


def show_json(document: object) -> None:
    """Anything made of our records, as JSON: their fields by name, instants as ISO text."""
    show_text(json.dumps(as_data(document), indent=2, ensure_ascii=False))


def write_page(path: Path, page: str) -> None:
    """A page in its file; one that cannot be written ends the command with a message."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    say(f"Written: {path}")


def as_data(value: object) -> object:
    """A value in what JSON has; keys of mappings as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_data(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(key): as_data(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_data(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
