"""What lies in a data folder is its owner's alone: leads, tokens and keys are in there."""

import os
from pathlib import Path

OWNER_ONLY = 0o600
OTHERS = 0o077


def private(path: str, flags: int) -> int:
    """An opener for `open`: a new file is nobody else's, whatever the umask."""
    return os.open(path, flags, OWNER_ONLY)


def write_private(path: Path, text: str) -> None:
    """Write a text that nobody else reads, into a file of before as well."""
    with open(path, "w", encoding="utf-8", opener=private) as file:
        os.fchmod(file.fileno(), OWNER_ONLY)
        file.write(text)


def make_private(folder: Path, *, passing_group: int | None = None) -> None:
    """Close a folder and the files in it to all others, also those that were made before.

    Args:
        folder: Made if missing.
        passing_group: May pass through to what is its own in there, and list nothing.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = 0o700 if passing_group is None else 0o710
    found = folder.stat()
    if passing_group is not None and found.st_gid != passing_group:
        os.chown(folder, -1, passing_group)
    if found.st_mode & 0o777 != wanted:
        folder.chmod(wanted)
    for file in folder.iterdir():
        is_ours = file.is_file() and not file.is_symlink()
        if is_ours and file.stat().st_mode & OTHERS:
            file.chmod(OWNER_ONLY)
