"""Kommo's form bodies: PHP's bracket keys, `leads[add][0][id]=7`, as a tree and back.

Sixteen levels at most, no recursion, nothing allocated by an index: the cost of a body is
linear in its length whatever it says (F34). Nothing here raises on bytes of a stranger.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote_plus

from contracts.kommo.steps import Steps, at_once

DEPTH_MAX = 16  # names in a key; Kommo needs 8
UNREAD_MAX = 100
UNREAD_LENGTH_MAX = 200
PIECE_BYTES = 16_384

Tree: TypeAlias = dict[str, "str | Tree"]
FormValue: TypeAlias = "str | int | Mapping[str, FormValue] | Sequence[FormValue] | None"


# Control characters that no text of Kommo contains stand for `&` and `=` once these have been
# told from `%26` and `%3D`. A stranger's own become 0xFF, which UTF-8 turns into U+FFFD.
_AND, _IS = "\x1e", "\x1f"
_SEPARATED = bytes.maketrans(b"\x1e\x1f&=+%", b"\xff\xff\x1e\x1f =")
_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Brackets are half of all codes of a body of Kommo, and a replacement is cheaper than decoding.
# Exact, since brackets are no hex digits: no code is made or broken by it.
_BRACKETS = ((b"%5B", b"["), (b"%5D", b"]"))
_LOWER_BRACKETS = ((b"%5b", b"["), (b"%5d", b"]"))
_STRANGE_SEPARATORS = ((b"%1E", b"\xff"), (b"%1e", b"\xff"), (b"%1F", b"\xff"), (b"%1f", b"\xff"))
# Twice, as matches do not overlap: a body of percent signs would keep the pattern busy.
_DOUBLE_PERCENT = ((b"%%", b"%25%"), (b"%%", b"%25%"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A decoded body.

    Attributes:
        tree: Names to texts and subtrees, in the order of first appearance. An index is a
            name like any other.
        unread: The beginnings of the first keys that are too deep or wrongly bracketed.
        unread_total: How many such keys there were.
    """

    tree: Tree
    unread: tuple[str, ...]
    unread_total: int


def decode_form(body: bytes) -> Form:
    """Decode a form body of any content.

    Bytes that are no UTF-8 become U+FFFD, and so do U+001E and U+001F, which serve as
    separators inside. Percent signs without two hex digits stay as they are. The last of
    equal keys wins, as in PHP; but a subtree is never lost to a text, or one damaged byte
    (`leads=5Badd]...`) would cost all items before it. `a[]` takes the number of entries
    as its index. A key without `=` has an empty text.

    Source:
        PHP's `parse_str` without its renaming of names and its limit of 1,000 fields.
    """
    return at_once(decoding(body))


def decoding(body: bytes, *, leaving_out: bytes | None = None) -> Steps[Form]:
    """The same a piece at a time: some thousand fields each, however short they are.

    Args:
        body: As `decode_form` takes it.
        leaving_out: Fields with this in their keys, as it comes, are left out; by default none.
    """
    tree: Tree = {}
    unread: list[str] = []
    unread_total = 0
    for number, piece in enumerate(_pieces(body)):
        if number:
            yield
        if leaving_out is not None and leaving_out in piece:
            piece = _without(piece, leaving_out)  # noqa: PLW2901 - less of it
        for key in _add_fields(tree, _text(piece)):
            unread_total += 1
            if unread_total <= UNREAD_MAX:
                unread.append(key[:UNREAD_LENGTH_MAX])
    return Form(tree=tree, unread=tuple(unread), unread_total=unread_total)


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut where a field ends: a raw `&` always separates two."""
    begin = 0
    while len(body) - begin > PIECE_BYTES and (end := body.find(b"&", begin + PIECE_BYTES)) >= 0:
        yield body[begin:end]
        begin = end + 1
    yield body[begin:] if begin else body


def _without(piece: bytes, part: bytes) -> bytes:
    """The fields whose keys have not the part: before anything is decoded it costs least."""
    fields = piece.split(b"&")
    return b"&".join(
        [field for field in fields if part not in field or part not in field.partition(b"=")[0]]
    )


def _add_fields(tree: Tree, text: str) -> list[str]:
    """Put the fields of a text into the tree; the keys that fit into none."""
    unread: list[str] = []
    for field in text.split(_AND):
        key, _, value = field.partition(_IS)
        if _IS in value:
            value = value.replace(_IS, "=")
        if "[" not in key:
            if field and not isinstance(tree.get(key), dict):
                tree[key] = value
            continue
        head, _, rest = key.partition("[")
        names = rest[:-1].split("][")
        if not head or rest[-1:] != "]" or len(names) >= DEPTH_MAX or rest.count("]") != len(names):
            unread.append(key)
            continue
        node, name = tree, head
        for following in names:
            child = node.get(name)
            if not isinstance(child, dict):
                child = node[name] = {}
            node, name = child, following or _next_index(child)
        if not isinstance(node.get(name), dict):
            node[name] = value
    return unread


def encode_form(tree: Mapping[str, FormValue]) -> bytes:
    """Encode a tree as PHP's `http_build_query` does, and so as Kommo posts it.

    Brackets are percent-encoded, a space is `+`, hex digits are upper case, sequences get
    indexes, None and empty subtrees leave no trace, true is 1 and false is 0. Names that
    contain brackets are encoded as well, but no decoder can tell them from nesting.
    """
    fields: list[str] = []
    waiting: list[tuple[str, FormValue]] = [(_quoted(k), v) for k, v in tree.items()][::-1]
    while waiting:
        key, value = waiting.pop()
        match value:
            case None:
                continue
            case str():
                fields.append(f"{key}={_quoted(value)}")
            case int():
                fields.append(f"{key}={int(value)}")
            case Mapping():
                children = [(f"{key}%5B{_quoted(k)}%5D", v) for k, v in value.items()]
                waiting.extend(reversed(children))
            case _:
                waiting.extend((f"{key}%5B{n}%5D", value[n]) for n in reversed(range(len(value))))
    return "&".join(fields).encode("ascii")


def _next_index(node: Tree) -> str:
    """Where `a[]` goes: the number of entries, marked when a stranger's index sits there.

    PHP looks for the largest index; searching would make a hostile body quadratic.
    """
    index = str(len(node))
    return index if index not in node else f"{index}+"


def _text(body: bytes) -> str:
    """Decode a body at once, its separators turned into `_AND` and `_IS`.

    Field by field the same takes five times as long for a body of tiny fields. Quoted-printable
    is percent coding with another sign, and the one such decoder of the standard library that
    is written in C: 1 MiB of codes in 9 ms instead of 73 ms of `unquote_to_bytes`. The two
    differ only on signs without two hex digits, and those are made codes before.
    """
    replacements: tuple[tuple[bytes, bytes], ...] = _BRACKETS
    # Most bodies have none of these: looking for one costs less than replacing four.
    if b"%1" in body:
        replacements += _STRANGE_SEPARATORS
    if b"%5b" in body or b"%5d" in body:
        replacements += _LOWER_BRACKETS
    if b"%%" in body:
        replacements += _DOUBLE_PERCENT
    for code, meaning in replacements:
        body = body.replace(code, meaning)
    decoded = a2b_qp(_STRAY_PERCENT.sub(b"%25", body).translate(_SEPARATED))
    return decoded.decode("utf-8", "replace")


def _quoted(text: str) -> str:
    # PHP encodes the tilde, Python does not.
    return quote_plus(text, errors="replace").replace("~", "%7E")
