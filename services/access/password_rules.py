"""Which passwords are refused: short ones, common ones, and what others know of their owner.

No list of leaked passwords is carried around: what people under a rule of twelve characters really
choose is a few common words with decoration, a walk on the keyboard, or repetition. So decoration
is taken off, and what is left has to be something.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

LENGTH_MIN = 12
# Bounds the work of the hash, and lets any phrase pass.
LENGTH_MAX = 200
CHARACTERS_MIN = 6
LEFT_MIN = 6
KNOWN_LENGTH_MIN = 4

PasswordProblem = Literal[
    "password_too_short", "password_too_long", "password_common", "password_about_you"
]

PRODUCT = ("fairlead", "kommo", "amocrm")
# The stems of the most common passwords of published lists, and of what offices add to them.
_COMMON = """
password passwort passwd pass contrasena senha parol motdepasse welcome willkommen bienvenido admin
administrator root user login guest test testing demo default changeme change secret letmein access
master super manager sales lead leads crm company office home internet computer qwerty qwertz azerty
qwertyuiop asdfgh asdfghjkl zxcvbn zxcvbnm iloveyou love lovely sunshine princess dragon monkey
shadow football baseball soccer superman batman michael jordan charlie ashley jessica daniel thomas
hello freedom whatever trustno starwars pokemon flower butterfly summer winter spring autumn january
february march april june july august september october november december monday tuesday wednesday
thursday friday saturday sunday london paris moscow please correct horse battery staple security
temp temporary new old my the is me you it and one two three abc abcd
"""
COMMON = frozenset(_COMMON.split())
SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")
LEET = str.maketrans("013457@$!+8", "oieastasitb")
WALKS = (
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "1234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "йцукенгшщзхъфывапролджэячсмитьбю",
)
WALK_MIN = 4
LONGEST_COMMON = max(map(len, COMMON))


def password_problem(password: str, known: Iterable[str]) -> PasswordProblem | None:
    """What is wrong with a password; None if nothing is.

    Args:
        password: As it was typed.
        known: What others know of its owner: name, login.
    """
    text = unicodedata.normalize("NFKC", password)
    if len(text) < LENGTH_MIN:
        return "password_too_short"
    if len(text) > LENGTH_MAX:
        return "password_too_long"
    if _is_about(text, (*known, *PRODUCT)):
        return "password_about_you"
    return "password_common" if is_common(text) else None


def is_common(text: str) -> bool:
    """Whether little is left of it without repetition, walks on the keyboard, common words."""
    plain = text.casefold()
    if len(set(plain)) < CHARACTERS_MIN or _is_repeated(plain):
        return True
    written = (plain, plain.translate(LEET), plain.translate(SHIFTED))
    return any(_left_of(each) < LEFT_MIN for each in written)


def _is_about(text: str, known: Iterable[str]) -> bool:
    """Whether it is mostly a name, a login, a part of them or the product."""
    plain = _letters(text.casefold())
    parts = {
        part for each in known for part in (each.casefold(), *re.split(r"[\W_]+", each.casefold()))
    }
    said = [_letters(part) for part in parts]
    # A word of a phrase may be a name; a name with decoration is no phrase.
    return any(
        len(part) >= KNOWN_LENGTH_MIN and part in plain and len(plain.replace(part, "")) < LEFT_MIN
        for part in said
    )


def _left_of(text: str) -> int:
    """How many characters are neither decoration nor of a common word or a walk."""
    place, left = 0, 0
    while place < len(text):
        taken = max(_walked(text, place), _worded(text, place))
        if taken:
            place += taken
            continue
        left += text[place].isalpha()
        place += 1
    return left


def _worded(text: str, place: int) -> int:
    for length in range(min(LONGEST_COMMON, len(text) - place), 1, -1):
        if text[place : place + length] in COMMON:
            return length
    return 0


def _walked(text: str, place: int) -> int:
    """How far a walk on the keyboard, along the alphabet or on one key goes from here."""
    longest = 0
    for walk in (*WALKS, *(each[::-1] for each in WALKS)):
        start = walk.find(text[place])
        length = 0
        while (
            start >= 0
            and start + length < len(walk)
            and place + length < len(text)
            and text[place + length] == walk[start + length]
        ):
            length += 1
        longest = max(longest, length)
    same = len(text) - place - len(text[place:].lstrip(text[place]))
    longest = max(longest, same)
    return longest if longest >= WALK_MIN else 0


def _is_repeated(text: str) -> bool:
    """Whether a short piece makes up all of it: `abc7abc7abc7`."""
    return any(
        (text[:size] * (len(text) // size + 1))[: len(text)] == text
        for size in range(1, len(text) // 2 + 1)
        if size < CHARACTERS_MIN
    )


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())
