"""The dashboard: every panel reads metrics that exist, and nothing that matters is missing."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from services.projector.schema import prepare
from tests.deploy.complete import all_metrics, names_and_labels
from tests.support.promql import parse

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FOREIGN = {"up": {"job", "instance"}}
# Told by alerts alone, or of no use as a picture.
NOT_SHOWN = {
    "fairlead_build_info",
    "fairlead_clock_skew_seconds",
    "fairlead_events_recorded_total",
    "fairlead_kafka_readable",
    "fairlead_spool_bytes",
    "fairlead_spool_usable",
    "fairlead_tables_readable",
    "fairlead_timers_overdue_seconds",
}


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((GRAFANA / "dashboards" / "fairlead.json").read_text())
    found: list[dict[str, Any]] = dashboard["panels"]
    return found


async def test_every_panel_reads_metrics_and_labels_that_exist(pool: Any) -> None:
    await prepare(pool)
    metrics = all_metrics(pool)
    await metrics.page()
    known: dict[str, set[str]] = defaultdict(set, FOREIGN)
    for name, labels in names_and_labels(metrics):
        known[name] |= labels | {"instance", "job"}
    shown: set[str] = set()
    for panel in panels():
        for target in panel["targets"]:
            query = parse(target["expr"])
            assert query.metrics <= set(known), panel["title"]
            labels = set().union(*(known[name] for name in query.metrics))
            legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert query.labels | legend <= labels, panel["title"]
            shown |= query.metrics

    ours = {name for name in known if name.startswith("fairlead_")}
    said = {name for name in ours if not name.endswith(("_created", "_bucket", "_count", "_sum"))}
    assert said - shown == NOT_SHOWN
    assert {"fairlead_batch_messages_bucket", "fairlead_batch_decision_seconds_bucket"} <= shown


def test_panels_say_what_they_show_and_do_not_cover_each_other() -> None:
    cells = [
        (x, y)
        for panel in panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())
    assert [panel["title"] for panel in panels() if not panel["description"]] == []


def test_grafana_finds_its_source_and_the_dashboard_without_a_click() -> None:
    read = YAML(typ="safe").load
    provisioning = GRAFANA / "provisioning"
    (source,) = read((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = read((provisioning / "dashboards" / "fairlead.yaml").read_text())["providers"]
    used = {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}

    assert used == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
