"""What a key looks like: `fl_{id}_{secret}_{checksum}` (A9.1).

The prefix and the checksum are for scanners of secrets: they know one that leaked without asking
us. The id is no secret, and stands in what the key does.
"""

import re
import secrets
import zlib
from dataclasses import dataclass, field

PREFIX = "fl"
ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
ID_LENGTH = 12
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_BITS = 256
# The least that holds so many bits, and so many of the checksum.
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6
SHAPE = re.compile(
    rf"{PREFIX}_([a-z2-7]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})"
    rf"_([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key in its parts; the secret never shows in its `repr`."""

    id: str
    secret: str = field(repr=False)

    def reveal(self) -> str:
        """The key as its holder gets it, once."""
        body = f"{PREFIX}_{self.id}_{self.secret}"
        return f"{body}_{checksum(body)}"


def new_key(key_id: str | None = None) -> KeyText:
    """A random one; with an id, that key's next secret."""
    if key_id is None:
        key_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
    return KeyText(key_id, _base62(secrets.randbits(SECRET_BITS), SECRET_LENGTH))


def parse_key(text: str) -> KeyText | None:
    """The parts of a key; None if it never was one of ours."""
    found = SHAPE.fullmatch(text)
    if found is None or checksum(text.rpartition("_")[0]) != found[3]:
        return None
    return KeyText(found[1], found[2])


def checksum(body: str) -> str:
    """CRC-32 of what stands before it: against typing errors and for scanners, no secret."""
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))
