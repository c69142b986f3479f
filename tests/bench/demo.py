"""The whole: how long 1,000 leads take against what Kommo's limit alone imposes."""

from pathlib import Path

from services.demo.findings import KOMMO_REQUESTS_PER_S
from services.demo.run import Demo
from tests.bench.figures import Figure

RUNS = 3
LEADS = 1_000


async def measure_demo(folder: Path) -> list[Figure]:
    """Play the demo some times; each must lose nothing and do nothing twice."""
    ratios: list[float] = []
    for _ in range(RUNS):
        findings, _ = await Demo(
            leads=LEADS, drop_percent=0, batch=None, report=folder / "report.html"
        ).play()
        assert (findings.lost, findings.twice) == (0, 0)
        ratios.append(findings.seconds / findings.floor_s)
    name = (
        f"demo: {LEADS:,} leads / their requests at {KOMMO_REQUESTS_PER_S} per s, Kommo's limit,"
        " what is read for them included"
    )
    return [Figure(name, ratios, "times")]
