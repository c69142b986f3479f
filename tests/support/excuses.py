"""Calls of independent clients that the sandbox does not serve, as the documentation tells."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"
_ROW = re.compile(
    r"^\| `(?P<client>[\w-]+)` \| `(?P<call>[\w.]+)` \| (?P<reason>[^|]{10,}) \|$", re.MULTILINE
)


def excused(client: str) -> dict[str, str]:
    """The calls of a client that are excused there, each with its reason."""
    text = PAGE.read_text(encoding="utf-8")
    return {row["call"]: row["reason"] for row in _ROW.finditer(text) if row["client"] == client}
