"""Prints the answers in `docs/how-to/audit.md` anew: `make answers`.

The page asks its questions of the demo's week. Its commands are run as they stand there, one after
the other, in a folder of their own; what they print takes the place of the block below. Only the
present time is left out. A test compares what is checked in.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "audit.md"
BEGIN, END = "<!-- asked of the demo's week -->", "<!-- until here -->"
BLOCK = re.compile(r"^```(?P<kind>sh|sql|text)\n(?P<body>.*?)^```\n", re.MULTILINE | re.DOTALL)
# As of when somebody looked; nothing else of an answer depends on it.
NOW = re.compile(r"as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC[+-]\d+")
THEN = "as of 2026-11-02 09:00:00 UTC+1"
COLUMNS = 118
WITHIN_S = 300


class Failed(Exception):
    """A command of the page did what the page does not say."""


def printed(page: str) -> str:
    """The page with every answer as it is now.

    Raises:
        Failed: It lacks the marks, or an answer stands below nothing.
    """
    before, begin, rest = page.partition(BEGIN)
    asked, end, after = rest.partition(END)
    if not begin or not end:
        raise Failed(f"{PAGE}: expected {BEGIN} and {END}")
    folder = Path(mkdtemp(prefix="fairlead-answers-"))
    try:
        return "".join((before, begin, *_answered(asked, folder), end, after))
    finally:
        rmtree(folder, ignore_errors=True)


def _answered(asked: str, folder: Path) -> Iterator[str]:
    at, answer = 0, None
    for block in BLOCK.finditer(asked):
        yield asked[at : block.start()]
        at = block.end()
        kind, body = block["kind"], block["body"]
        if kind == "text":
            if answer is None:
                raise Failed(f"{PAGE}: an answer stands below no command")
            yield f"```text\n{answer}```\n"
            answer = None
            continue
        answer = _run(body, folder) if kind == "sh" else _change(body, folder)
        yield block[0]
    yield asked[at:]


def _run(commands: str, folder: Path) -> str:
    """What the commands print, errors included; lines without spaces at their ends."""
    done = subprocess.run(
        ["/bin/sh", "-c", commands],
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "FAIRLEAD_DATA": str(folder / "week"),
            "COLUMNS": str(COLUMNS),
            "TERM": "dumb",
            "LANG": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
    )
    lines = (line.rstrip() for line in done.stdout.splitlines())
    return NOW.sub(THEN, "".join(f"{line}\n" for line in lines))


def _change(statement: str, folder: Path) -> str:
    """As a superuser of the database would."""
    # Half a second of imports, for one block.
    from services.runtime.installation import open_installation  # noqa: PLC0415

    async def change() -> str:
        async with open_installation(folder / "week") as installation:
            return f"{await installation.pool.execute(statement)}\n"

    return asyncio.run(change())


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
