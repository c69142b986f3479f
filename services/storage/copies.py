"""Tells a data folder from a copy of it that was put in its place: a backup that is restored (F79).

A copy has the same bytes, but its files have other inodes, or at least another time of change.
`PG_VERSION` is made with the cluster and never written again, so it stands for the folder.
"""

from pathlib import Path

from services.shared.private_files import write_private

MARK = "origin"


def is_copy(data_folder: Path) -> bool:
    """Whether the folder is not the one that was marked; False if none was marked yet."""
    try:
        marked = (data_folder / MARK).read_text("ascii")
    except FileNotFoundError:
        return False
    return marked != _identity(data_folder)


def mark(data_folder: Path) -> None:
    """Mark the folder as no copy."""
    write_private(data_folder / MARK, _identity(data_folder))


def _identity(data_folder: Path) -> str:
    of = (data_folder / "postgres" / "PG_VERSION").stat()
    return f"inode {of.st_ino}, changed at {of.st_ctime_ns}\n"
