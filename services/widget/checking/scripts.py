"""Scripts: modules of ES2017 that leave the page alone, as moderation reads them."""

import re
from collections.abc import Callable

from tree_sitter import Node

from services.widget.checking.bundle import CheckedArchive
from services.widget.checking.later import later_than_es2017
from services.widget.checking.names import declared
from services.widget.checking.syntax import SCRIPT, above, nodes, parsed, part, place, text

MAIN = "script.js"
CONSTANTS = "js/constants.js"
CALLBACKS = (
    "render",
    "init",
    "bind_actions",
    "settings",
    "onSave",
    "dpSettings",
    "advancedSettings",
    "destroy",
)
LINE_MAX = 300
DIALOGS = ("alert", "confirm", "prompt")
HTML_SINKS = ("innerHTML", "outerHTML")
ASKS = re.compile(r"(^|\.)(\$authorizedAjax|ajax|getJSON|crm_post|fetch)$")
LOOPS = ("for_statement", "for_in_statement", "while_statement", "do_statement")
EACH = re.compile(r"\.(forEach|map|each|filter|some|every|reduce)$")
FUNCTIONS = ("function_expression", "arrow_function")
_HOST = re.compile(r"https?://|^//\w")
_STATEMENT_END = re.compile(r"[;{}]\s*$")


def check_scripts(bundle: CheckedArchive) -> None:
    """Every script by itself; then that the main one has all that Kommo calls."""
    for path in sorted(path for path in bundle.files if path.endswith(".js")):
        top = parsed(bundle, path, SCRIPT, "JavaScript")
        if top is None:
            continue
        _check_module(bundle, path, top)
        _check_lines(bundle, path)
        known = declared(top)
        for node in nodes(top):
            if (said := later_than_es2017(node)) is not None:
                bundle.refuse(place(path, node), f"has {said}, which is later than ES2017")
            if (check := CHECKS.get(node.type)) is not None:
                check(bundle, path, node)
            _check_global(bundle, path, node, known)
        if path == MAIN:
            _check_callbacks(bundle, top)


def _check_module(bundle: CheckedArchive, path: str, top: Node) -> None:
    statements = [child for child in top.named_children if child.type != "comment"]
    first = statements[0].named_children[0] if statements and statements[0].named_children else None
    is_define = first is not None and part(first, "function") == "define"
    if len(statements) != 1 or not is_define:
        bundle.refuse(path, "is not one call of define(...), and nothing beside it")


def _check_lines(bundle: CheckedArchive, path: str) -> None:
    for number, line in enumerate(bundle.text(path).splitlines(), start=1):
        if len(line) > LINE_MAX:
            bundle.refuse(f"{path}:{number}", f"has over {LINE_MAX} characters: do not minify")


def _check_global(bundle: CheckedArchive, path: str, node: Node, known: set[str]) -> None:
    if node.type not in ("assignment_expression", "augmented_assignment_expression"):
        return
    left = node.child_by_field_name("left")
    if left is None:
        return
    if left.type == "identifier" and text(left) not in known:
        bundle.refuse(place(path, node), f"makes a global of {text(left)}")
    if left.type == "member_expression":
        whole, name = part(left, "object"), part(left, "property")
        if whole in ("window", "globalThis"):
            bundle.refuse(place(path, node), f"makes a global of {name}")
        if whole.partition(".")[0] in ("APP", "AMOCRM"):
            bundle.refuse(place(path, node), f"writes to {whole}, which is Kommo's own")
        if name in HTML_SINKS:
            bundle.refuse(place(path, node), f"sets {name}: insert text, or nodes")


def _check_call(bundle: CheckedArchive, path: str, node: Node) -> None:
    called, arguments = part(node, "function"), node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    name = called.rpartition(".")[2]
    refusals = {
        called in ("eval", "Function"): f"calls {called}",
        called.removeprefix("window.") in DIALOGS: f"calls {called}: show it in the page",
        called in ("setTimeout", "setInterval")
        and bool(given)
        and given[0].type == "string": f"gives {called} a text to run",
        called == "document.write": "calls document.write",
        name == "insertAdjacentHTML": "inserts HTML: insert text, or nodes",
        called.endswith(".html")
        and any(each.type != "string" for each in given): "gives .html() data: use .text()",
        called.endswith(".click") and not given: "clicks by code",
        called.endswith(".trigger")
        and [text(each).strip("'\"") for each in given[:1]] == ["click"]: "clicks by code",
        name == "createElement"
        and [text(each).strip("'\"").lower() for each in given] == ["script"]: (
            "loads a script by itself: name it in define"
        ),
    }
    for is_refused, said in refusals.items():
        if is_refused:
            bundle.refuse(place(path, node), said)
    if called.startswith("console.") and not (called == "console.trace" and _is_caught(node)):
        bundle.refuse(place(path, node), f"calls {called}; only console.trace in a catch is taken")
    if ASKS.search(called) and _is_in_loop(node):
        bundle.refuse(place(path, node), f"calls {called} in a loop")


def _is_caught(node: Node) -> bool:
    return any(
        outer.type == "catch_clause"
        or (outer.type == "call_expression" and part(outer, "function").endswith(".catch"))
        for outer in above(node)
    )


def _is_in_loop(node: Node) -> bool:
    """In a loop, or in what is called for each; another function in between runs by itself."""
    below = node
    for outer in above(node):
        if outer.type in LOOPS and _same(outer.child_by_field_name("body"), below):
            return True
        if outer.type in FUNCTIONS:
            call = outer.parent.parent if outer.parent is not None else None
            return call is not None and bool(EACH.search(part(call, "function")))
        below = outer
    return False


def _same(one: Node | None, other: Node) -> bool:
    return one is not None and one.id == other.id


def _check_new(bundle: CheckedArchive, path: str, node: Node) -> None:
    if part(node, "constructor") == "Function":
        bundle.refuse(place(path, node), "makes a function of a text")


def _check_pair(bundle: CheckedArchive, path: str, node: Node) -> None:
    if part(node, "key").strip("'\"") == "async" and part(node, "value") == "false":
        bundle.refuse(place(path, node), "asks synchronously, which freezes the page")


def _check_identifier(bundle: CheckedArchive, path: str, node: Node) -> None:
    if text(node) == "AMOCRM":
        bundle.refuse(place(path, node), "uses AMOCRM, which is deprecated: APP")


def _check_string(bundle: CheckedArchive, path: str, node: Node) -> None:
    written = text(node)
    if "switcher_" in written:
        bundle.refuse(place(path, node), "names Kommo's own class switcher_")
    if path != CONSTANTS and _HOST.search(written):
        bundle.refuse(place(path, node), f"has an address; {CONSTANTS} is the place for it")


def _check_comment(bundle: CheckedArchive, path: str, node: Node) -> None:
    for line in text(node).splitlines():
        told = line.strip().strip("/*").strip()
        if (
            _STATEMENT_END.search(told)
            and not SCRIPT.parse(told.encode()).root_node.has_error
            and not told.endswith(".")
        ):
            bundle.refuse(place(path, node), f"has code in a comment: {told[:60]}")
            return


def _check_callbacks(bundle: CheckedArchive, top: Node) -> None:
    given = {
        part(node, "key") or part(node, "name")
        for node in nodes(top)
        if node.type in ("pair", "method_definition")
    }
    given |= {text(node) for node in nodes(top) if node.type == "shorthand_property_identifier"}
    for name in CALLBACKS:
        if name not in given:
            bundle.refuse(MAIN, f"has no callback {name}")


CHECKS: dict[str, Callable[[CheckedArchive, str, Node], None]] = {
    "call_expression": _check_call,
    "new_expression": _check_new,
    "pair": _check_pair,
    "identifier": _check_identifier,
    "string_fragment": _check_string,
    "comment": _check_comment,
}
