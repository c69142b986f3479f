"""What reaches the terminal of a person."""

import io

import pytest
import typer

from services.cli import output
from services.cli.output import fail, say, show_progress
from services.logs import printable

STEERING = "\x1b[2J\x9b1m\x07\rname \u202e\u2066\udcff"


def test_S20_nothing_said_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one {STEERING}\ntwo :warning: [bold]")
    with pytest.raises(typer.Exit):
        fail(STEERING)

    said = capsys.readouterr()
    shown = r"\u001b[2J\u009b1m\u0007\u000dname \u202e\u2066\udcff"
    assert said.out == f"one {shown}\ntwo :warning: [bold]\n"
    assert said.err == f"error: {shown}\n"


def test_S20_text_of_several_lines_keeps_them() -> None:
    assert printable("a\n\tb\x1b") == "a\n\tb\\u001b"


def test_progress_is_written_over_and_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal, expected in ((True, "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[K"), (False, "")):
        console = output.Console(file=io.StringIO(), force_terminal=is_terminal)
        monkeypatch.setattr(output, "err", console)
        for text in ("1 of 2", "2 of 2", ""):
            show_progress(text)
        assert console.file.getvalue() == expected  # type: ignore[attr-defined]  # what was given
