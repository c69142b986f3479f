"""The figures of the distributed installation, as ratios in one run: `make bench-kafka`."""

import sys
import tempfile
from pathlib import Path

import uvloop

from services.shared.logs import configure_logging
from tests.bench.figures import machine
from tests.bench.kafka_decisions import measure_decisions
from tests.bench.kafka_ingest import measure_ingest
from tests.bench.kafka_whole import measure_whole

MEASURES = (measure_ingest, measure_decisions, measure_whole)


async def main() -> None:
    configure_logging(json_lines=True, level="ERROR")
    sys.stdout.write(f"{machine()}\n\n")
    for measure in MEASURES:
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as name:
            for figure in await measure(Path(name)):
                sys.stdout.write(f"{figure}\n")
                sys.stdout.flush()


uvloop.run(main())
