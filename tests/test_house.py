"""What no linter knows: the purity of the domain, complete unions, ids in place of persons."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any, get_args

import pytest

from contracts import events, inbound
from contracts.events import AllocationEvent
from contracts.inbound import InboundBody
from tests.support.honesty import sleeps, unchecked

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
    for name in ("api.md", "console.md", "distribution.md", "faults.md")
    for row in re.findall(
        r"^(?:- |\| )([ADFISW]\d+(?:\.\d+)?) ", (ROOT / "docs" / name).read_text(), re.MULTILINE
    )
}

# Whose time is not the machine's, or who is asked to let it pass.
MAY_SLEEP = (
    "tests/bench/",
    "tests/services/kommo/test_limiter.py",
    "tests/simulation/",
    "tests/support/waiting.py",
)

each_domain_file = pytest.mark.parametrize("path", DOMAIN, ids=lambda p: str(p.relative_to(ROOT)))


def impurities(source: str) -> list[str]:
    """What makes the result of the source depend on more than its arguments (D10.1)."""
    tree = ast.parse(source)
    ordered = _made_ordered(tree)
    return [
        f"line {getattr(node, 'lineno', 0)}: {what}"
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
    """What looks like a row in a test's name; rows of faults and security have no second number."""
    return re.findall(r"(?<=_)(?:[ADW]\d+_\d+|[A-Z]\d+)(?=_|$)", name)


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


def test_S18_tokens_are_opened_for_the_gateway_alone() -> None:
    """Others get a client of Kommo, or an account without its secrets."""
    opening = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr, ast.unparse(node.func.value)[-8:]) == ("token", "registry")
    }

    assert opening == {"services/gateway/postgres.py"}


def test_every_module_of_the_domain_stands_in_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (inside,) = [c for c in contracts["contracts"] if c["name"].startswith("Inside the domain")]
    layers = [name for layer in inside["layers"] for name in layer.split(" | ")]
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in DOMAIN
        if path.name != "__init__.py"
    ]

    assert [m for m in modules if not any(f"{m}.".startswith(f"{name}.") for name in layers)] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_test_checks_something_for_certain(path: Path) -> None:
    assert unchecked(path.read_text()) == []


def test_each_migration_has_a_number_of_its_own_and_none_is_left_out() -> None:
    names = sorted(path.name for path in (ROOT / "services/storage/migrations").glob("*.sql"))

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1)), names


def test_nothing_sleeps_to_wait() -> None:
    found = {
        name: places
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if not (name := str(path.relative_to(ROOT))).startswith(MAY_SLEEP)
        and (places := sleeps(path.read_text()))
    }

    assert found == {}  # tests/support/waiting.py has `until`, `more` and `lasting`


@pytest.mark.parametrize(
    "body",
    [
        "answer()",
        "for row in rows(): assert row",
        "for row in rows: assert row",
        "while running(): assert row",
        "if row: assert row",
        "try: work()\nexcept OSError: assert row",
        "def inner(): assert row",
        "match row:\n case 1: assert row",
    ],
)
def test_a_test_that_may_check_nothing_is_found(body: str) -> None:
    assert unchecked(f"def test_it(given):\n{indent(body, ' ')}") == ["test_it"]


@pytest.mark.parametrize(
    "body",
    [
        "assert row",
        "for row in given: assert row",
        "for row in (1, 2): assert row",
        "for row in range(given, given + 5): assert row",
        "for row in ROWS[::2]: assert row",
        "if row: assert row\nelse: assert not row",
        "with pytest.raises(OSError): work()",
        "try: assert row\nfinally: work()",
        "await until(lambda: row)",
        "scenario.when(1).then_events(2)",
    ],
)
def test_a_test_that_checks_in_any_case_passes(body: str) -> None:
    assert unchecked(f"async def test_it(given):\n{indent(body, ' ')}") == []


def test_what_sleeps_is_found_and_a_turn_of_the_loop_is_not_sleep() -> None:
    assert len(sleeps("time.sleep(1)\nasyncio.sleep(pause_s)\nsleep(0.1)")) == 3
    assert sleeps("asyncio.sleep(0)\ndef sleep(self, s): asyncio.sleep(s)") == []


def test_no_class_name_is_taken_twice() -> None:
    """One word, one meaning: whoever reads a name need not ask which of several it is."""
    places: dict[str, list[str]] = {}
    for folder in ("domain", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    places.setdefault(node.name, []).append(place)

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_service_has_a_room() -> None:
    assert [path.name for path in (ROOT / "services").glob("*.py")] == ["__init__.py"]
