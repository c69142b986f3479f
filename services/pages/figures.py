"""Figures as inline SVG: they take their colours from the page.

A figure is 560 units wide with text of 15, so that it can be read at 340 pixels on a phone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from services.pages.parts import escape

WIDTH = 560
POINTS_MAX = 280  # two units of width each; more cannot be seen
NAME_CHARS_MAX = 15
BAR_STEP = 38
BAR_TOP = 38
PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM = 56, 536, 34, 250
PLOT_HEIGHT = 300

Scale = Callable[[float], float]
T = TypeVar("T")


def bars(
    rows: Sequence[tuple[str, int, float, str]],
    *,
    bar: str = "assigned",
    marker: str = "fair share",
    title: str = "Leads assigned and fair share, per manager",
) -> str:
    """Leads of each as bars, with what to hold against it as a marker on each.

    Args:
        rows: Name, leads, the marker's place, note.
        bar: What the bars are.
        marker: What the markers are.
        title: Of the figure.
    """
    most = max((max(float(assigned), fair) for _, assigned, fair, _ in rows), default=1.0) or 1.0
    left, right = 158, 492
    parts: list[str] = []
    for number, (name, assigned, fair, note) in enumerate(rows):
        top = BAR_TOP + number * BAR_STEP
        length = assigned / most * (right - left)
        at = left + fair / most * (right - left)
        hint = f"{name}: {assigned:,} {bar}, {marker} {fair:,.2f}"
        hint += f" ({note})" if note else ""
        parts.append(
            f"<g><title>{escape(hint)}</title>"
            f'<text x="{left - 10}" y="{top + 17}" class="end">{escape(_shortened(name))}</text>'
            f'<rect x="{left}" y="{top}" width="{right - left}" height="24" class="track"/>'
            f'<rect x="{left}" y="{top}" width="{length:.1f}" height="24" class="bar"/>'
            f'<path d="M{at:.1f} {top - 4}v32" class="halo"/>'
            f'<path d="M{at:.1f} {top - 4}v32" class="marker"/>'
            f'<text x="{right + 12}" y="{top + 17}" class="strong">{assigned:,}</text></g>'
        )
    legend = (
        f'<rect x="{left}" y="6" width="18" height="12" class="bar"/>'
        f'<text x="{left + 26}" y="17">{escape(bar)}</text>'
        f'<path d="M{left + 132} 2v20" class="marker"/>'
        f'<text x="{left + 142}" y="17">{escape(marker)}</text>'
    )
    off = max((abs(assigned - fair) for _, assigned, fair, _ in rows), default=0.0)
    return _svg(
        "bars",
        title,
        f"{len(rows)} managers; nobody is further than {off:.2f} leads from the marker: {marker}.",
        legend + "".join(parts),
        height=BAR_TOP + len(rows) * BAR_STEP,
    )


def deviation_dots(
    rows: Sequence[tuple[str, float]], guarantee: int, *, name: str = "dots", of: str = ""
) -> str:
    """How far each manager is from the fair share, between the lines of the guarantee.

    Args:
        rows: Name, leads above the fair share (negative: below).
        guarantee: In leads.
        name: Of the figure on its page.
        of: Which leads it is about, if not all.
    """
    left, right, side = 158, 500, 62
    reach = max([guarantee * 1.0, *(abs(value) for _, value in rows)])
    middle = (left + right) / 2
    bottom = BAR_TOP + len(rows) * BAR_STEP - 8

    def x(value: float) -> float:
        return middle + value / reach * (right - left) / 2

    lines = "".join(
        f'<path d="M{x(at):.1f} {BAR_TOP - 10}V{bottom}" class="{kind}"/>'
        f'<text x="{x(at):.1f}" y="17" class="middle {tone}">{signed(at, 0)}</text>'
        for at, kind, tone in (
            (-guarantee, "limit", "warm"),
            (0, "axis", "soft"),
            (guarantee, "limit", "warm"),
        )
    )
    dots = "".join(
        f"<g><title>{escape(f'{manager}: {signed(value)} leads')}</title>"
        f'<text x="{left - side + 52}" y="{y + 5}" class="end">{escape(_shortened(manager))}</text>'
        f'<path d="M{middle} {y}H{x(value):.1f}" class="stem"/>'
        f'<circle cx="{x(value):.1f}" cy="{y}" r="7" class="dot"/>'
        f'<text x="{right + 12}" y="{y + 5}" class="strong">{signed(value)}</text></g>'
        for number, (manager, value) in enumerate(rows)
        for y in [BAR_TOP + number * BAR_STEP + 12]
    )
    worst = max((abs(value) for _, value in rows), default=0.0)
    return _svg(
        name,
        f"Leads{of} above or below the fair share, per manager",
        f"Nobody is further than {worst:.2f} leads away; {guarantee} is the guarantee.",
        lines + dots,
        height=BAR_TOP + len(rows) * BAR_STEP,
    )


def deviation_figure(points: Sequence[tuple[int, float]], guarantee: int) -> str:
    """The largest deviation of any manager while the leads come in."""
    worst = max((value for _, value in points), default=0.0)
    x, x_ticks = _axis([n for n, _ in points], PLOT_LEFT, PLOT_RIGHT)
    y, y_ticks = _axis([worst, guarantee * 1.15], PLOT_BOTTOM, PLOT_TOP)
    line = _path(_highest(points), x, y)
    limit = y(guarantee)
    area = f"{line}V{PLOT_BOTTOM}H{PLOT_LEFT}Z" if line else ""
    return _svg(
        "deviation",
        "Largest deviation from the fair share while the leads come in",
        f"At most {worst:.2f} leads, the guarantee is below {guarantee}.",
        _grid(x, x_ticks, y, y_ticks, "leads distributed")
        + f'<path d="{area}" class="area"/><path d="{line}" class="line"/>'
        + f'<path d="M{PLOT_LEFT} {limit:.1f}H{PLOT_RIGHT}" class="limit"/>'
        + f'<text x="{PLOT_RIGHT}" y="{limit - 8:.1f}" class="end warm">'
        + f"guaranteed below {guarantee} leads</text>",
    )


def progress_figure(points: Sequence[tuple[float, int, int]]) -> str:
    """Leads waiting to be set and leads set, over the seconds."""
    total = max((max(waiting, done) for _, waiting, done in points), default=0)
    x, x_ticks = _axis([s for s, _, _ in points], PLOT_LEFT, PLOT_RIGHT)
    y, y_ticks = _axis([total * 1.02], PLOT_BOTTOM, PLOT_TOP)
    thin = _thinned(points)
    done = _path([(s, d) for s, _, d in thin], x, y)
    waiting = _path([(s, w) for s, w, _ in thin], x, y)
    area = f"{done}V{PLOT_BOTTOM}H{PLOT_LEFT}Z" if done else ""
    last = points[-1] if points else (0.0, 0, 0)
    legend = (
        f'<path d="M{PLOT_LEFT} 12h26" class="line"/><text x="{PLOT_LEFT + 34}" y="17">'
        f'set in Kommo</text><path d="M{PLOT_LEFT + 176} 12h26" class="line dashed"/>'
        f'<text x="{PLOT_LEFT + 210}" y="17">waiting to be set</text>'
    )
    return _svg(
        "progress",
        "Leads waiting and leads set in Kommo over time",
        f"After {last[0]:.1f} seconds {last[2]:,} leads are set and {last[1]:,} wait.",
        legend
        + _grid(x, x_ticks, y, y_ticks, "seconds")
        + f'<path d="{area}" class="area"/><path d="{done}" class="line"/>'
        + f'<path d="{waiting}" class="line dashed"/>',
    )


def _svg(key: str, title: str, description: str, content: str, *, height: int = PLOT_HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-labelledby="{key}-title {key}-desc">'
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>{content}</svg>'
    )


def _grid(x: Scale, x_ticks: Iterable[float], y: Scale, y_ticks: Iterable[float], unit: str) -> str:
    lines = "".join(
        f'<path d="M{PLOT_LEFT} {y(tick):.1f}H{PLOT_RIGHT}" class="grid"/>'
        f'<text x="{PLOT_LEFT - 8}" y="{y(tick) + 5:.1f}" class="end soft">{_number(tick)}</text>'
        for tick in y_ticks
    )
    marks = "".join(
        f'<text x="{x(tick):.1f}" y="{PLOT_BOTTOM + 21}" class="middle soft">{_number(tick)}</text>'
        for tick in x_ticks
    )
    middle = (PLOT_LEFT + PLOT_RIGHT) / 2
    name = f'<text x="{middle}" y="{PLOT_BOTTOM + 44}" class="middle soft">{escape(unit)}</text>'
    return lines + marks + name


def _axis(values: Iterable[float], start: float, end: float) -> tuple[Scale, list[float]]:
    """From 0 to the largest value; ticks at 1, 2 or 5 times a power of ten."""
    most = max((float(value) for value in values), default=0.0) or 1.0
    power = 10.0 ** math.floor(math.log10(most / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= most)
    ticks = [step * number for number in range(int(most / step + 1e-9) + 1)]
    return (lambda value: start + (end - start) * value / most), ticks


def _path(points: Iterable[tuple[float, float]], x: Scale, y: Scale) -> str:
    steps = [f"{x(a):.1f} {y(b):.1f}" for a, b in points]
    return f"M{'L'.join(steps)}" if steps else ""


def _highest(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Few enough points to draw, the highest of each stretch, so that no peak is hidden."""
    size = math.ceil(len(points) / POINTS_MAX) or 1
    stretches = (points[start : start + size] for start in range(0, len(points), size))
    return [max(stretch, key=lambda point: point[1]) for stretch in stretches]


def _thinned(points: Sequence[T]) -> list[T]:
    size = math.ceil(len(points) / POINTS_MAX) or 1
    return [*points[::size], *points[-1:]]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def signed(value: float, decimals: int = 2) -> str:
    """With its sign, and nothing but zero for zero."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if not float(text) else text.replace("-", "\N{MINUS SIGN}")


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_CHARS_MAX else f"{name[: NAME_CHARS_MAX - 1]}…"
