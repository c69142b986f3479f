"""What is wrong with a built site: files that it takes from elsewhere, or that are not there.

Usage: python deploy/docs/site.py FOLDER

Links from page to page are checked when the site is built. Here is what no builder checks: that a
page opened without a network looks as it should (fonts, styles, scripts, pictures), and that
nothing on it makes the scripts of the theme load more from elsewhere.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

# What a page loads by itself; a link in the text is only followed by a person.
LOADED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
}
# Classes for which the theme's script loads a library from elsewhere.
LOADING_CLASSES = {"mermaid", "glightbox", "pyodide"}
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""")


class _Page(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.problems: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag loads."""
        given = {name: value or "" for name, value in attrs}
        names = LOADED.get(tag, ())
        if tag == "link" and given.get("rel") in {"canonical", "next", "prev"}:
            names = ()
        self.loaded += [given[name] for name in names if name in given]
        self.loaded += IN_STYLE.findall(given.get("style", ""))
        for name in sorted(LOADING_CLASSES & set(given.get("class", "").split())):
            self.problems.append(f"class {name} makes the theme load a library from elsewhere")
        self._is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        """A style ends."""
        self._is_style = self._is_style and tag != "style"

    def handle_data(self, data: str) -> None:
        """Note what a style loads."""
        if self._is_style:
            self.loaded += IN_STYLE.findall(data)


def problems(site: Path) -> Iterator[str]:
    """What is wrong, a line each; nothing for a site that stands by itself."""
    pages = sorted(site.rglob("*.html"))
    if not pages:
        yield f"{site}: no pages"
    for page in pages:
        found = _Page()
        found.feed(page.read_text(encoding="utf-8"))
        for text in found.problems:
            yield f"{page.relative_to(site)}: {text}"
        yield from _missing(site, page, found.loaded)
    for sheet in sorted(site.rglob("*.css")):
        yield from _missing(site, sheet, IN_STYLE.findall(sheet.read_text(encoding="utf-8")))


def _missing(site: Path, file: Path, loaded: list[str]) -> Iterator[str]:
    for address in loaded:
        if address.startswith(("data:", "#")):
            continue
        path = address.split("?")[0].split("#")[0]
        if ELSEWHERE.match(address):
            yield f"{file.relative_to(site)}: takes {address} from elsewhere"
        elif (
            not (site if path.startswith("/") else file.parent).joinpath(path.lstrip("/")).exists()
        ):
            yield f"{file.relative_to(site)}: {address} is not there"


def main() -> int:
    """Check a folder; the exit status."""
    (folder,) = sys.argv[1:]
    found = list(problems(Path(folder)))
    for line in found:
        print(line, file=sys.stderr)
    if not found:
        print(f"{folder}/index.html: open it in a browser; it needs no network.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
