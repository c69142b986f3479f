"""Processes that others started, as the kernel tells of them."""

from pathlib import Path

PROC = Path("/proc")
ENDED = frozenset("ZX")


def descendants(pid: int) -> set[int]:
    """Whoever was started by a process, by those, and so on."""
    parents = {each: stat[1] for each, stat in _stats().items()}
    found: set[int] = set()
    while more := {each for each, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def running(pids: set[int]) -> set[int]:
    """Those of them that have not ended; one that nobody has waited for yet has."""
    return {each for each, stat in _stats().items() if each in pids and stat[0] not in ENDED}


def _stats() -> dict[int, tuple[str, int]]:
    """State and parent of every process."""
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended meanwhile
        found[int(path.parent.name)] = (state, int(parent))
    return found
