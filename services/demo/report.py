"""The demo's report: one HTML file that shows what happened to every lead, and why.

It needs nothing but itself: no network, no script. Each figure has a table with its numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from string import Template
from typing import Literal, TypeVar

from services.pages.figures import (
    bars,
    deviation_dots,
    deviation_figure,
    progress_figure,
    signed,
)
from services.pages.parts import escape, frame, table, tile, verdict

GUARANTEE_LEADS = 2  # D3.5
# Where leads are told apart (D3.9): in all, and in any kind.
GUARANTEE_WITH_KINDS_LEADS, GUARANTEE_IN_KIND_LEADS = 3, 4
TIME_RATIO_MAX = 1.25  # of the time that Kommo's own limit imposes
TABLE_ROWS_MAX = 11

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportedKind:
    """What a manager got of one kind of leads, and their fair share of it."""

    name: str
    assigned: int
    fair_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedManager:
    """A manager and what they got.

    Attributes:
        limit: A cap on their open leads, if it is not everybody's.
        note: Like "paused by an administrator"; empty for nothing special.
        fair_share: In leads: what was due to them, given when they could take leads.
        in_kind: The same of each kind of leads, if they are told apart.
        furthest_in_kind: The deviation in the kind in which it is largest.
    """

    manager_id: int
    name: str
    coefficient: Decimal
    fair_share: Fraction | Decimal
    assigned: int
    tier: int = 1
    limit: int | None = None
    note: str = ""
    in_kind: tuple[ReportedKind, ...] = ()
    furthest_in_kind: float = 0.0

    @property
    def deviation(self) -> float:
        """Leads above the fair share, below it when negative."""
        return float(Fraction(self.assigned) - Fraction(self.fair_share))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDecision:
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
        kommo_floor_s: What its requests take at the rate that Kommo allows.
        requests: To Kommo, until the last lead was set.
        rules: Name of each rule, the leads it gave to somebody, and what it did.
        deviations: After how many leads, and the largest deviation of any manager then.
        progress: Seconds, leads waiting to be set, leads set in Kommo.
        remarks: What else happened, a sentence each.
        guarantee_leads: How far anybody may be from the fair share at the most.
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
    requests: int
    managers: tuple[ReportedManager, ...]
    deviations: tuple[tuple[int, float], ...]
    progress: tuple[tuple[float, int, int], ...]
    rules: tuple[tuple[str, int, str], ...] = ()
    decisions: tuple[ReportedDecision, ...] = ()
    remarks: tuple[str, ...] = ()
    guarantee_leads: int = GUARANTEE_LEADS


def render(report: DemoReport) -> str:
    """The page."""
    page = resources.files(__package__).joinpath("report_page.html").read_text(encoding="utf-8")
    made_at = report.made_at
    title = f"{report.requested:,} leads"
    has_kinds = bool(_names(report.managers))
    content = Template(page).substitute(
        title=title,
        made_at=escape(made_at.isoformat(timespec="minutes")),
        made_on=escape(f"{made_at:%d %B %Y, %H:%M} {made_at.tzname() or ''}".strip()),
        settings=escape(report.settings),
        verdict=_verdict(report),
        remarks="".join(f'<p class="facts">{escape(line)}</p>' for line in report.remarks),
        tiles=_tiles(report),
        bars=bars([(m.name, m.assigned, float(m.fair_share), m.note) for m in report.managers]),
        dots=deviation_dots(
            [(m.name, m.deviation) for m in report.managers], report.guarantee_leads
        ),
        row="three" if has_kinds else "beside",
        kind_dots=_kind_dots(report.managers) if has_kinds else "",
        managers=_managers(report.managers),
        in_kind=_in_kind(report.managers),
        rules=table(
            ("Rule", "Leads", "How"),
            [(name, f"{leads:,}", what) for name, leads, what in report.rules],
            texts=(0, 2),
        ),
        rules_hidden="" if report.rules else "hidden",
        deviation=deviation_figure(report.deviations, report.guarantee_leads),
        deviation_table=table(
            ("After leads", "Largest deviation, leads"),
            [(f"{n:,}", f"{value:.2f}") for n, value in _sampled(report.deviations)],
        ),
        progress=progress_figure(report.progress),
        progress_table=table(
            ("Seconds", "Waiting", "Set in Kommo"),
            [(f"{s:.1f}", f"{w:,}", f"{done:,}") for s, w, done in _sampled(report.progress)],
        ),
        decisions="".join(_decision(decision) for decision in report.decisions),
        decisions_hidden="" if report.decisions else "hidden",
        guarantee=str(report.guarantee_leads),
    )
    return frame(title, content)


def _verdict(report: DemoReport) -> str:
    unsettled = report.requested - report.in_kommo - report.waiting - report.lost
    kind: Literal["good", "bad"] = "good"
    if report.lost or report.twice:
        kind, text = "bad", "A promise was broken: leads were lost or decided twice."
    elif unsettled:
        kind, text = "bad", f"{unsettled:,} leads are decided, and not yet set in Kommo."
    elif report.waiting:
        kind, text = "good", f"Every lead has its manager, except {report.waiting:,} that wait."
    else:
        kind, text = "good", "Every lead has its manager. None was lost, none decided twice."
    return verdict(text, kind=kind)


def _tiles(report: DemoReport) -> str:
    worst = max(
        (*(value for _, value in report.deviations), *(abs(m.deviation) for m in report.managers)),
        default=0.0,
    )
    ratio = report.took_s / report.kommo_floor_s if report.kommo_floor_s > 0 else 1.0
    is_all_set = report.in_kommo + report.waiting == report.requested
    return "".join(
        (
            tile("Set in Kommo", f"{report.in_kommo:,}", f"of {report.requested:,}", is_all_set),
            tile("Lost", f"{report.lost:,}", "every request has an outcome", not report.lost),
            tile("Decided twice", f"{report.twice:,}", "repeats change nothing", not report.twice),
            tile("Waiting", f"{report.waiting:,}", "each with a time of its next look", None),
            tile(
                "Largest deviation",
                f"{worst:.2f}",
                f"leads, at any time of the run; guaranteed below {report.guarantee_leads}",
                worst < report.guarantee_leads,
            ),
            tile(
                "Time",
                f"{report.took_s:.1f} s",
                f"{ratio:.2f} times the {report.kommo_floor_s:.1f} s that Kommo's limit imposes"
                f" on {report.requests:,} requests, what is read for the leads included",
                ratio <= TIME_RATIO_MAX,
            ),
        )
    )


def _managers(managers: Sequence[ReportedManager]) -> str:
    """What the figures show, in numbers; no column that says the same of everybody."""
    columns: list[tuple[str, Callable[[ReportedManager], str]]] = [
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
    return table(
        [name for name, _ in columns],
        [[text_of(m) for _, text_of in columns] for m in managers],
        texts=(0, len(columns) - 1),
    )


def _names(managers: Sequence[ReportedManager]) -> list[str]:
    """The kinds; none where leads are not told apart."""
    return list(dict.fromkeys(kind.name for m in managers for kind in m.in_kind))


def _kind_dots(managers: Sequence[ReportedManager]) -> str:
    """The picture of the kinds, to be seen beside that of the total."""
    dots = deviation_dots(
        [(m.name, m.furthest_in_kind) for m in managers],
        GUARANTEE_IN_KIND_LEADS,
        name="kind-dots",
        of=" of one kind",
    )
    caption = "The same in kind: of the leads of the source in which the difference is largest."
    return f"<figure>{dots}<figcaption>{caption}</figcaption></figure>"


def _in_kind(managers: Sequence[ReportedManager]) -> str:
    """The section about kinds; nothing where leads are not told apart."""
    names = _names(managers)
    if not names:
        return ""
    section = resources.files(__package__).joinpath("report_kinds.html").read_text("utf-8")
    return Template(section).substitute(kinds=_kinds(managers, names))


def _kinds(managers: Sequence[ReportedManager], names: Sequence[str]) -> str:
    """Manager and kind: what they got, and their fair share."""
    rows = []
    for manager in managers:
        of_kind = {kind.name: kind for kind in manager.in_kind}
        cells = [
            f"{of_kind[name].assigned:,} / {of_kind[name].fair_share:,.2f}"
            if name in of_kind
            else "\u2013"
            for name in names
        ]
        rows.append((manager.name, *cells))
    return table(("Manager", *names), rows, texts=(0,))


def _decision(decision: ReportedDecision) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in decision.lines)
    texts = range(len(decision.columns))
    people = table(decision.columns, decision.rows, texts=texts) if decision.columns else ""
    return f"<article><h3>{escape(decision.title)}</h3><ol>{lines}</ol>{people}</article>"


def _sampled(points: Sequence[T]) -> list[T]:
    """Evenly chosen points, the first and the last among them."""
    if len(points) <= TABLE_ROWS_MAX:
        return list(points)
    last = len(points) - 1
    return [points[last * step // (TABLE_ROWS_MAX - 1)] for step in range(TABLE_ROWS_MAX)]
