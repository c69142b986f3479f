"""The page the demo leaves behind."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies

from services.demo.report import DemoReport, ReportedDecision, ReportedKind, render
from tests.services.demo.report_samples import manager, report

EVIL = "<script>alert(1)</script><img src=x onerror='alert(2)'>\"'&$title $$ \u202eevil\x00"
EMPTY_ELEMENTS = {"meta", "rect", "path", "circle"}


class Page(HTMLParser):
    """A page taken apart; complains about elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY_ELEMENTS:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join("\n".join(self.texts).split())


def test_D3_5_the_page_shows_what_each_manager_got_and_how_fair_that_is() -> None:
    page = Page(render(report()))

    for shown in ("Anna Kowalska", "263.16", "+0.56", "paused by an administrator", "0.56"):
        assert shown in page.text
    assert "Every lead has its manager. None was lost, none decided twice." in page.text
    assert "guaranteed below 2 leads" in page.text
    assert "Lead 900412 went to Grace Okafor" in page.text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lost": 1, "in_kommo": 999}, "A promise was broken: leads were lost or decided twice."),
        ({"twice": 1}, "A promise was broken: leads were lost or decided twice."),
        ({"in_kommo": 990, "waiting": 10}, "Every lead has its manager, except 10 that wait."),
        ({"in_kommo": 990}, "10 leads are decided, and not yet set in Kommo."),
    ],
)
def test_D1_2_the_page_says_when_not_all_is_well(changes: dict[str, int], expected: str) -> None:
    assert expected in Page(render(report(**changes))).text


def test_S20_names_are_text_wherever_they_appear() -> None:
    evil = manager(666, EVIL, note=EVIL)
    decision = ReportedDecision(title=EVIL, lines=(EVIL,), columns=(EVIL,), rows=((EVIL,),))
    page = Page(
        render(report(managers=(evil,), settings=EVIL, decisions=(decision,), remarks=(EVIL,)))
    )

    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "a", "link"}
    assert not [a for _, a in page.tags if any(key.startswith("on") for key in a)]
    assert page.text.count("<script>alert(1)</script>") >= 6
    assert "\u202e" not in page.text
    assert "\x00" not in page.text


def test_I12_the_page_needs_nothing_from_elsewhere() -> None:
    text = render(report())
    page = Page(text)

    assert not [a for _, a in page.tags if {"src", "href", "srcset", "action"} & a.keys()]
    assert "url(" not in text
    assert "@import" not in text
    policies = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_D3_5_every_figure_is_told_in_words_and_numbers() -> None:
    page = Page(render(report()))

    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert len(page.all("svg")) == 4
    assert len(page.all("table")) >= 4
    for _, attributes in page.tags:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in page.all("svg"))
    assert all("scope" in a for a in page.all("th"))


def test_D2_3_columns_that_say_the_same_of_everybody_are_left_out() -> None:
    plain = Page(render(report(managers=(manager(1, "A"), manager(2, "B")))))
    special = Page(render(report(managers=(manager(1, "A", tier=2), manager(2, "B", limit=5)))))

    assert "Priority" not in plain.text
    assert "Limit" not in plain.text
    assert "Priority" in special.text
    assert "Limit" in special.text
    assert "\u2013" in special.text


def test_D3_5_the_largest_deviation_is_that_of_the_whole_run() -> None:
    end = (manager(assigned=100, fair_share=Fraction("99.5")),)
    well = Page(render(report(managers=end, deviations=((1, 0.25), (2, 1.75), (3, 0.5)))))
    ill = Page(render(report(managers=end, deviations=((1, 2.25), (2, 0.5)))))

    remark = "leads, at any time of the run; guaranteed below 2"
    assert f"Largest deviation 1.75 \u2713 {remark}" in well.text
    assert f"Largest deviation 2.25 \u2717 {remark}" in ill.text


def test_D3_5_a_peak_is_never_thinned_away() -> None:
    points = tuple((n, 1.75 if n == 5_003 else 0.25) for n in range(1, 10_001))

    text = render(report(deviations=points))

    highest = 250 - (250 - 34) * 1.75 / 2.3
    assert f" {highest:.1f}L" in text
    assert len(text) < 60_000


def _extremes() -> Iterator[DemoReport]:
    yield report(managers=(), deviations=(), progress=(), decisions=())
    yield report(requested=0, decided=0, in_kommo=0, took_s=0.0, kommo_floor_s=0.0)
    yield report(managers=(manager(assigned=0, fair_share=Fraction(0)),), progress=((0.0, 0, 0),))
    yield report(deviations=((1, 17.5),), managers=(manager(assigned=10**7),))
    yield report(managers=tuple(manager(n, "x" * 300) for n in range(60)))


@pytest.mark.parametrize("extreme", list(_extremes()))
def test_D3_5_extremes_give_a_page_too(extreme: DemoReport) -> None:
    text = render(extreme)

    Page(text)
    assert "nan" not in text
    assert "inf" not in text.replace("infinity", "")


@given(
    strategies.text(max_size=30),
    strategies.decimals(0, 1_000, places=6),
    strategies.lists(strategies.floats(0, 1e6), max_size=20),
)
def test_S20_any_name_and_number_give_a_whole_page(
    name: str, coefficient: Decimal, values: list[float]
) -> None:
    rows = (manager(1, name, coefficient=coefficient),)
    deviations = tuple(enumerate(values, 1))

    page = Page(render(report(managers=rows, deviations=deviations)))

    assert page.tags[0][0] == "html"


def test_D3_9_what_is_told_apart_is_shown_beside_the_total() -> None:
    kinds = (ReportedKind("form", 12, 11.25), ReportedKind("chat", 3, 4.5))
    shown = manager(in_kind=kinds, furthest_in_kind=-1.5)
    page = Page(render(report(managers=(shown,), guarantee_leads=3)))
    without = Page(render(report(managers=(manager(),))))

    assert "12 / 11.25" in page.text
    assert "Anna Kowalska: \u22121.50 leads" in page.text
    assert "guaranteed below 3 leads" in page.text
    assert len(page.all("svg")) == len(without.all("svg")) + 1
    assert [a["class"] for _, a in page.tags if a.get("class") in ("three", "beside")] == ["three"]
    assert len({a["id"] for _, a in page.tags if "id" in a}) > len(without.all("svg"))
    assert "Fair in kind" not in without.text
