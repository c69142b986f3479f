"""What stays up until Ctrl-C, as somebody has it who tries the API or the console."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

STANDS_WITHIN_S = 480.0
ENDS_WITHIN_S = 60.0
EXPORT = re.compile(r"^export (FAIRLEAD_\w+)=(\S+)$")


@dataclass(frozen=True, slots=True)
class KeptDemo:
    """One that stands.

    Attributes:
        exports: What it told to export.
        printed: All that it printed up to there.
    """

    process: subprocess.Popen[str]
    exports: dict[str, str]
    printed: str

    @property
    def environment(self) -> dict[str, str]:
        """A shell's, after the exports."""
        return {**os.environ, **self.exports}

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(ENDS_WITHIN_S)


@contextmanager
def kept_demo(leads: int) -> Iterator[KeptDemo]:
    """`make demo KEEP=1` with so many leads, once it says what to export."""
    with tempfile.TemporaryDirectory(prefix="fairlead-kept-") as folder:
        command = ("demo", "--stay", f"--leads={leads}", f"--report={Path(folder) / 'r.html'}")
        with standing(*command, last="docs/how-to/api.md") as kept:
            yield kept


@contextmanager
def standing(*command: str, last: str) -> Iterator[KeptDemo]:
    """A command that stays up, once it has printed what stands in its last line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
    )
    patience = Timer(STANDS_WITHIN_S, process.kill)
    patience.start()
    try:
        yield _stands(process, patience, last)
    finally:
        patience.cancel()
        if process.poll() is None:
            process.terminate()
            process.wait(ENDS_WITHIN_S)
        assert process.stdout is not None
        process.stdout.close()


def _stands(process: subprocess.Popen[str], patience: Timer, last: str) -> KeptDemo:
    assert process.stdout is not None
    exports: dict[str, str] = {}
    printed = []
    for line in process.stdout:
        printed.append(line)
        if found := EXPORT.match(line.strip()):
            exports[found[1]] = found[2]
        if last in line:
            patience.cancel()
            return KeptDemo(process, exports, "".join(printed))
    raise AssertionError(f"it ended with {process.wait()}:\n{''.join(printed)}")
