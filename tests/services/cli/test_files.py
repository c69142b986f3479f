"""Files that a person names are read to a limit, whatever they turn out to be."""

import os
import threading
from pathlib import Path

import pytest
import typer

from services.cli import files
from services.cli.files import read
from tests.services.cli.conftest import command

LIMIT = 100_000


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/random", "/dev/urandom"])
def test_what_never_ends_is_read_to_a_limit(tmp_path: Path, device: str) -> None:
    for words in (("rules", "check", device), ("rules", "apply", device)):
        said = command(tmp_path / "none", *words)
        assert said.error == f"{device}: too long, at most 1024 KiB are read"
    said = command(tmp_path / "none", "connect", "https://acme.kommo.com", "--token-file", device)
    assert said.error == f"{device}: too long, at most 16 KiB are read"


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    assert command(tmp_path, "rules", "check", tmp_path).error == f"{tmp_path}: Is a directory"
    assert command(tmp_path, "rules", "check", "no\x1b[31mne").error == (
        "no\\u001b[31mne: No such file or directory"
    )


def test_a_pipe_that_nobody_writes_to_ends_in_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SILENT_MAX_S", 0.05)
    os.mkfifo(tmp_path / "pipe")

    said = command(tmp_path / "none", "rules", "check", tmp_path / "pipe")

    assert said.error.startswith(f"{tmp_path / 'pipe'}: nothing came for ")


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """As a shell gives one to a command: `--token-file <(...)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"x" * LIMIT,))
    writer.start()

    assert read(pipe, bytes_max=LIMIT) == b"x" * LIMIT
    writer.join()


def test_the_limit_is_the_last_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * LIMIT)

    assert len(read(file, bytes_max=LIMIT)) == LIMIT
    with pytest.raises(typer.Exit):
        read(file, bytes_max=LIMIT - 1)
