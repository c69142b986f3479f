"""What a script declares: an assignment to anything else makes a global."""

from collections.abc import Iterator

from tree_sitter import Node

from services.widget.checking.syntax import nodes, text

NAMED = ("function_declaration", "generator_function_declaration", "class_declaration")


def declared(top: Node) -> set[str]:
    """Every name that is declared anywhere in it; which scope sees which is not told apart."""
    return {text(name) for node in nodes(top) for name in _names(node)}


def _names(node: Node) -> Iterator[Node]:
    if node.type in NAMED or node.type == "function_expression":
        yield from _bound(node.child_by_field_name("name"))
    if node.type == "variable_declarator":
        yield from _bound(node.child_by_field_name("name"))
    if node.type == "formal_parameters":
        for parameter in node.named_children:
            yield from _bound(parameter)
    if node.type in ("arrow_function", "catch_clause"):
        yield from _bound(node.child_by_field_name("parameter"))
    if node.type == "for_in_statement" and node.child_by_field_name("kind") is not None:
        yield from _bound(node.child_by_field_name("left"))


def _bound(pattern: Node | None) -> Iterator[Node]:
    """The names that a pattern binds: `a`, `{a, b: c}`, `[a, ...b]`, `a = 1`."""
    if pattern is None:
        return
    if pattern.type in ("identifier", "shorthand_property_identifier_pattern"):
        yield pattern
    elif pattern.type in ("assignment_pattern", "object_assignment_pattern"):
        yield from _bound(pattern.child_by_field_name("left"))
    elif pattern.type == "pair_pattern":
        yield from _bound(pattern.child_by_field_name("value"))
    else:
        for child in pattern.named_children:
            yield from _bound(child)
