"""The order of a run by several workers: what takes long first, and whole installations to few.

xdist hands every worker an equal piece of the list and lets whoever is done take from the end of
another's. In the order of names the whole installations come last: in the end one worker had two
of them before it, minutes each, and nobody could help. Now short tests are at every end.

Whole installations wait as much as they compute, and one of them has several processes. So no more
of them run side by side than there are cores; workers beyond these have servers and short tests,
which fill the waits.
"""

import os
from collections.abc import Callable, Sequence
from itertools import chain, groupby

import pytest

from tests.support.lanes import LANES

Group = tuple[pytest.Item, ...]
# Lanes of whole installations.
WHOLE = LANES[2:]


def dealt(
    items: Sequence[pytest.Item],
    workers: int,
    lane_of: Callable[[pytest.Item], str],
    *,
    cores: int | None = None,
) -> list[pytest.Item]:
    """The items in an order that gives each worker its share of what takes long, longest first.

    What shares a fixture of its module stays together, and so does a package that has one.
    """
    by_lane = _by_lane(items, lane_of)
    short = list(chain(*by_lane.pop(LANES[0])))
    hands = max(1, min(workers, cores or os.cpu_count() or 1))
    whole = [group for lane in reversed(WHOLE) for group in by_lane[lane]]
    servers = [group for lane in LANES[1:] if lane not in WHOLE for group in by_lane[lane]]
    if beyond := workers - hands:
        long = [whole[worker::hands] for worker in range(hands)]
        long += [servers[worker::beyond] for worker in range(beyond)]
    else:
        long = [[*whole, *servers][worker::workers] for worker in range(workers)]
    order: list[pytest.Item] = []
    for worker, groups in enumerate(long):
        order += chain(*groups)
        ends_at = (worker + 1) * len(items) // workers
        fill = max(0, ends_at - len(order))
        order += short[:fill]
        del short[:fill]
    return order + short


def _by_lane(
    items: Sequence[pytest.Item], lane_of: Callable[[pytest.Item], str]
) -> dict[str, list[Group]]:
    modules = {item.path for item in items if _shares(item, "module")}
    packages = {item.path.parent for item in items if _shares(item, "package")}

    def shared(item: pytest.Item) -> object:
        if item.path.parent in packages:
            return item.path.parent
        return item.path if item.path in modules else item

    groups = [tuple(group) for _, group in groupby(items, shared)]
    by_lane: dict[str, list[Group]] = {lane: [] for lane in LANES}
    for group in groups:
        by_lane[max(map(lane_of, group), key=LANES.index)].append(group)
    return by_lane


def _shares(item: pytest.Item, scope: str) -> bool:
    """Whether it uses a fixture of its module, or of its package."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - not of every item
    return any(each[-1].scope == scope for each in fixtures.values())
