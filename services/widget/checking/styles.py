"""Styles: they touch nothing of Kommo's own page."""

import re

from tree_sitter import Node

from services.widget.checking.bundle import CheckedArchive
from services.widget.checking.syntax import STYLE, above, nodes, parsed, place, text

# Not the bare code: Kommo gives that class to boxes of its own, such as the modal of settings.
OWN_CLASSES = ".fairlead__"
KOMMOS_VARIABLE = re.compile(r"^--(?!fairlead-)")


def check_styles(bundle: CheckedArchive) -> None:
    """Each selector begins at our own root, or sets our own variables on the page's."""
    for path in sorted(path for path in bundle.files if path.endswith(".css")):
        top = parsed(bundle, path, STYLE, "CSS")
        if top is None:
            continue
        for node in nodes(top):
            if node.type == "import_statement":
                bundle.refuse(place(path, node), "imports another sheet")
            elif node.type == "selectors":
                _check_selectors(bundle, path, node)
            elif node.type == "property_name" and KOMMOS_VARIABLE.match(text(node)):
                bundle.refuse(place(path, node), f"sets {text(node)}, which is not ours")


def _check_selectors(bundle: CheckedArchive, path: str, node: Node) -> None:
    in_frames = any(outer.type == "keyframes_statement" for outer in above(node))
    for selector in node.named_children:
        if not in_frames and not text(selector).startswith((OWN_CLASSES, ":root")):
            bundle.refuse(
                place(path, selector), f"{text(selector)[:60]} does not begin with {OWN_CLASSES}"
            )
