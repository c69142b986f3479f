"""What no linter knows: the purity of the domain, complete unions, ids in place of persons."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from contracts import events, inbound
from contracts.events import AllocationEvent
from contracts.inbound import InboundBody

ROOT = Path(__file__).parents[1]
DOMAIN = sorted((ROOT / "domain").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

IMPURE_MODULES = {
    "asyncio",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "structlog",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
IMPURE_CALLS = {"eval", "exec", "float", "hash", "id", "input", "open", "print"}
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
# Names of a person, and ways to reach one: an event carries ids (I12, S21).
PERSONAL = re.compile(r"(^|_)(name|phone|email|mail|address|contact|login|text)(s|_|$)")
# Every row of the behaviour (D1.1), and of faults, promises and controls (F1, I1, S1).
ROWS = {
    row
    for name in ("distribution.md", "faults.md")
    for row in re.findall(
        r"^(?:- |\| )([DFIS]\d+(?:\.\d+)?) ", (ROOT / "docs" / name).read_text(), re.MULTILINE
    )
}

each_domain_file = pytest.mark.parametrize("path", DOMAIN, ids=lambda p: str(p.relative_to(ROOT)))


def impurities(source: str) -> list[str]:
    """What makes the result of the source depend on more than its arguments (D10.1)."""
    tree = ast.parse(source)
    ordered = _made_ordered(tree)
    return [
        f"line {node.lineno}: {what}"
        for node in ast.walk(tree)
        if (what := _impurity(node, ordered)) is not None
    ]


def _impurity(node: ast.AST, ordered: set[ast.AST]) -> str | None:
    found: str | None = None
    match node:
        case ast.Import(names=names) if any(_is_impure(alias.name) for alias in names):
            found = "imports what reads the world"
        case ast.ImportFrom(module=str(module)) if _is_impure(module):
            found = "imports what reads the world"
        case ast.Constant(value=float()):
            found = "a float"
        case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
            found = f"calls {name}"
        case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS:
            found = f"asks a clock: {name}"
        case ast.BinOp(op=ast.Div()) if not _is_path(node) and not _is_exact(node):
            found = "divides into a float"
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable) if _is_set(iterable):
            found = None if iterable in ordered else "iterates over a set"
        case ast.Call(func=ast.Name(id="tuple" | "list" | "next" | "iter"), args=[first, *_]) if (
            _is_set(first)
        ):
            found = "iterates over a set"
        case ast.Starred(value=value) if _is_set(value):
            found = None if value in ordered else "iterates over a set"
        case _:
            pass
    return found if found is None or hasattr(node, "lineno") else None


def _is_impure(module: str) -> bool:
    return module.partition(".")[0] in IMPURE_MODULES


def _is_set(node: ast.AST) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Call(
            func=ast.Attribute(
                attr="union" | "intersection" | "difference" | "symmetric_difference"
            )
        ):
            return True
        case _:
            return False


def _is_exact(quotient: ast.BinOp) -> bool:
    """Whether the divisor is one of our constants: a Decimal or a duration is divided."""
    return isinstance(quotient.right, ast.Name) and quotient.right.id.isupper()


def _is_path(node: ast.AST) -> bool:
    """Whether text is joined to a file's path, not one number divided by another."""
    match node:
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return _is_path(left) or _is_path(right)
        case ast.Constant(value=str()) | ast.Call(func=ast.Attribute(attr="files")):
            return True
        case _:
            return False


def _made_ordered(tree: ast.AST) -> set[ast.AST]:
    """Everything inside a call whose result does not depend on the order of its argument."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("sorted", "any", "all", "len", "min", "max", "sum", "set", "frozenset")
        for argument in node.args
        for inner in ast.walk(argument)
    }


@each_domain_file
def test_D10_1_the_domain_reads_nothing_but_its_arguments(path: Path) -> None:
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "import os.path",
        "from time import monotonic",
        "x = 0.5",
        "x = float('1')",
        "x = a / b",
        "x = datetime.now(UTC)",
        "x = date.today()",
        "for m in {1, 2}: pass",
        "for m in set(ids): pass",
        "x = tuple({m for m in ids})",
        "x = [*frozenset(ids)]",
        "x = next(iter(set(ids)))",
        "print(1)",
        "x = hash('a')",
    ],
)
def test_D10_1_what_must_not_be_in_the_domain_is_found(source: str) -> None:
    assert impurities(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "x = sorted({1, 2})",
        "x = tuple(sorted({*ids, 3}))",
        "x = 3 in {1, 2}",
        "x = Decimal(units) / LEAD",
        "x = a // b",
        "from datetime import datetime",
    ],
)
def test_D10_1_what_may_be_in_the_domain_passes(source: str) -> None:
    assert impurities(source) == []


def _messages(module: ModuleType) -> Iterator[type[Any]]:
    return (
        value
        for value in vars(module).values()
        if isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__
    )


@pytest.mark.parametrize(
    ("module", "union", "envelopes"),
    [(events, AllocationEvent, {"Recorded"}), (inbound, InboundBody, {"Inbound"})],
    ids=["events", "inbound"],
)
def test_every_message_is_in_its_union_and_says_what_it_means(
    module: ModuleType, union: Any, envelopes: set[str]
) -> None:
    members = get_args(union)
    defined = [c for c in _messages(module) if c.__name__ not in envelopes]

    assert [c.__name__ for c in defined] == [c.__name__ for c in members]
    # A dataclass without a docstring gets its signature as one.
    assert [c.__name__ for c in members if (c.__doc__ or "").startswith(f"{c.__name__}(")] == []


@pytest.mark.parametrize("message", [*get_args(AllocationEvent), *get_args(InboundBody)])
def test_messages_are_frozen_slotted_and_keyword_only(message: type[Any]) -> None:
    parameters = message.__dataclass_params__

    assert (parameters.frozen, hasattr(message, "__slots__")) == (True, True)
    assert [field.name for field in fields(message) if not field.kw_only] == []


@pytest.mark.parametrize("message", [*get_args(AllocationEvent), *get_args(InboundBody)])
def test_I12_messages_name_nobody(message: type[Any]) -> None:
    assert [field.name for field in fields(message) if PERSONAL.search(field.name)] == []


@pytest.mark.parametrize("event", get_args(AllocationEvent))
def test_D10_1_every_event_carries_its_time(event: type[Any]) -> None:
    assert "at" in {field.name for field in fields(event)}


def rows_of(name: str) -> list[str]:
    """What looks like a row in a test's name; only rows of D have a second number."""
    return re.findall(r"(?<=_)(?:D\d+_\d+|[A-Z]\d+)(?=_|$)", name)


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_test_names_name_rows_of_the_documents(path: Path) -> None:
    names = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]
    # A test may prove all rows of a section: D10.
    known = ROWS | {row.partition(".")[0] for row in ROWS}
    wrong = [(n, row) for n in names for row in rows_of(n) if row.replace("_", ".") not in known]

    assert wrong == []


def test_imports_point_down() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, check=False, text=True
    )

    assert run.returncode == 0, run.stdout + run.stderr
