"""Text of strangers, made harmless for a terminal and for a line of a log (S20)."""

# C0 and C1 controls, line separators, marks that change the direction of text, and halves of
# characters, which no stream takes.
_STEERING = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
)
ESCAPES = {code: f"\\u{code:04x}" for code in _STEERING}
ESCAPES_IN_TEXT = {code: text for code, text in ESCAPES.items() if code not in {0x09, 0x0A}}


def one_line(text: str) -> str:
    """The text as one line, without anything that steers a terminal."""
    return text.translate(ESCAPES)


def printable(text: str) -> str:
    """The text, of one line or several, without anything that steers a terminal."""
    return text.translate(ESCAPES_IN_TEXT)
