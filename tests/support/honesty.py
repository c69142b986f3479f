"""Which tests could pass although nothing was checked, and what sleeps.

A helper that fails by itself begins with `then`, or is named below.
"""

import ast
from collections.abc import Iterator
from typing import TypeAlias

CHECKS = frozenset(
    {
        "each_once",
        "fail",
        "judged",
        "more",
        "raises",
        "under_load",
        "until",
        "until_now",
        "warns",
    }
)
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def unchecked(source: str) -> list[str]:
    """The tests of which no check is reached whatever happens.

    A check in a loop counts if the loop has a turn for certain: over what is written down, over
    a parameter, over a constant. One in a branch or in an inner function does not.
    """
    return [test.name for test in _tests(source) if not _is_reached(test.body, _given(test))]


def sleeps(source: str) -> list[str]:
    """Where a module sleeps for longer than a turn of the loop; a clock's own method may."""
    tree = ast.parse(source)
    clocks = {
        inner
        for clock in ast.walk(tree)
        if isinstance(clock, Function) and clock.name == "sleep"
        for inner in ast.walk(clock)
    }
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node not in clocks and _is_sleep(node)
    ]


def _is_sleep(call: ast.Call) -> bool:
    match call:
        case ast.Call(func=ast.Attribute(attr="sleep"), args=[ast.Constant(value=0)]):
            return False
        case ast.Call(func=ast.Attribute(attr="sleep") | ast.Name(id="sleep")):
            return True
        case _:
            return False


def _tests(source: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function) and node.name.startswith("test_"):
            yield node


def _given(test: Function) -> frozenset[str]:
    arguments = test.args
    return frozenset(each.arg for each in (*arguments.args, *arguments.kwonlyargs))


def _is_reached(nodes: list[ast.stmt] | list[ast.AST], given: frozenset[str]) -> bool:
    return any(_is_check(node) or _is_reached(_certain(node, given), given) for node in nodes)


def _is_check(node: ast.AST) -> bool:
    match node:
        case ast.Assert():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in CHECKS or name.partition("_")[0] == "then"
        case _:
            return False


def _certain(node: ast.AST, given: frozenset[str]) -> list[ast.AST]:
    """What of a node is evaluated in any case."""
    certain: list[ast.AST] = []
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            pass
        case ast.For(iter=turns, body=body) | ast.AsyncFor(iter=turns, body=body):
            certain = [turns, *(body if _has_a_turn(turns, given) else [])]
        case ast.If(test=test, body=body, orelse=orelse):
            either = _is_reached(body, given) and _is_reached(orelse, given)
            certain = [test, *(body if either else [])]
        case ast.While(test=first) | ast.Match(subject=first):
            certain = [first]
        case ast.Try(body=body, finalbody=finalbody):
            certain = [*body, *finalbody]
        case _:
            certain = list(ast.iter_child_nodes(node))
    return certain


def _has_a_turn(turns: ast.expr, given: frozenset[str]) -> bool:
    match turns:
        case ast.Tuple(elts=[_, *_]) | ast.List(elts=[_, *_]) | ast.Dict(keys=[_, *_]):
            return True
        case ast.Name(id=name):
            return name in given or name.isupper()
        case ast.Subscript(value=value):
            return _has_a_turn(value, given)
        case ast.Call(func=ast.Name(id="permutations")):  # nothing has one order too
            return True
        case ast.Call(func=ast.Name(id="range"), args=arguments):
            return all(_is_written_down(each, given) for each in arguments)
        case _:
            return False


def _is_written_down(number: ast.expr, given: frozenset[str]) -> bool:
    names = {node.id for node in ast.walk(number) if isinstance(node, ast.Name)}
    return names <= given and not any(isinstance(node, ast.Call) for node in ast.walk(number))
