"""The how-to of the console names what there is (W3.7)."""

import re
from pathlib import Path

from services.console.navigation import INSTALLATION, OF_AN_ACCOUNT
from services.words.catalogue import Words

ROOT = Path(__file__).parents[3]
KEYS = re.compile(r"^\| `g` then ([^|]+)\| ([^|]+)\|$", re.MULTILINE)
# For whoever makes screens.
OF_MAKERS = {"gallery"}


def test_W3_7_the_how_to_has_the_key_of_every_screen() -> None:
    text = (ROOT / "docs/how-to/console.md").read_text()
    told = {
        key: name
        for keys, names in KEYS.findall(text)
        for key, name in zip(re.findall("`(.)`", keys), names.strip().split(", "), strict=True)
    }
    say = Words().say

    assert told == {
        screen.key: say(screen.title)
        for group in (*OF_AN_ACCOUNT, INSTALLATION)
        for screen in group.screens
        if screen.name not in OF_MAKERS
    }
