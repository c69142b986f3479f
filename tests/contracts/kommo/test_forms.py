"""The form decoder against the standard library, its own encoder, and hostile bodies."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.kommo.forms import (
    DEPTH_MAX,
    UNREAD_MAX,
    Tree,
    decode_form,
    decoding,
    encode_form,
)
from contracts.kommo.steps import at_once

HOOK = (
    b"leads%5Bstatus%5D%5B0%5D%5Bid%5D=900001&leads%5Bstatus%5D%5B0%5D%5Bname%5D=Site+request"
    b"&account%5Bid%5D=32000001&account%5Bsubdomain%5D=acme"
)
HOOK_TREE: Tree = {
    "leads": {"status": {"0": {"id": "900001", "name": "Site request"}}},
    "account": {"id": "32000001", "subdomain": "acme"},
}

# The decoder's separators: the two characters it does not keep.
SEPARATORS = str.maketrans("\x1e\x1f", "\ufffd\ufffd")
kept_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e\x1f"))
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="[]\x1e\x1f"), min_size=1
)
trees = st.dictionaries(
    names,
    st.recursive(
        kept_text,
        lambda inner: st.dictionaries(names, inner, min_size=1, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)
# Bytes that mean something to a form, so that fuzzing gets somewhere.
form_bytes = st.lists(
    st.one_of(
        st.sampled_from([b"&", b"=", b"[", b"]", b"%", b"+", b"%5B", b"%5d", b"%D0", b"%96"]),
        st.sampled_from([b"%1e", b"\x1f", b"%00", b"%3D", b"%26", b"%25", b"\r\n", b"leads"]),
        st.binary(max_size=3),
    ),
    max_size=60,
).map(b"".join)


def test_a_body_of_kommo_is_decoded_and_encoded_byte_for_byte() -> None:
    assert decode_form(HOOK).tree == HOOK_TREE
    assert encode_form(HOOK_TREE) == HOOK


def test_raw_brackets_and_raw_text_mean_the_same_as_encoded_ones() -> None:
    raw = decode_form("leads[add][0][name]=Заявка [№ 7]".encode())
    encoded = decode_form(encode_form({"leads": {"add": {"0": {"name": "Заявка [№ 7]"}}}}))

    assert raw == encoded
    assert raw.tree == {"leads": {"add": {"0": {"name": "Заявка [№ 7]"}}}}


def test_the_encoder_writes_as_php_does() -> None:
    tree = {"a b": ["x~y", 7, None, True, False, {}], "ü": {"k": "1+1=2&[]"}, "n": None}

    assert encode_form(tree) == (
        b"a+b%5B0%5D=x%7Ey&a+b%5B1%5D=7&a+b%5B3%5D=1&a+b%5B4%5D=0&%C3%BC%5Bk%5D=1%2B1%3D2%26%5B%5D"
    )


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"a=%D0%96%FF&b=1", {"a": "Ж\ufffd", "b": "1"}),
        (b"a=\xd0&b=1", {"a": "\ufffd", "b": "1"}),
        (b"a=\xd0%96&b=%d0\x96", {"a": "Ж", "b": "Ж"}),
        (b"a=%zz%4&b=%&c=%%41", {"a": "%zz%4", "b": "%", "c": "%A"}),
        (b"a%00b=\x00", {"a\x00b": "\x00"}),
        (b"a=%1E\x1f&b=1", {"a": "\ufffd\ufffd", "b": "1"}),
        (b"=1&&&=&b", {"": "", "b": ""}),
        (b"a=1=2&b=3", {"a": "1=2", "b": "3"}),
        (b"a%3Db=1", {"a=b": "1"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a[b]=1&a=2", {"a": {"b": "1"}}),
        (b"a[b][c]=1&a[b]=2", {"a": {"b": {"c": "1"}}}),
        (b"a=2&a[b]=1", {"a": {"b": "1"}}),
        (b"a[b]=1&a[b][c]=2", {"a": {"b": {"c": "2"}}}),
        (b"a[]=1&a[]=2", {"a": {"0": "1", "1": "2"}}),
        (b"a[1]=x&a[]=y", {"a": {"1": "x", "1+": "y"}}),
        (b"a[b[c]=1", {"a": {"b[c": "1"}}),
        (b"a[999999999]=1&a[-1]=2", {"a": {"999999999": "1", "-1": "2"}}),
        (b"a[id]=" + b"9" * 30, {"a": {"id": "9" * 30}}),
        (b"a=[x]&b[c]=d[e]", {"a": "[x]", "b": {"c": "d[e]"}}),
        (b"a=%5Bx%5D+%2B%2526", {"a": "[x] +%26"}),
        (b"", {}),
    ],
)
def test_F34_an_odd_body_is_decoded_as_far_as_it_goes(body: bytes, tree: Tree) -> None:
    form = decode_form(body)

    assert (form.tree, form.unread_total) == (tree, 0)


@pytest.mark.parametrize("key", ["a[b", "a[b]c", "a[b]c[d]", "a[b]]", "[a]", "[", "a[b] [c]"])
def test_F34_a_key_with_odd_brackets_is_reported_and_its_neighbours_survive(key: str) -> None:
    form = decode_form(f"x=1&{key}=2&y[z]=3".encode())

    assert form.tree == {"x": "1", "y": {"z": "3"}}
    assert (form.unread, form.unread_total) == ((key,), 1)


def test_F34_too_deep_keys_are_reported_and_their_neighbours_survive() -> None:
    deepest = "a" + "[b]" * (DEPTH_MAX - 1)
    deep = "a" + "[b]" * 10_000

    form = decode_form(f"x=1&{deepest}=2&{deep}=3&{deepest}[b]=4&y=5".encode())

    assert list(form.tree) == ["x", "a", "y"]
    assert form.unread_total == 2
    assert all(deep.startswith(key) for key in form.unread)


def test_F34_reports_are_bounded() -> None:
    form = decode_form(b"&".join([b"[" * 1_000] * 1_000))

    assert form.unread_total == 1_000
    assert len(form.unread) == UNREAD_MAX
    assert max(map(len, form.unread)) <= 200


def test_F34_fields_are_left_out_by_their_keys_alone() -> None:
    body = HOOK + b"&a%5Bcustom%5D%5B0%5D=1&b=%5Bcustom%5D&a%5Bcustom=2&c=3"

    form = at_once(decoding(body, leaving_out=b"%5Bcustom%5D"))

    assert form.tree == {**HOOK_TREE, "b": "[custom]", "c": "3"}
    assert form.unread == ("a[custom",)


def test_F34_two_hundred_thousand_fields_are_all_kept() -> None:
    form = decode_form(b"&".join(b"k%d=%d" % (n, n) for n in range(200_000)))

    assert len(form.tree) == 200_000
    assert form.tree["k199999"] == "199999"


@given(form_bytes)
@example(b"\x1e%\r\n=\x1f%3D%\n==%")
def test_F34_flat_keys_are_decoded_as_by_the_standard_library(body: bytes) -> None:
    # Brackets nest here and do not there. Raw bytes reach the library as codes.
    flat = body.replace(b"[", b"(").replace(b"]", b")")
    for code in (b"%5b", b"%5B", b"%5d", b"%5D"):
        flat = flat.replace(code, b"%28")
    text = "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in flat)
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=False, errors="replace")
    expected = {k.translate(SEPARATORS): v.translate(SEPARATORS) for k, v in pairs}

    assert decode_form(text.encode("ascii")).tree == expected


@given(trees)
def test_F34_what_is_encoded_is_decoded_unchanged(tree: Tree) -> None:
    form = decode_form(encode_form(tree))

    assert form.tree == tree
    assert form.unread_total == 0


@given(st.one_of(st.binary(max_size=400), form_bytes))
def test_F34_no_bytes_make_the_decoder_raise(body: bytes) -> None:
    form = decode_form(body)

    assert len(form.unread) <= form.unread_total


@given(form_bytes, st.integers(min_value=0, max_value=len(HOOK)))
def test_F34_noise_in_a_body_costs_at_most_the_field_it_hits(noise: bytes, at: int) -> None:
    expected = decode_form(HOOK + b"&last=7").tree
    noise = noise.replace(b"&", b"").replace(b"=", b"")

    actual = decode_form(HOOK[:at] + noise + HOOK[at:] + b"&last=7").tree

    # The noise may make one more top-level name; of the four fields it can only hit one.
    assert actual["last"] == "7"
    assert len(_leaves(expected).items() - _leaves(actual).items()) <= 1


def _leaves(tree: Tree) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    waiting: list[tuple[tuple[str, ...], str | Tree]] = [((), tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, str):
            found[path] = node
        else:
            waiting += [((*path, name), child) for name, child in node.items()]
    return found
