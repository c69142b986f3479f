"""The demo's report: one HTML file that shows what happened to every lead, and why.

It needs nothing but itself: no network, no script. Each figure has a table with its numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from string import Template
from typing import TypeVar

from services.cli.report_figures import (
    bars,
    deviation_dots,
    deviation_figure,
    escape,
    progress_figure,
    signed,
)

GUARANTEE_LEADS = 2  # D3.5
TIME_RATIO_MAX = 1.25  # of the time that Kommo's own limit imposes
TABLE_ROWS_MAX = 11

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerRow:
    """A manager and what he got.

    Attributes:
        limit: A most of open leads of his own; None for that of everybody.
        note: Like "paused by an administrator"; empty for nothing special.
        fair_share: In leads: what was due to him, given when he could take leads.
    """

    manager_id: int
    name: str
    coefficient: Decimal
    fair_share: Fraction | Decimal
    assigned: int
    tier: int = 1
    limit: int | None = None
    note: str = ""

    @property
    def deviation(self) -> float:
        """Leads above his fair share, below it when negative."""
        return float(Fraction(self.assigned) - Fraction(self.fair_share))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedDecision:
    """One decision as the audit explains it.

    Attributes:
        lines: The reasoning, one step a line.
        columns: Of the table of participants.
        rows: As many texts as there are columns.
    """

    title: str
    lines: tuple[str, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """All that the page shows.

    Attributes:
        settings: One line: what was run, with which seed and sizes.
        took_s: From the first webhook to the last lead set in Kommo.
        kommo_floor_s: The least that Kommo's own limit of requests allows.
        batch_size: The most leads in one request to Kommo.
        rules: Name of each rule, the leads it gave to somebody, and what it did.
        deviations: After how many leads, and the largest deviation of any manager then.
        progress: Seconds, leads waiting to be set, leads set in Kommo.
        remarks: What else happened, a sentence each.
    """

    made_at: datetime
    settings: str
    requested: int
    decided: int
    in_kommo: int
    waiting: int
    lost: int
    twice: int
    took_s: float
    kommo_floor_s: float
    batch_size: int
    managers: tuple[ManagerRow, ...]
    deviations: tuple[tuple[int, float], ...]
    progress: tuple[tuple[float, int, int], ...]
    rules: tuple[tuple[str, int, str], ...] = ()
    decisions: tuple[ExplainedDecision, ...] = ()
    remarks: tuple[str, ...] = ()


def render(report: DemoReport) -> str:
    """The page."""
    page = resources.files(__package__).joinpath("report_page.html").read_text(encoding="utf-8")
    made_at = report.made_at
    return Template(page).substitute(
        title=f"{report.requested:,} leads",
        made_at=escape(made_at.isoformat(timespec="minutes")),
        made_on=escape(f"{made_at:%d %B %Y, %H:%M} {made_at.tzname() or ''}".strip()),
        settings=escape(report.settings),
        verdict=_verdict(report),
        remarks="".join(f'<p class="facts">{escape(line)}</p>' for line in report.remarks),
        tiles=_tiles(report),
        bars=bars([(m.name, m.assigned, float(m.fair_share), m.note) for m in report.managers]),
        dots=deviation_dots([(m.name, m.deviation) for m in report.managers], GUARANTEE_LEADS),
        managers=_managers(report.managers),
        rules=_table(
            ("Rule", "Leads", "How"),
            [(name, f"{leads:,}", what) for name, leads, what in report.rules],
            texts=(0, 2),
        ),
        rules_hidden="" if report.rules else "hidden",
        deviation=deviation_figure(report.deviations, GUARANTEE_LEADS),
        deviation_table=_table(
            ("After leads", "Largest deviation, leads"),
            [(f"{n:,}", f"{value:.2f}") for n, value in _sampled(report.deviations)],
        ),
        progress=progress_figure(report.progress),
        progress_table=_table(
            ("Seconds", "Waiting", "Set in Kommo"),
            [(f"{s:.1f}", f"{w:,}", f"{done:,}") for s, w, done in _sampled(report.progress)],
        ),
        decisions="".join(_decision(decision) for decision in report.decisions),
        decisions_hidden="" if report.decisions else "hidden",
        guarantee=str(GUARANTEE_LEADS),
    )


def _verdict(report: DemoReport) -> str:
    unsettled = report.requested - report.in_kommo - report.waiting - report.lost
    if report.lost or report.twice:
        kind, text = "bad", "A promise was broken: leads were lost or decided twice."
    elif unsettled:
        kind, text = "bad", f"{unsettled:,} leads are decided, and not yet set in Kommo."
    elif report.waiting:
        kind, text = "good", f"Every lead has its manager, but {report.waiting:,} that wait."
    else:
        kind, text = "good", "Every lead has its manager. None was lost, none decided twice."
    return f'<p class="verdict {kind}">{_mark(kind)} {text}</p>'


def _tiles(report: DemoReport) -> str:
    worst = max(
        (*(value for _, value in report.deviations), *(abs(m.deviation) for m in report.managers)),
        default=0.0,
    )
    ratio = report.took_s / report.kommo_floor_s if report.kommo_floor_s > 0 else 1.0
    is_all_set = report.in_kommo + report.waiting == report.requested
    return "".join(
        (
            _tile("Set in Kommo", f"{report.in_kommo:,}", f"of {report.requested:,}", is_all_set),
            _tile("Lost", f"{report.lost:,}", "every request has an outcome", not report.lost),
            _tile("Decided twice", f"{report.twice:,}", "repeats change nothing", not report.twice),
            _tile("Waiting", f"{report.waiting:,}", "with the next time to look", None),
            _tile(
                "Largest deviation",
                f"{worst:.2f}",
                f"leads, at any time of the run; guaranteed below {GUARANTEE_LEADS}",
                worst < GUARANTEE_LEADS,
            ),
            _tile(
                "Time",
                f"{report.took_s:.1f} s",
                f"{ratio:.2f} times the {report.kommo_floor_s:.1f} s that Kommo's limit imposes"
                f" with {report.batch_size} leads per request, what is read for them included",
                ratio <= TIME_RATIO_MAX,
            ),
        )
    )


def _tile(name: str, value: str, remark: str, is_good: bool | None) -> str:  # noqa: FBT001  # three states
    kind = {None: "plain", True: "good", False: "bad"}[is_good]
    return (
        f'<div class="tile {kind}"><dt>{escape(name)}</dt>'
        f"<dd><strong>{escape(value)}</strong>{_mark(kind)}<span>{escape(remark)}</span></dd></div>"
    )


def _mark(kind: str) -> str:
    """What the colour says, for those who do not see it."""
    mark, meaning = {"good": ("✓", "good"), "bad": ("✗", "bad"), "plain": ("", "")}[kind]
    return f'<b class="mark" role="img" aria-label="{meaning}">{mark}</b>' if mark else ""


def _managers(managers: Sequence[ManagerRow]) -> str:
    """What the figures show, in numbers; no column that says the same of everybody."""
    columns: list[tuple[str, Callable[[ManagerRow], str]]] = [
        ("Manager", lambda m: m.name),
        ("Id", lambda m: str(m.manager_id)),
        ("Coefficient", lambda m: f"{m.coefficient.normalize():f}"),
    ]
    if any(m.tier != 1 for m in managers):
        columns.append(("Priority", lambda m: str(m.tier)))
    if any(m.limit is not None for m in managers):
        columns.append(("Limit", lambda m: "\u2013" if m.limit is None else f"{m.limit:,}"))
    columns += [
        ("Fair share", lambda m: f"{float(m.fair_share):,.2f}"),
        ("Assigned", lambda m: f"{m.assigned:,}"),
        ("Deviation", lambda m: signed(m.deviation)),
        ("Note", lambda m: m.note),
    ]
    return _table(
        [name for name, _ in columns],
        [[text_of(m) for _, text_of in columns] for m in managers],
        texts=(0, len(columns) - 1),
    )


def _decision(decision: ExplainedDecision) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in decision.lines)
    texts = range(len(decision.columns))
    table = _table(decision.columns, decision.rows, texts=texts) if decision.columns else ""
    return f"<article><h3>{escape(decision.title)}</h3><ol>{lines}</ol>{table}</article>"


def _table(
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


def _sampled(points: Sequence[T]) -> list[T]:
    """Evenly chosen points, the first and the last among them."""
    if len(points) <= TABLE_ROWS_MAX:
        return list(points)
    last = len(points) - 1
    return [points[last * step // (TABLE_ROWS_MAX - 1)] for step in range(TABLE_ROWS_MAX)]
