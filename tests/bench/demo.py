"""The whole: how long 1,000 leads take against what Kommo's limit alone imposes."""

from pathlib import Path

from services.cli.demo import Demo
from services.cli.demo_findings import KOMMO_REQUESTS_PER_S
from tests.bench.figures import Figure

RUNS = 3
LEADS = 1_000
BATCH = 50


async def measure_demo(folder: Path) -> list[Figure]:
    """Play the demo some times; each must lose nothing and do nothing twice."""
    ratios: list[float] = []
    for _ in range(RUNS):
        findings, _ = await Demo(
            leads=LEADS, drop_percent=0, batch=BATCH, report=folder / "report.html"
        ).play()
        assert (findings.lost, findings.twice) == (0, 0)
        ratios.append(findings.seconds / findings.floor_s)
    name = (
        f"demo: {LEADS:,} leads / Kommo's floor of {KOMMO_REQUESTS_PER_S} requests per s,"
        f" {BATCH} leads each, and what is read for them"
    )
    return [Figure(name, ratios, "times")]
