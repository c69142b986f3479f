"""What pages are made of: escaped text, tables, tiles, a verdict, and the one style."""

import html
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template
from typing import Literal

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def escape(text: str) -> str:
    """Text as text: no markup, no control characters, no marks that turn its direction."""
    return html.escape(_CONTROL.sub("\ufffd", text))


def frame(title: str, content: str) -> str:
    """A whole page, in the one style: light and dark, on paper and on a phone.

    Args:
        title: Of the window.
        content: All that is seen, as markup.
    """
    return Template(_file("frame.html")).substitute(
        style=_file("style.css"), title=escape(title), content=content
    )


def sheet(*, title: str, heading: str, facts: str, top: str, body: str, foot: str) -> str:
    """A whole page.

    Args:
        title: Of the window.
        heading: The first line.
        facts: A line below it.
        top: What follows that line, as markup.
        body: The sections, as markup.
        foot: The last line.
    """
    content = Template(_file("sheet.html")).substitute(
        heading=escape(heading), facts=escape(facts), top=top, body=body, foot=escape(foot)
    )
    return frame(title, content)


def section(heading: str, content: str, *, lead: str = "") -> str:
    """A part of a page with its heading.

    Args:
        heading: Text.
        content: Markup.
        lead: A sentence between them.
    """
    told = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f"<section><h2>{escape(heading)}</h2>{told}{content}</section>"


def listed(lines: Iterable[str]) -> str:
    """Texts, one below the other."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def verdict(text: str, *, kind: Literal["good", "bad"]) -> str:
    """What it all comes to."""
    return f'<p class="verdict {kind}">{mark(kind)} {escape(text)}</p>'


def tile(name: str, value: str, remark: str, is_good: bool | None) -> str:  # noqa: FBT001  # three states
    """A number with its name, a remark, and whether it is as it should be."""
    kind = {None: "plain", True: "good", False: "bad"}[is_good]
    return (
        f'<div class="tile {kind}"><dt>{escape(name)}</dt>'
        f"<dd><strong>{escape(value)}</strong>{mark(kind)}<span>{escape(remark)}</span></dd></div>"
    )


def mark(kind: str) -> str:
    """What the colour says, for those who do not see it."""
    sign, meaning = {"good": ("✓", "good"), "bad": ("✗", "bad"), "plain": ("", "")}[kind]
    return f'<b class="mark" role="img" aria-label="{meaning}">{sign}</b>' if sign else ""


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: Sequence[int] = ()
) -> str:
    """A table; the first column names the row, `texts` are the columns that are not numbers."""
    kinds = ["text" if number in texts else "number" for number in range(len(columns))]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(name)}</th>'
        for kind, name in zip(kinds, columns, strict=True)
    )
    body = "".join(_row(row, kinds) for row in rows)
    return (
        '<div class="scroll" role="region" aria-label="Table" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *others = zip(row, kinds, strict=True)
    cells = "".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in others)
    return f'<tr><th scope="row" class="{first[1]}">{escape(first[0])}</th>{cells}</tr>'


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
