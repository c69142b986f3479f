"""The dashboards: every panel reads what exists, and nothing that matters is missing."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from ruamel.yaml import YAML

from services.projector.run import Projector
from services.projector.schema import prepare
from services.runtime.database import prepare as prepare_database
from services.storage.events import EventStore
from services.storage.roles import DASH
from tests.deploy.complete import all_metrics, names_and_labels
from tests.projections.history import story
from tests.services.projector.test_projector import FAST, Writer, quiet
from tests.support.promql import parse
from tests.support.users import as_user

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
SINCE, UNTIL = "'2026-03-01T00:00:00Z'", "'2026-04-01T00:00:00Z'"
FOREIGN = {"up": {"job", "instance"}}
# Told by alerts alone, or of no use as a picture.
NOT_SHOWN = {
    "fairlead_build_info",
    "fairlead_clock_skew_seconds",
    "fairlead_events_recorded_total",
    "fairlead_fairness_beyond_managers",
    "fairlead_kafka_readable",
    "fairlead_spool_bytes",
    "fairlead_spool_usable",
    "fairlead_tables_readable",
    "fairlead_timers_overdue_seconds",
}


def panels(name: str = "fairlead") -> list[dict[str, Any]]:
    dashboard = json.loads((GRAFANA / "dashboards" / f"{name}.json").read_text())
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
            labels = {label for name in query.metrics for label in known[name]}
            legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert query.labels | legend <= labels, panel["title"]
            shown |= query.metrics

    ours = {name for name in known if name.startswith("fairlead_")}
    said = {name for name in ours if not name.endswith(("_created", "_bucket", "_count", "_sum"))}
    assert said - shown == NOT_SHOWN
    assert {"fairlead_batch_messages_bucket", "fairlead_batch_decision_seconds_bucket"} <= shown


@pytest.mark.parametrize("name", ["fairlead", "account"])
def test_panels_say_what_they_show_and_do_not_cover_each_other(name: str) -> None:
    cells = [
        (x, y)
        for panel in panels(name)
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels(name)}) == len(panels(name))
    assert [panel["title"] for panel in panels(name) if not panel["description"]] == []


def test_grafana_finds_its_source_and_the_dashboard_without_a_click() -> None:
    read = YAML(typ="safe").load
    provisioning = GRAFANA / "provisioning"
    (source,) = read((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = read((provisioning / "dashboards" / "fairlead.yaml").read_text())["providers"]
    used = {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}

    assert used == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def as_grafana_asks(query: str) -> str:
    """The query with Grafana's macros as it fills them in."""
    filled = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {SINCE} AND {UNTIL}", query)
    filled = filled.replace("$__timeFrom()", SINCE).replace("$__timeTo()", UNTIL)
    assert "$" not in filled
    return filled


async def test_S5_every_panel_of_an_account_is_answered_to_the_user_for_it(
    pool: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_DATABASE_URL", database_url)
    await prepare_database()
    lived = story(account_id=1, seed=9, messages=400)
    await Writer(EventStore(pool)).store_all(lived)
    following = Projector(pool, EventStore(pool), wait=quiet, options=FAST)
    while await following.catch_up():
        pass
    connection = await asyncpg.connect(as_user(DASH, database_url))
    try:
        await connection.execute("SET fairlead.account_id = '1'")
        answers = {
            panel["title"]: await connection.fetch(as_grafana_asks(target["rawSql"]))
            for panel in panels("account")
            for target in panel["targets"]
        }
    finally:
        await connection.close()

    assert [title for title, rows in answers.items() if not rows] == []
    for panel in panels("account"):
        if panel["targets"][0]["format"] == "time_series":
            assert "time" in answers[panel["title"]][0], panel["title"]


def test_grafana_finds_the_source_of_an_account_without_a_click() -> None:
    file = GRAFANA / "provisioning" / "datasources" / "dash.yaml"
    (source,) = YAML(typ="safe").load(file.read_text())["datasources"]
    dashboard = json.loads((GRAFANA / "dashboards" / "account.json").read_text())
    (choice,) = dashboard["templating"]["list"]
    used = {
        json.dumps(each["datasource"])
        for panel in dashboard["panels"]
        for each in (panel, *panel["targets"])
    }

    assert source["user"] == DASH
    assert choice["query"] == source["type"]
    assert used == {json.dumps({"type": source["type"], "uid": f"${{{choice['name']}}}"})}
