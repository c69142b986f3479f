"""The check of the built site finds whatever a page would take from elsewhere."""

from pathlib import Path

import pytest

from deploy.docs.site import problems


def page_with(folder: Path, head: str, body: str = "") -> list[str]:
    (folder / "index.html").write_text(
        f"<html><head>{head}</head><body>{body}<a href='https://kommo.com'>a link</a></body></html>"
    )
    return list(problems(folder))


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<script src='https://unpkg.com/x'></script>", ""),
        ("<script src='//unpkg.com/x'></script>", ""),
        ("<link rel='stylesheet' href='https://fonts.googleapis.com/css'>", ""),
        ("<style>@import 'https://fonts.googleapis.com/css';</style>", ""),
        ("<style>p { background: url(http://a.test/b.png) }</style>", ""),
        ("", "<p style='background: url(\"http://a.test/b.png\")'></p>"),
        ("", "<img src='HTTPS://a.test/b.png'>"),
        ("", "<iframe src='https://a.test'></iframe>"),
        ("", "<pre class='mermaid'>graph</pre>"),
        ("<script src='assets/not-there.js'></script>", ""),
    ],
)
def test_what_a_page_takes_from_elsewhere_or_misses_is_found(
    tmp_path: Path, head: str, body: str
) -> None:
    assert len(page_with(tmp_path, head, body)) == 1


def test_a_style_sheet_that_takes_a_font_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url('https://a.test/b.woff2') }")

    assert len(page_with(tmp_path, "<link rel='stylesheet' href='a.css'>")) == 1


def test_a_page_with_files_of_its_own_and_links_elsewhere_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("")
    head = "<script src='a.js?v=1'></script><link rel='icon' href='data:image/png;base64,AA'>"

    assert page_with(tmp_path, head, "<img src='./a.js#x'>") == []


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    assert list(problems(tmp_path)) == [f"{tmp_path}: no pages"]
