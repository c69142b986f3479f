"""What takes long first, and the same share to each worker."""

from itertools import chain, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.order import dealt


def collected(lane: str, module: str, count: int, *scopes: str) -> list[Any]:
    """Tests of a module that use fixtures of these scopes."""
    fixtures = {scope: [SimpleNamespace(scope=scope)] for scope in scopes}
    return [
        SimpleNamespace(
            nodeid=f"{module}::{number}",
            path=Path(module),
            lane=lane,
            _fixtureinfo=SimpleNamespace(name2fixturedefs=fixtures),
        )
        for number in range(count)
    ]


def handed(items: list[Any], workers: int, cores: int | None = None) -> list[list[str]]:
    """What each worker gets, as `worksteal` hands it out: by equal pieces."""
    found = dealt(items, workers, lambda item: vars(item)["lane"], cores=cores or workers)
    order = [item.nodeid for item in found]
    ends = [worker * len(order) // workers for worker in range(workers + 1)]
    return [order[begin:end] for begin, end in pairwise(ends)]


def test_each_worker_has_long_tests_first_and_short_ones_to_give_away() -> None:
    short, long = collected("unit", "a", 5), collected("system", "b", 3)
    server = collected("server", "c", 2, "module")

    assert handed([*short, *server, *long], 2) == [
        ["b::0", "b::2", "a::0", "a::1", "a::2"],
        ["b::1", "c::0", "c::1", "a::3", "a::4"],
    ]


def test_a_worker_beyond_the_cores_has_servers_and_fills_the_waits_of_the_others() -> None:
    short, long = collected("unit", "a", 5), collected("system", "b", 2)
    server, broker = collected("server", "c", 2, "module"), collected("broker", "d", 1)

    assert handed([*short, *server, *long, *broker], 3, cores=2) == [
        ["b::0", "d::0", "a::0"],
        ["b::1", "a::1", "a::2"],
        ["c::0", "c::1", "a::3", "a::4"],
    ]


def test_a_package_that_starts_something_is_with_one_worker() -> None:
    jobs, hours = collected("system", "w/a", 2, "package"), collected("system", "w/b", 1)
    short = collected("unit", "c", 3)

    assert handed([*jobs, *hours, *short], 2) == [
        ["w/a::0", "w/a::1", "w/b::0"],
        ["c::0", "c::1", "c::2"],
    ]


def test_none_is_left_out_however_few_are_short() -> None:
    items = collected("broker", "a", 3, "module") + collected("unit", "b", 1, "function")

    assert sorted(chain(*handed(items, 3))) == ["a::0", "a::1", "a::2", "b::0"]
