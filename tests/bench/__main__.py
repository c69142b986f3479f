"""The figures of the design, as ratios in one run: `make bench`; `ONLY="scale release"` for some.

Each pair is measured in turn, A B A B ..., on the same data; printed are the medians and the
range. Absolute times are of this machine, the ratios say more.
"""

import gc
import sys
import tempfile
from pathlib import Path

import uvloop

from services.shared.logs import configure_logging
from tests.bench.allocator import measure_allocator
from tests.bench.api import measure_api
from tests.bench.audit import measure_audit
from tests.bench.backlog import measure_backlog
from tests.bench.cold import measure_cold
from tests.bench.console import measure_console
from tests.bench.demo import measure_demo
from tests.bench.figures import machine
from tests.bench.growth import measure_growth
from tests.bench.ingress import measure_ingress
from tests.bench.kinds import measure_kinds
from tests.bench.neighbours import measure_neighbours
from tests.bench.projections import measure_projections
from tests.bench.release import measure_release
from tests.bench.scale import measure_scale
from tests.bench.system import measure_system
from tests.bench.whatif import measure_whatif

MEASURES = {
    "ingress": measure_ingress,
    "neighbours": measure_neighbours,
    "allocator": measure_allocator,
    "kinds": measure_kinds,
    "scale": measure_scale,
    "release": measure_release,
    "backlog": measure_backlog,
    "cold": measure_cold,
    "projections": measure_projections,
    "growth": measure_growth,
    "system": measure_system,
    "whatif": measure_whatif,
    "audit": measure_audit,
    "api": measure_api,
    "console": measure_console,
    "demo": measure_demo,
}


async def main(names: list[str]) -> None:
    # A line per webhook would be most of what is measured.
    configure_logging(json_lines=True, level="ERROR")
    gc.collect()
    gc.freeze()  # as a process of roles does
    sys.stdout.write(f"{machine()}\n\n")
    for name in names or MEASURES:
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
            for figure in await MEASURES[name](Path(folder)):
                sys.stdout.write(f"{figure}\n")
                sys.stdout.flush()


if unknown := [name for name in sys.argv[1:] if name not in MEASURES]:
    sys.exit(f"{unknown[0]}: expected one or more of {', '.join(MEASURES)}")
uvloop.run(main(sys.argv[1:]))
