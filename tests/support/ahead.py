"""A program of ours whose wall clock a test puts forward.

`python -m tests.support.ahead FILE MODULE ...`: FILE holds by how many seconds. What measures how
long something takes goes on as always, so nothing times out because a test has made it tomorrow.
"""

import runpy
import sys
from collections.abc import Iterator
from datetime import datetime, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
# Commands of these have the machine's time, as a terminal beside has it.
BESIDE = ("cli", "demo", "sandbox")


def main() -> None:
    """Run the module with its clock ahead."""
    _, file, module, *arguments = sys.argv
    _put_forward(Path(file))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _put_forward(file: Path) -> None:
    class Ahead(datetime):
        """The present is later."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            real = datetime.now(tz)
            later = real.timestamp() + float(file.read_text())
            # Codecs know the plain class alone.
            return datetime.fromtimestamp(later, tz)  # type: ignore[return-value]

    for name in _who_ask_the_clock():
        vars(import_module(name))["datetime"] = Ahead


def _who_ask_the_clock() -> Iterator[str]:
    for path in sorted((ROOT / "services").rglob("*.py")):
        place = path.relative_to(ROOT)
        if place.parts[1] not in BESIDE and "datetime.now(" in path.read_text(encoding="utf-8"):
            yield ".".join(place.with_suffix("").parts)


if __name__ == "__main__":
    main()
