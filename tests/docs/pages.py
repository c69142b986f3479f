"""The pages that people read, and what they name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
]
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A file or folder of the repository, or something in one: `domain/decide.py::decide`.
PLACE = re.compile(
    r"(?:contracts|deploy|docs|domain|projections|services|tests)/[\w./-]*(?:::[\w.]+)?"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    """The page for a test's id."""
    return str(page.relative_to(ROOT))


def prose(text: str) -> str:
    """The page without its blocks of code."""
    return BLOCK.sub("", text)


def blocks(text: str, language: str) -> Iterator[str]:
    """The blocks of code in one language."""
    for found, body in BLOCK.findall(text):
        if found == language:
            yield body


def places(text: str) -> list[str]:
    """The files, folders and names in the code that the page names."""
    return [code for code in CODE.findall(prose(text)) if PLACE.fullmatch(code)]


def is_there(place: str) -> bool:
    """Whether the file or folder exists, and has what is named in it."""
    path, _, name = place.partition("::")
    if not (ROOT / path).exists():
        return False
    return not name or name in _defined(ROOT / path)


@cache
def _defined(file: Path) -> frozenset[str]:
    """Functions and classes of a module, methods as `Class.method`."""
    found = []
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node.name)
        if isinstance(node, ast.ClassDef):
            found += [
                f"{node.name}.{method.name}"
                for method in node.body
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
    return frozenset(found)


def rows_of(table: str) -> list[list[str]]:
    """The cells of every row of the Markdown tables in a text, heads left out."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    ruled = [number for number, line in enumerate(lines) if set(line) <= set("|-: ")]
    heads = {number - 1 for number in ruled} | set(ruled)
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for number, line in enumerate(lines)
        if number not in heads
    ]
