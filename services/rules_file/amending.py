"""Other data in a text of YAML: what stays the same stays as somebody wrote it, with comments.

A comment right above a thing belongs to it, and goes where it goes. What cannot be changed in
place, such as a list on one line that gets longer, is written anew, and nothing around it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.rules_file.yaml import read, write, written_scalar
from services.shared.errors import Malformed

EMPTY = "version: 1\nrules: []\n"
# By what an entry of a list is the same one, wherever it stands.
NAMES = ("id", "manager", "field")


class Unamendable(Malformed):
    """The text is no YAML that can be changed by anything but an editor; nothing was changed."""


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


class _Chunk(NamedTuple):
    """An entry of a list with the comment above it, from the start of a line to that of another.

    Attributes:
        opens: Where the blank lines before it begin.
        start: Where it begins itself.
    """

    opens: int
    start: int
    end: int


def amended(text: str, wanted: Mapping[str, Any]) -> str:
    """The text with this data.

    Args:
        text: YAML without flaws.
        wanted: Plain data, of the kinds that `services.rules_file.yaml.read` gives.

    Raises:
        Unamendable: It has flaws, or uses what is not changed in place, such as anchors.
    """
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    text = text if text.endswith("\n") else f"{text}\n"
    document = read(text)
    if document.flaws or not isinstance(document.data, dict):
        raise Unamendable("expected YAML without flaws")
    root = YAML(typ="rt", pure=True).compose(text)
    edits = _Amender(text).edits(root, document.data, wanted)
    changed = write(wanted) if edits is None else _carried_out(text, edits)
    found = read(changed)
    if found.flaws or not same(found.data, wanted):
        raise Unamendable("expected YAML that can be changed in place")
    return changed


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any data
    """Whether data is equal, and what is true is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _carried_out(text: str, edits: Sequence[_Edit], offset: int = 0) -> str:
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[: start - offset] + replacement + text[end - offset :]
    return text


class _Amender:
    """Finds what to change in one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def edits(self, node: Node, old: Any, new: Any, *, flow: bool = False) -> list[_Edit] | None:  # noqa: ANN401
        """What to change; None where the node has to be written anew."""
        if same(old, new):
            return []
        flow = flow or bool(getattr(node, "flow_style", False))
        match node:
            case ScalarNode() if _is_scalar(new) and node.style not in {"|", ">"}:
                start, end = node.start_mark.index, node.end_mark.index
                return [_Edit(start, end, written_scalar(new, flow=flow))] if end > start else None
            case MappingNode() if isinstance(old, dict) and isinstance(new, Mapping):
                return self._flow_mapping(node, old, new) if flow else self._mapping(node, old, new)
            case SequenceNode() if isinstance(old, list) and isinstance(new, list | tuple):
                return self._flow_list(node, old, new) if flow else self._list(node, old, new)
            case _:
                return None

    def _flow_mapping(
        self, node: MappingNode, old: dict[str, Any], new: Mapping[str, Any]
    ) -> list[_Edit] | None:
        if list(old) != list(new):
            return None
        return _all(
            self.edits(value, old[key.value], new[key.value], flow=True)
            for key, value in node.value
        )

    def _flow_list(
        self, node: SequenceNode, old: list[Any], new: Sequence[Any]
    ) -> list[_Edit] | None:
        if len(old) != len(new):
            return None
        return _all(map(lambda *each: self.edits(*each, flow=True), node.value, old, new))

    def _mapping(
        self, node: MappingNode, old: dict[str, Any], new: Mapping[str, Any]
    ) -> list[_Edit] | None:
        if not any(key in new for key in old):
            return None
        column, found = node.start_mark.column, []
        for key, value in node.value:
            start, end = key.start_mark.index, self._end_of_pair(key, value)
            if key.value not in new:
                if not self._begins_line(start):
                    return None
                found.append(_Edit(self._with_comment(start), self._after_line(end), ""))
                continue
            inner = self.edits(value, old[key.value], new[key.value])
            if inner is None:
                inner = [_Edit(start, end, _pair(key.value, new[key.value], column))]
            found += inner
        added = "".join(
            f"{' ' * column}{_pair(key, new[key], column)}\n" for key in new if key not in old
        )
        at = self._after_line(self._end_of(node))
        return [*found, _Edit(at, at, added)] if added else found

    def _list(self, node: SequenceNode, old: list[Any], new: Sequence[Any]) -> list[_Edit] | None:
        column = node.start_mark.column
        dashes = [self._dash_of(item, column) for item in node.value]
        if not new or not all(map(self._begins_line, dashes)):
            return None
        chunks = self._chunks(node, dashes)
        said: list[str] = []
        for wanted, place in zip(new, _matched(old, new), strict=True):
            if place is None:
                said.append(f"{' ' * column}{_entry(wanted, column)}\n")
                continue
            chunk, item = chunks[place], node.value[place]
            inner = self.edits(item, old[place], wanted)
            if inner is None:
                inner = [_Edit(dashes[place], self._end_of(item), _entry(wanted, column))]
            said.append(_carried_out(self._text[chunk.start : chunk.end], inner, chunk.start))
        gaps = [self._text[each.opens : each.start] for each in chunks]
        gaps += [gaps[-1]] * len(said)
        text = "".join(gap + each for gap, each in zip(gaps, said, strict=False))
        return [_Edit(chunks[0].opens, chunks[-1].end, text)]

    def _chunks(self, node: SequenceNode, dashes: list[int]) -> list[_Chunk]:
        starts = [self._with_comment(dash) for dash in dashes]
        last = self._after_line(self._end_of(node))
        opens = [starts[0], *(self._with_blanks(start) for start in starts[1:])]
        ends = [*opens[1:], last]
        return [_Chunk(*each) for each in zip(opens, starts, ends, strict=True)]

    def _dash_of(self, item: Node, column: int) -> int:
        """Where the dash of an entry stands: on its line, or above it."""
        line = self._line_of(item.start_mark.index)
        while self._text[line + column : line + column + 1] != "-" and line:
            line = self._line_of(line - 1)
        return line + column

    def _end_of_pair(self, key: Node, value: Node) -> int:
        if isinstance(value, ScalarNode) and value.start_mark.index == value.end_mark.index:
            return self._text.index(":", key.end_mark.index) + 1
        return self._end_of(value)

    def _end_of(self, node: Node) -> int:
        """Behind its last character; the marks of a block are behind the comments after it."""
        if isinstance(node, MappingNode) and not node.flow_style and node.value:
            return self._end_of_pair(*node.value[-1])
        if isinstance(node, SequenceNode) and not node.flow_style and node.value:
            return self._end_of(node.value[-1])
        start: int = node.start_mark.index
        return start + len(self._text[start : node.end_mark.index].rstrip())

    def _line_of(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _after_line(self, index: int) -> int:
        return self._text.index("\n", index) + 1

    def _begins_line(self, index: int) -> bool:
        return not self._text[self._line_of(index) : index].strip()

    def _with_comment(self, index: int) -> int:
        """The line of a thing, or of the comment right above it."""
        start, column = self._line_of(index), index - self._line_of(index)
        while start:
            above = self._line_of(start - 1)
            line = self._text[above:start]
            if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) > column:
                break
            start = above
        return start

    def _with_blanks(self, start: int) -> int:
        while start:
            above = self._line_of(start - 1)
            if self._text[above:start].strip():
                break
            start = above
        return start


def _all(parts: Any) -> list[_Edit] | None:  # noqa: ANN401 - lists of edits, or None
    found: list[_Edit] = []
    for each in parts:
        if each is None:
            return None
        found += each
    return found


def _matched(old: Sequence[Any], new: Sequence[Any]) -> list[int | None]:
    """Which entry each new one was: the equal one, that of its name, else the one in its place."""
    free = dict(enumerate(old))
    found: list[int | None] = [None] * len(new)
    for is_it in (same, _is_named_alike):
        for place, wanted in enumerate(new):
            if found[place] is None:
                it = next((n for n, each in free.items() if is_it(each, wanted)), None)
                found[place] = it
                if it is not None:
                    del free[it]
    for place in range(len(new)):
        if found[place] is None and free.pop(place, None) is not None:
            found[place] = place
    return found


def _is_named_alike(one: Any, other: Any) -> bool:  # noqa: ANN401 - any data
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return False
    return any(name in one and one[name] == other.get(name) for name in NAMES)


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - any data
    return not isinstance(value, Mapping | list | tuple) and value is not None


def _pair(key: str, value: Any, column: int) -> str:  # noqa: ANN401 - any data
    if _is_scalar(value):
        return f"{written_scalar(key)}: {written_scalar(value)}"
    return _indented(write({key: value}), column)


def _entry(value: Any, column: int) -> str:  # noqa: ANN401 - any data
    if _is_scalar(value):
        return f"- {written_scalar(value)}"
    lines = write({"x": [value]}).splitlines()[1:]
    return _indented("\n".join(line[2:] for line in lines), column)


def _indented(text: str, column: int) -> str:
    return text.rstrip("\n").replace("\n", f"\n{' ' * column}")
