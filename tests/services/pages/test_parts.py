"""What pages are made of: nothing that a stranger wrote becomes markup."""

import pytest

from services.pages.figures import bars, deviation_dots
from services.pages.parts import escape, listed, section, sheet, table, tile, verdict

EVIL = "<script>alert(1)</script>\"'&$title $$ \u202eevil\x00"
PAGE = {"title": EVIL, "heading": EVIL, "facts": EVIL, "top": "", "body": "", "foot": EVIL}


@pytest.mark.parametrize(
    "markup",
    [
        sheet(**PAGE),
        section(EVIL, "", lead=EVIL),
        listed([EVIL]),
        verdict(EVIL, kind="bad"),
        tile(EVIL, EVIL, EVIL, None),
        table((EVIL, EVIL), [(EVIL, EVIL)]),
        bars([(EVIL, 1, 1.0, EVIL)], bar=EVIL, marker=EVIL, title=EVIL),
        deviation_dots([(EVIL, 1.0)], 2),
    ],
    ids=["sheet", "section", "listed", "verdict", "tile", "table", "bars", "dots"],
)
def test_S20_no_text_becomes_markup_or_turns_its_direction(markup: str) -> None:
    assert "<script" not in markup
    assert "\u202e" not in markup
    assert "\x00" not in markup
    assert "alert(1)" in markup


def test_a_page_needs_nothing_beside_it() -> None:
    page = sheet(**PAGE)

    assert "default-src 'none'" in page
    assert " src=" not in page
    assert " href=" not in page
    assert escape("a < b") == "a &lt; b"


def test_what_colours_say_is_said_to_those_who_do_not_see_them() -> None:
    assert 'aria-label="good"' in verdict("All is well.", kind="good")
    assert 'aria-label="bad"' in verdict("It is not.", kind="bad")
