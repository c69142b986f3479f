"""What came into JavaScript after ES2017, which is all that Kommo's own sample relies on."""

import re
from collections.abc import Callable

from tree_sitter import Node

from services.widget.checking.syntax import part, text

# Kinds of node that there were none of in ES2017.
NEW = {
    "optional_chain": "an optional chain (?.)",
    "field_definition": "a field of a class",
    "private_property_identifier": "a private name (#)",
    "class_static_block": "a static block",
    "import_statement": "import, and is no module",
    "export_statement": "export, and is no module",
}
OPERATORS = ("??", "??=", "||=", "&&=")
_NEW_PATTERN = re.compile(r"\(\?<|\\p\{|\\k<")
_NEW_FLAGS = re.compile("[sdv]")


def later_than_es2017(node: Node) -> str | None:
    """What it is, in words; None if it is of ES2017."""
    if (name := NEW.get(node.type)) is not None:
        return name
    tests = FORMS.get(node.type, ())
    return next((said for is_new, said in tests if is_new(node)), None)


def _in(node: Node, kind: str) -> bool:
    return node.parent is not None and node.parent.type == kind


def _has_new_operator(node: Node) -> bool:
    return part(node, "operator") in OPERATORS


def _is_asynchronous_generator(node: Node) -> bool:
    return {"async", "*"} <= {child.type for child in node.children}


def _has_new_number(node: Node) -> bool:
    written = text(node).lower()
    return "_" in written or (written.endswith("n") and not written.startswith("0x"))


Forms = tuple[tuple[Callable[[Node], bool], str], ...]
_OPERATOR: Forms = ((_has_new_operator, "one of the operators ??, ??=, ||=, &&="),)
_GENERATOR: Forms = ((_is_asynchronous_generator, "an asynchronous generator"),)
# New uses of kinds of node that are old.
FORMS: dict[str, Forms] = {
    "spread_element": ((lambda node: _in(node, "object"), "a spread in an object"),),
    "rest_pattern": ((lambda node: _in(node, "object_pattern"), "a rest in an object"),),
    "binary_expression": _OPERATOR,
    "augmented_assignment_expression": _OPERATOR,
    "generator_function": _GENERATOR,
    "generator_function_declaration": _GENERATOR,
    "method_definition": _GENERATOR,
    "catch_clause": (
        (lambda node: node.child_by_field_name("parameter") is None, "a catch without a name"),
    ),
    "for_in_statement": (
        (lambda node: any(each.type == "await" for each in node.children), "a loop that awaits"),
    ),
    "number": ((_has_new_number, "a number with _ or n"),),
    "regex_pattern": (
        (
            lambda node: _NEW_PATTERN.search(text(node)) is not None,
            "a pattern with a named group, a look behind or a class of Unicode",
        ),
    ),
    "regex_flags": (
        (lambda node: _NEW_FLAGS.search(text(node)) is not None, "a pattern with flag s, d or v"),
    ),
    "call_expression": ((lambda node: part(node, "function") == "import", "import()"),),
}
