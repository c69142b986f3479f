"""What a key looks like, and what is none."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.access.key_text import (
    BASE62,
    SECRET_BITS,
    SECRET_LENGTH,
    KeyText,
    checksum,
    new_key,
    parse_key,
)

KEY = new_key()
texts = st.text(max_size=80)
ids = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=12, max_size=12)
secrets = st.text(BASE62, min_size=SECRET_LENGTH, max_size=SECRET_LENGTH)


@given(ids, secrets)
def test_a_key_is_read_as_it_was_written(key_id: str, secret: str) -> None:
    assert parse_key(KeyText(key_id, secret).reveal()) == KeyText(key_id, secret)


@given(st.integers(0, len(KEY.reveal()) - 1), st.characters(codec="utf-8"))
def test_S29_a_key_with_another_character_is_none(place: int, character: str) -> None:
    text = KEY.reveal()
    altered = text[:place] + character + text[place + 1 :]

    assert (parse_key(altered) is not None) == (altered == text)


@given(texts)
def test_S29_other_texts_are_no_keys(text: str) -> None:
    assert parse_key(text) is None
    assert parse_key(f"{KEY.reveal()}{text}x") is None
    assert parse_key(f"x{text}{KEY.reveal()}") is None
    assert parse_key(f"fl_{text}") is None


def test_A9_1_a_scanner_of_secrets_finds_a_key_and_tells_it_from_what_looks_like_one() -> None:
    leaked = f"export TOKEN='{KEY.reveal()}'; other=fl_aaaaaaaaaaaa_{'0' * 43}_000000"
    found = re.findall(r"fl_[a-z2-7]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", leaked)

    assert len(found) == 2
    assert [each for each in found if checksum(each[:-7]) == each[-6:]] == [KEY.reveal()]


def test_A9_1_S29_a_key_holds_256_bits_and_never_shows_them_by_itself() -> None:
    assert len(BASE62) ** SECRET_LENGTH >= 2**SECRET_BITS > len(BASE62) ** (SECRET_LENGTH - 1)
    assert KEY.secret not in repr(KEY)
    assert len({new_key().secret for _ in range(100)}) == 100


def test_a_line_break_at_its_end_makes_it_another_text() -> None:
    assert parse_key(KEY.reveal() + "\n") is None
