"""A history as a line of few enough points (W5.3)."""

from dataclasses import replace
from datetime import UTC, datetime

from projections.fairness import Furthest
from services.console.deviations import POINTS_MAX, thinned


def test_W5_3_a_long_history_is_drawn_with_its_peaks_and_its_end() -> None:
    at = datetime(2026, 10, 25, tzinfo=UTC)
    calm = [Furthest(at=at, units=n % 7) for n in range(1_000)]
    peak = [replace(each, units=99) if n == 503 else each for n, each in enumerate(calm)]
    drawn = thinned(peak)

    assert len(drawn) <= POINTS_MAX
    assert max(each.units for each in drawn) == 99
    assert drawn[-1] is peak[-1]
    assert thinned(calm[:5]) == calm[:5]
