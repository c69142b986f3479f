"""Scripts and styles as trees, by the parsers that editors use."""

from collections.abc import Iterator

import tree_sitter_css
import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

from services.widget.checking.bundle import CheckedArchive

SCRIPT = Parser(Language(tree_sitter_javascript.language()))
STYLE = Parser(Language(tree_sitter_css.language()))


def nodes(top: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


def above(node: Node) -> Iterator[Node]:
    """What it stands in, from the inside out."""
    outer = node.parent
    while outer is not None:
        yield outer
        outer = outer.parent


def text(node: Node | None) -> str:
    """As it stands in the file; empty for what is not there."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def part(node: Node, field: str) -> str:
    """The text of one field of it."""
    return text(node.child_by_field_name(field))


def place(path: str, node: Node) -> str:
    """Where it is, for people."""
    return f"{path}:{node.start_point[0] + 1}"


def parsed(bundle: CheckedArchive, path: str, parser: Parser, language: str) -> Node | None:
    """The tree of a file; None, and a finding, if it cannot be read."""
    top = parser.parse(bundle.files[path]).root_node
    if not top.has_error:
        return top
    wrong = next((node for node in nodes(top) if node.is_error or node.is_missing), top)
    bundle.refuse(place(path, wrong), f"is not {language} that can be parsed")
    return None
