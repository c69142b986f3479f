"""YAML to plain data and back, with the place of every key and value.

The constructor of the library is not used: it would send decimals through binary floats, build
whatever a tag asks for, and forget where things stood. Its node tree is walked instead.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scanner import RoundTripScanner

from contracts.sentences import Sentence, sentence

Path = tuple[str | int, ...]

TEXT_BYTES_MAX = 512 * 1_024
NODES_MAX = 200_000  # anchors can name the same list a million times
DEPTH_MAX = 20  # the rules need 7
BRACKETS_MAX = 100
LINE_CHARS_MAX = 200

_TAG = "tag:yaml.org,2002:"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INTEGER = re.compile(r"[-+]?\d{1,40}")
_NUMBER = re.compile(r"[-+]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][-+]?\d{1,3})?")
_PLAIN_TAGS = frozenset(
    _TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
)


class Place(NamedTuple):
    """Where something stands, counted from 1 as editors do."""

    line: int
    column: int


START = Place(1, 1)


class Flaw(NamedTuple):
    """Something wrong with the YAML as such."""

    place: Place
    path: Path
    found: Sentence


@dataclass(slots=True)
class Document:
    """A file as plain data.

    Attributes:
        data: Dicts with text keys, lists, texts, ints, Decimals, bools, dates, None.
        keys: Where the key (or the dash) of each path stands.
        values: Where the value of each path stands.
        spellings: The scalar of each path as it was written, without quotes.
        flaws: Repeated keys and the like; the data holds what can be used.
    """

    data: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    spellings: dict[Path, str] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Where a person should look: the value if it is on the key's line, else the key."""
        while path not in self.keys and path:
            path = path[:-1]
        key, value = self.keys.get(path, START), self.values.get(path, START)
        return value if value.line == key.line else key

    def at(self, path: Path) -> Any:  # noqa: ANN401  # any YAML
        """The data at a path; None where there is none."""
        return descend(self.data, path)


def has(data: Any, step: str | int) -> bool:  # noqa: ANN401  # any YAML
    """Whether a dict has the name, or a list the position."""
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def descend(data: Any, path: Path) -> Any:  # noqa: ANN401  # any YAML
    """What is found at a path; None where there is nothing."""
    for step in path:
        if not has(data, step):
            return None
        data = data[step]
    return data


def read(text: str | bytes) -> Document:
    """Read YAML (JSON is YAML too); what is wrong with it is in the flaws."""
    if len(text) > TEXT_BYTES_MAX:
        return _flawed(START, sentence("yaml.too_large", kib=TEXT_BYTES_MAX // 1_024))
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return _flawed(Place(line, 1), sentence("yaml.not_utf8"))
    try:
        yaml = YAML(typ="rt", pure=True)
        yaml.Scanner = _Scanner
        root = yaml.compose(decoded.removeprefix("\ufeff"))
    except MarkedYAMLError as error:
        return _flawed(_place_of_error(error), _told(error, decoded))
    except (YAMLError, RecursionError, ValueError) as error:
        return _flawed(*_unreadable(error, decoded))
    return _Builder().document_of(root)


def with_dates(data: Any) -> Any:  # noqa: ANN401  # any data
    """JSON data with dates where a text is one, as they are in YAML."""
    if isinstance(data, Mapping):
        return {key: with_dates(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [with_dates(value) for value in data]
    return _scalar("str", data) if isinstance(data, str) else data


def laid_out(data: Mapping[str, Any]) -> Document:
    """What `read` finds in the text that `write` makes of data, without the text.

    Places tell the order alone: each value has a line of its own.
    """
    document = Document()
    document.data = _laid_out(data, (), document)
    return document


def _laid_out(value: Any, path: Path, document: Document) -> Any:  # noqa: ANN401  # any data
    place = Place(len(document.values) + 1, 1)
    document.values[path] = place
    document.keys[path] = place
    if isinstance(value, Mapping):
        return {key: _laid_out(each, (*path, key), document) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_laid_out(each, (*path, n), document) for n, each in enumerate(value)]
    kind, text = _written(value)
    document.spellings[path] = text
    return _scalar(kind, text)


def _written(value: Any) -> tuple[str, str]:  # noqa: ANN401  # any scalar
    """As what, and how, a scalar is written."""
    match value:
        case bool():
            return "bool", str(value).lower()
        case int():
            return "int", str(value)
        case Decimal():
            return "float", f"{value:f}"
        case date():  # a datetime is one, too
            return "timestamp", value.isoformat()
        case None:
            return "null", ""
        case _:
            return "str", str(value)


def write(data: Mapping[str, Any]) -> str:
    """Plain data as YAML in the order given; lists of texts and short mappings on one line."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = _Representer
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    stream = StringIO()
    yaml.dump(_styled(data), stream)
    return stream.getvalue()


def written_scalar(value: Any, *, flow: bool = False) -> str:  # noqa: ANN401  # any scalar
    """One value as it stands behind its name, or inside of brackets, on one line."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = _Representer
    yaml.width = TEXT_BYTES_MAX
    yaml.default_flow_style = flow
    stream = StringIO()
    yaml.dump([value] if flow else {"x": value}, stream)
    said = stream.getvalue().strip()
    return said[1:-1] if flow else said.removeprefix("x:").strip()


class _Scanner(RoundTripScanner):
    """Gives up early: of thousands of open brackets the library makes nothing in six seconds."""

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: ANN401, N803 - the library's
        if len(self.flow_context) >= BRACKETS_MAX:
            raise RecursionError
        super().fetch_flow_collection_start(TokenClass, to_push)


class _Builder:
    """Walks the nodes of one document."""

    def __init__(self) -> None:
        self.document = Document()
        self._nodes = 0

    def document_of(self, root: Node | None) -> Document:
        if root is None:
            return _flawed(START, sentence("yaml.empty"))
        self.document.data = self.build(root, (), ())
        return self.document

    def build(self, node: Node, path: Path, parents: tuple[int, ...]) -> Any:  # noqa: ANN401  # any YAML
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        self.document.values[path] = place
        self.document.keys.setdefault(path, place)
        self._nodes += 1
        if id(node) in parents:
            return self._flaw(place, path, sentence("yaml.contains_itself"))
        if len(parents) > DEPTH_MAX or self._nodes > NODES_MAX:
            return self._flaw(place, path, sentence("yaml.nested_here"))
        if str(node.tag) not in _PLAIN_TAGS:
            return self._flaw(place, path, sentence("yaml.tag", tag=str(node.tag)[:40]))
        if isinstance(node, ScalarNode):
            self.document.spellings[path] = node.value
            return _scalar(str(node.tag).removeprefix(_TAG), node.value)
        parents = (*parents, id(node))
        if isinstance(node, SequenceNode):
            return [self.build(n, (*path, i), parents) for i, n in enumerate(node.value)]
        assert isinstance(node, MappingNode), "YAML has three kinds of nodes"  # noqa: S101  # invariant
        return self._mapping(node, path, parents)

    def _mapping(self, node: MappingNode, path: Path, parents: tuple[int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                self._flaw(place, path, sentence("yaml.no_name"))
                continue
            key = str(key_node.value)
            if key in found:
                first = self.document.keys[(*path, key)]
                self._flaw(place, (*path, key), sentence("yaml.given_twice", line=first.line))
                continue
            self.document.keys[(*path, key)] = place
            found[key] = self.build(value_node, (*path, key), parents)
        return found

    def _flaw(self, place: Place, path: Path, found: Sentence) -> None:
        self.document.flaws.append(Flaw(place, path, found))


class _Representer(RoundTripRepresenter):
    """Writes exact decimals as plain numbers."""


def _decimal_node(representer: _Representer, value: Decimal) -> Node:
    text = f"{value:f}"
    return representer.represent_scalar(_TAG + ("float" if "." in text else "int"), text)


def _instant_node(representer: _Representer, value: datetime) -> Node:
    return representer.represent_scalar(_TAG + "timestamp", value.isoformat())


_Representer.add_representer(Decimal, _decimal_node)
_Representer.add_representer(datetime, _instant_node)


def _scalar(kind: str, text: str) -> Any:  # noqa: ANN401  # any scalar
    """A value of the kind the text plainly is; anything exotic stays a text, to be refused."""
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind in {"int", "float"} and _NUMBER.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) else Decimal(text)
    if kind in {"str", "timestamp"} and _DATE.fullmatch(text):
        with contextlib.suppress(ValueError):  # the 31st of February stays a text
            return date.fromisoformat(text)
    return text


def _styled(value: Any) -> Any:  # noqa: ANN401  # any data
    if isinstance(value, Mapping):
        mapping = CommentedMap((key, _styled(item)) for key, item in value.items())
        if value and all(isinstance(item, int) for item in value.values()):
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list | tuple):
        sequence = CommentedSeq(_styled(item) for item in value)
        if all(isinstance(item, str) for item in value):
            sequence.fa.set_flow_style()
        return sequence
    return value


def _flawed(place: Place, found: Sentence) -> Document:
    return Document(flaws=[Flaw(place, (), found)])


def _place_of_error(error: MarkedYAMLError) -> Place:
    mark = error.problem_mark or error.context_mark
    return START if mark is None else Place(mark.line + 1, mark.column + 1)


def _told(error: MarkedYAMLError, text: str) -> Sentence:
    problem = str(error.problem or "")
    place = _place_of_error(error)
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\\t" in problem or "\t" in line[: len(line) - len(line.lstrip())]:
        return sentence("yaml.tab")
    for sign, told in _PROBLEMS.items():
        if sign in problem:
            return told
    return sentence("yaml.unreadable", problem=problem[:LINE_CHARS_MAX])


_PROBLEMS = {
    "mapping values are not allowed": sentence("yaml.colon"),
    "could not find expected ':'": sentence("yaml.colon_missing"),
    "expected <block end>": sentence("yaml.indentation"),
    "expected the node content": sentence("yaml.value_missing"),
    "but found another document": sentence("yaml.another_document"),
    "undefined alias": sentence("yaml.alias_unknown"),
    "expected ',' or": sentence("yaml.bracket_missing"),
    "found unexpected end of stream": sentence("yaml.quote_missing"),
}


def _unreadable(error: Exception, text: str) -> tuple[Place, Sentence]:
    if isinstance(error, YAMLError):
        return _first_control_character(text), sentence("yaml.character")
    return START, sentence("yaml.nested_too_deeply")


def _first_control_character(text: str) -> Place:
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not character.isprintable() and character not in "\t\r\u00a0":
                return Place(number, column)
    return START
