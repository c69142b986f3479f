"""The order of a run by several workers: what takes long first, and the same share of it to each.

xdist hands every worker an equal piece of the list and lets whoever is done take from the end of
another's. In the order of names the whole installations come last: in the end one worker had two
of them before it, minutes each, and nobody could help. Now short tests are at every end.
"""

from collections.abc import Callable, Sequence
from itertools import chain, groupby

import pytest

from tests.support.lanes import LANES


def dealt(
    items: Sequence[pytest.Item], workers: int, lane_of: Callable[[pytest.Item], str]
) -> list[pytest.Item]:
    """The items in an order that gives each worker its share of every lane, longer lanes first.

    What shares a fixture of its module stays together.
    """
    shared = {item.path for item in items if _shares(item)}
    groups = [
        tuple(group)
        for _, group in groupby(items, lambda item: item.path if item.path in shared else item)
    ]
    by_lane: dict[str, list[tuple[pytest.Item, ...]]] = {lane: [] for lane in LANES}
    for group in groups:
        by_lane[max(map(lane_of, group), key=LANES.index)].append(group)
    short = list(chain(*by_lane.pop(LANES[0])))
    long = list(chain(*(by_lane[lane] for lane in reversed(LANES[1:]))))
    order: list[pytest.Item] = []
    for worker in range(workers):
        order += chain(*long[worker::workers])
        ends_at = (worker + 1) * len(items) // workers
        fill = max(0, ends_at - len(order))
        order += short[:fill]
        del short[:fill]
    return order + short


def _shares(item: pytest.Item) -> bool:
    """Whether it uses a fixture of its module."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - not of every item
    return any(each[-1].scope in ("module", "package") for each in fixtures.values())
