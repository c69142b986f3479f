"""What reaches the terminal of a person."""

import ast
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from services.cli.opening import complete
from services.cli.output import ask, fail, note, out, say, show_progress, show_table, show_text

ROOT = Path(__file__).parents[3]
STEERING = "\x1b[2J\x9b1m\x07\rname \u202e\u2066\u200f\udcff"
SHOWN = r"\u001b[2J\u009b1m\u0007\u000dname \u202e\u2066\u200f\udcff"
# Whoever calls these speaks to the terminal by another door.
DOORS = {"print", "echo", "secho", "confirm", "prompt", "Console", "input", "getpass"}


def test_S20_nothing_said_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one {STEERING} :warning: [bold]")
    show_text(f"one {STEERING}\ntwo")
    show_table(("who",), [(f"{STEERING} :warning: [bold]",)])
    with pytest.raises(typer.Exit):
        fail(STEERING)

    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[:3] == [f"one {SHOWN} :warning: [bold]", f"one {SHOWN}", "two"]
    assert f"{SHOWN} :warning: [bold]" in said.out.replace("\n", "")
    assert said.err == f"error: {SHOWN}\n"


def test_S20_a_line_break_in_a_name_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    name = "Ana\nDone.\u2028Done."
    say(f"{name} is paused.")
    show_table(("who",), [(name,)])
    with pytest.raises(typer.Exit):
        fail(f"{name} is unknown", "second line")

    said = capsys.readouterr()
    assert said.out.startswith("Ana\\u000aDone.\\u2028Done. is paused.\n")
    assert [line for line in said.out.splitlines() if line.startswith("Done.")] == []
    assert said.err == "error: Ana\\u000aDone.\\u2028Done. is unknown\nsecond line\n"


def test_S20_a_question_is_one_harmless_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    assert ask(f"Hand over the leads of {STEERING}\nAna?")
    assert capsys.readouterr().out == f"Hand over the leads of {SHOWN}\\u000aAna? [y/N]: "


@pytest.mark.parametrize(
    "speak",
    [
        lambda: say("a line"),
        lambda: show_text("two\nlines"),
        lambda: show_table(("column",), [("cell",)]),
        lambda: note("beside it"),
        lambda: fail("what went wrong"),
    ],
    ids=["line", "text", "table", "note", "error"],
)
def test_a_command_that_nobody_reads_any_more_ends_without_a_word(
    speak: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, written = os.pipe()
    os.close(read)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, os.fdopen(os.dup(written), "w"))
    os.close(written)

    async def work() -> None:
        speak()

    with pytest.raises(typer.Exit) as ended:
        complete(work())

    assert ended.value.exit_code == 141
    sys.stdout.write("what was left\n")
    sys.stdout.close()
    sys.stderr.close()
    # The program has ended: whoever comes next has a console of their own, with nothing left in it.
    out.cache_clear()


def test_S20_commands_have_one_door_to_the_terminal() -> None:
    others = [p for p in sorted((ROOT / "services/cli").rglob("*.py")) if p.name != "output.py"]
    found = [
        f"{path.name}:{node.lineno}"
        for path in others
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name | ast.Attribute) and named(node) in DOORS
    ]

    assert len(others) > 5
    assert found == []


def named(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def test_progress_is_written_over_and_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal, expected in ((True, "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[K"), (False, "")):
        terminal = io.StringIO()
        monkeypatch.setattr(terminal, "isatty", lambda answer=is_terminal: answer)
        monkeypatch.setattr(sys, "stderr", terminal)
        for text in ("1 of 2", "2 of 2", ""):
            show_progress(text)
        assert terminal.getvalue() == expected
