"""The spool's file in memory, as `SpoolFile` promises it, on a disk that outlives its process."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from services.ingress.spool_file import Item, SpooledItem, Tally
from services.shared.errors import Unavailable


class DurableSpool:
    """The disk with the spool."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, Item]] = []
        self.places = 0
        self.is_full = False
        self.on_full: Callable[[], None] = lambda: None

    def opened(self) -> "SpoolTwin":
        """The file as a process sees it."""
        return SpoolTwin(self)


class SpoolTwin:
    """One open file."""

    def __init__(self, disk: DurableSpool) -> None:
        self._disk = disk

    def append(self, queue: str, items: Sequence[Item]) -> None:
        if self._disk.is_full:
            self._disk.on_full()
            raise Unavailable("spool: SQLITE_FULL")
        for item in items:
            self._disk.places += 1
            self._disk.rows.append((self._disk.places, queue, item))

    def head(self, queue: str, *, after: int, rows_max: int, bytes_max: int) -> list[SpooledItem]:
        found: list[SpooledItem] = []
        size = 0
        for place, name, item in self._disk.rows:
            if name == queue and place > after and len(found) < rows_max:
                size += item.size
                if found and size > bytes_max:
                    break
                found.append(SpooledItem(place, item))
        return found

    def delete(self, queue: str, *, up_to: int) -> None:
        self._disk.rows = [
            row for row in self._disk.rows if not (row[1] == queue and row[0] <= up_to)
        ]

    def tallies(self) -> list[Tally]:
        counted: dict[tuple[str, int], list[Item]] = defaultdict(list)
        for _, queue, item in self._disk.rows:
            counted[queue, item.account_id].append(item)
        return [
            Tally(queue, account_id, len(items), sum(item.size for item in items))
            for (queue, account_id), items in counted.items()
        ]

    def shrink(self) -> None:
        """There is nothing to give back."""

    def close(self) -> None:
        """Nothing is held."""
