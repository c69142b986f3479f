"""The figures of the design, as ratios in one run: `make bench`; `ONLY="scale release"` for some.

Each pair is measured in turn, A B A B ..., on the same data; printed are the medians and the
range. Absolute times are of this machine, the ratios say more.
"""

import sys
import tempfile
from pathlib import Path

import uvloop

from services.logs import configure_logging
from tests.bench.allocator import measure_allocator
from tests.bench.demo import measure_demo
from tests.bench.figures import machine
from tests.bench.ingress import measure_ingress
from tests.bench.release import measure_release
from tests.bench.scale import measure_scale

MEASURES = {
    "ingress": measure_ingress,
    "allocator": measure_allocator,
    "scale": measure_scale,
    "release": measure_release,
    "demo": measure_demo,
}


async def main(names: list[str]) -> None:
    # A line per webhook would be most of what is measured.
    configure_logging(json_lines=True, level="ERROR")
    sys.stdout.write(f"{machine()}\n\n")
    for name in names or MEASURES:
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
            for figure in await MEASURES[name](Path(folder)):
                sys.stdout.write(f"{figure}\n")
                sys.stdout.flush()


if unknown := [name for name in sys.argv[1:] if name not in MEASURES]:
    sys.exit(f"{unknown[0]}: expected one or more of {', '.join(MEASURES)}")
uvloop.run(main(sys.argv[1:]))
