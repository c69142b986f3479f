"""The figures of the design, as ratios in one run: `make bench`.

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
from tests.bench.scale import measure_scale


async def main() -> None:
    # A line per webhook would be most of what is measured.
    configure_logging(json_lines=True, level="ERROR")
    sys.stdout.write(f"{machine()}\n\n")
    for measure in (measure_ingress, measure_allocator, measure_scale, measure_demo):
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as name:
            for figure in await measure(Path(name)):
                sys.stdout.write(f"{figure}\n")
                sys.stdout.flush()


uvloop.run(main())
