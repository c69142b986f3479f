"""One item of a body, read field by field: the allow list of what may leave it (S33)."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

ID_MAX = 2**53 - 1
INSTANT_MAX = 253_402_300_799  # the last second of the year 9999
NAME_LENGTH_MAX = 64
DIGITS_MAX = len(str(ID_MAX))  # bounds the cost of `int()`

AN_ID = f"an id from 1 to {ID_MAX}"
AN_AUTHOR = f"a user id from 0 to {ID_MAX}"
AN_INSTANT = f"unix seconds from 1 to {INSTANT_MAX}"


class Unreadable(Exception):
    """A field without which the item means nothing is absent or wrong."""

    def __init__(self, names: tuple[str, ...], expected: str) -> None:
        super().__init__(names, expected)
        self.names = names
        self.expected = expected

    def __str__(self) -> str:
        return f"{bracketed(self.names)}: expected {self.expected}"


class Unread(NamedTuple):
    """An optional field that is there and says nothing: its names from the item on."""

    names: tuple[str, ...]
    expected: str
    value: object


class Item:
    """An item's fields.

    An empty text is an absent value, and so is a 0 where Kommo means nobody or never. An
    optional field that is unreadable is None and noted in `unread`, which an item shares with
    its children.
    """

    __slots__ = ("_fields", "_within", "unread")

    def __init__(
        self,
        fields: Mapping[str, object],
        within: tuple[str, ...] = (),
        unread: list[Unread] | None = None,
    ) -> None:
        self._fields = fields
        self._within = within
        self.unread: list[Unread] = [] if unread is None else unread

    def id(self, name: str) -> int:
        """Read an id.

        Raises:
            Unreadable: It is absent or no id.
        """
        number = _number(self._fields.get(name))
        if number is None or not 0 < number <= ID_MAX:
            raise Unreadable((*self._within, name), AN_ID)
        return number

    def optional_id(self, name: str) -> int | None:
        """Read an id that may be absent."""
        return self._optional(name, ID_MAX, AN_ID) or None

    def optional_author(self, name: str) -> int | None:
        """Read a user id that is 0 for robots and integrations."""
        return self._optional(name, ID_MAX, AN_AUTHOR)

    def optional_instant(self, *names: str) -> datetime | None:
        """Read unix seconds from the first of the fields that holds any."""
        for name in names:
            if seconds := self._optional(name, INSTANT_MAX, AN_INSTANT):
                return datetime.fromtimestamp(seconds, UTC)
        return None

    def latest_instant(self, *names: str) -> datetime | None:
        """Read unix seconds from all of the fields, which Kommo fills alike: the latest."""
        found = (self.optional_instant(name) for name in names)
        return max((at for at in found if at is not None), default=None)

    def optional_text(self, *names: str) -> str | None:
        """Read the first of the fields that holds a text, without complaint."""
        for name in names:
            value = self._fields.get(name)
            if isinstance(value, str) and value:
                return storable(value)
        return None

    def child(self, name: str) -> "Item":
        """Enter a subtree; an empty item when there is none."""
        value = self._fields.get(name)
        fields = value if isinstance(value, dict) else {}
        return Item(fields, (*self._within, name), self.unread)

    def children(self, name: str) -> Iterable[tuple[str, object]]:
        """List the entries of a subtree."""
        return entries(self._fields.get(name))

    def has_any(self, *names: str) -> bool:
        """Whether one of the keys is there, even with an empty value."""
        return any(name in self._fields for name in names)

    def _optional(self, name: str, most: int, expected: str) -> int | None:
        value = self._fields.get(name)
        if value is None or value == "":
            return None
        number = _number(value)
        if number is None or number > most:
            self.unread.append(Unread((*self._within, name), expected, value))
            return None
        return number


def entries(node: object) -> Iterable[tuple[str, object]]:
    """List the entries of a subtree, whether it came with indexes or as a JSON list."""
    if isinstance(node, dict):
        return node.items()
    if isinstance(node, list):
        return ((str(index), value) for index, value in enumerate(node))
    return ()


def bracketed(names: tuple[str, ...]) -> str:
    """Write names as a key of a form, each cut to a bounded length."""
    head, *rest = (storable(name[:NAME_LENGTH_MAX]) for name in names or ("",))
    return head + "".join(f"[{name}]" for name in rest)


def json_text(node: object) -> str:
    """Write a subtree as JSON in ASCII."""
    try:
        return json.dumps(node)
    except RecursionError:
        return '"nested too deep to be shown"'


def storable(text: str) -> str:
    """Replace what PostgreSQL and UTF-8 refuse: NUL and halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(value: object) -> int | None:
    # Neither a sign nor a space nor a foreign digit, all of which `int()` would take.
    if isinstance(value, str) and len(value) <= DIGITS_MAX and value.isascii() and value.isdigit():
        return int(value)
    return None
