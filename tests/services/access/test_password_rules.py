"""Which passwords are refused (S29)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access.password_rules import LENGTH_MAX, LENGTH_MIN, is_common, password_problem

KNOWN = ("Ana Lima", "ana.lima@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "Password1234",
        "P@ssw0rd2026!",
        "passwordpassword",
        "Welcome2026!!",
        "Sommer2026!!",
        "qwertyuiop123",
        "1qaz2wsx3edc",
        "abcdefghijkl",
        "lkjihgfedcba",
        "aaaaaaaaaaaa",
        "abc7abc7abc7abc7",
        "123456789012",
        "2026-11-29 12:00",
        "!!!!!!!!!!!!!",
        "correct horse battery staple",
        "iloveyou123456",
        "AdminAdmin123!",
        "letmein letmein",
        "changeme2026!",
        "йцукенгшщзхъ",
        "!Q@W#E$R%T^Y",
        "monday monday 1",
        "zxcvbnm,./123",
    ],
)
def test_S29_what_people_choose_under_a_rule_of_length_is_common(password: str) -> None:
    assert password_problem(password, KNOWN) == "password_common"


@pytest.mark.parametrize(
    "password",
    [
        "ana.lima@example.com",
        "AnaLima-2026",
        "lima2026lima",
        "Fairlead2026!",
        "kommo-kommo-1",
        "ana.lima!123",
    ],
)
def test_S29_a_name_with_decoration_is_about_its_owner(password: str) -> None:
    assert password_problem(password, KNOWN) == "password_about_you"


@pytest.mark.parametrize(
    "password",
    [
        "tulip gravel orbit",
        "x7Kq-vv2P-9rTs",
        "lima beans under gravel",
        "Zwei Katzen trinken Kaffee",
        "кот пьёт холодный чай",
        "ぬるい紅茶を飲む三匹の猫たち",
        "mZ4%tQ9!bN2&",
        "fr0zen-turnip-parade",
    ],
)
def test_S29_phrases_and_chance_pass(password: str) -> None:
    assert password_problem(password, KNOWN) is None


def test_S29_the_length_counts_characters_not_bytes() -> None:
    assert password_problem("q7!Zp" * 2, ()) == "password_too_short"
    assert len("кот и чайник") == LENGTH_MIN
    assert password_problem("кот и чайник", ()) is None
    assert password_problem("x7" * LENGTH_MAX, ()) == "password_too_long"


@given(st.text(min_size=0, max_size=60))
def test_S29_any_text_is_judged(text: str) -> None:
    assert is_common(text) in (True, False)
    assert password_problem(text[: LENGTH_MIN - 1], KNOWN) in (
        "password_too_short",
        "password_too_long",  # one character may stand for many
        "password_common",
        "password_about_you",
        None,
    )


@given(st.text("0123456789!?.-_ ", min_size=LENGTH_MIN, max_size=40))
def test_S29_digits_and_signs_alone_are_common(text: str) -> None:
    assert is_common(text)
