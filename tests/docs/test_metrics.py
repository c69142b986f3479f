"""The page about watching lists every metric there is, and no other."""

import re
from typing import Any

from services.projector.schema import prepare
from tests.deploy.complete import all_metrics
from tests.docs.pages import DOCS

# What Prometheus adds to a name.
SUFFIXES = {"counter": "_total", "info": "_info"}


async def test_I14_every_metric_is_in_the_manual(pool: Any) -> None:
    await prepare(pool)
    metrics = all_metrics(pool)
    await metrics.page()
    known = {
        family.name + SUFFIXES.get(family.type, "")
        for family in metrics.registry.collect()
        if family.name.startswith("fairlead_")
    }
    told = set(re.findall(r"`(fairlead_\w+)`", (DOCS / "how-to" / "watch.md").read_text()))

    assert told == known
