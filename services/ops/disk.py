"""How much room a disk has left (F75)."""

from pathlib import Path
from shutil import disk_usage

from prometheus_client import Gauge

from services.ops.metrics import Metrics


def show_disk(metrics: Metrics, folder: Path) -> None:
    """Show how much of the disk that holds the folder is free."""
    gauge = Gauge(
        "fairlead_disk_free_ratio",
        "What is free of the disk that holds the data folder.",
        registry=metrics.registry,
    )
    gauge.set_function(lambda: _free(folder))


def _free(folder: Path) -> float:
    usage = disk_usage(folder)
    return usage.free / usage.total
