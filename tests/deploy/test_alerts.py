"""The alerts: what they read exists, what they say is in the manual (I14)."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from services.projector.schema import prepare
from tests.deploy.complete import all_metrics, names_and_labels
from tests.support.promql import QueryRefused, parse

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
MANUAL = ROOT / "docs" / "operations.md"
DURATION = re.compile(r"\d+[smh]")
FOREIGN = {"up": {"job", "instance"}}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Labels(Strict):
    severity: Literal["critical", "warning"]


class Annotations(Strict):
    summary: str
    action: str


class Alert(Strict):
    alert: str
    expr: str
    labels: Labels
    annotations: Annotations
    # "for" is a word of Python.
    lasting: str = "0s"


class Group(Strict):
    name: str
    interval: str
    rules: list[dict[str, Any]]


def alerts() -> list[Alert]:
    document = YAML(typ="safe").load(ALERTS.read_text())
    assert list(document) == ["groups"]
    groups = [Group.model_validate(group) for group in document["groups"]]
    return [
        Alert.model_validate({"lasting" if k == "for" else k: v for k, v in rule.items()})
        for group in groups
        for rule in group.rules
    ]


def test_I14_each_alert_has_a_name_of_its_own_and_a_section_of_the_manual() -> None:
    names = [alert.alert for alert in alerts()]
    sections = re.findall(r"^### (Fairlead\w+)$", MANUAL.read_text(), re.MULTILINE)

    assert len(names) == len(set(names))
    assert names == sections
    assert all(name.startswith("Fairlead") for name in names)
    assert all(DURATION.fullmatch(alert.lasting) for alert in alerts())


async def test_I14_each_alert_and_what_it_tells_is_of_metrics_that_exist(pool: Any) -> None:
    await prepare(pool)
    metrics = all_metrics(pool)
    await metrics.page()
    known: dict[str, set[str]] = defaultdict(set, FOREIGN)
    for name, labels in names_and_labels(metrics):
        known[name] |= labels | {"instance", "job"}

    assert len(alerts()) > 0
    for alert in alerts():
        query = parse(alert.expr)
        assert query.metrics <= set(known), alert.alert
        labels = {label for name in query.metrics for label in known[name]}
        told = alert.annotations.summary + alert.annotations.action
        used = set(re.findall(r"\$labels\.(\w+)", told))
        assert query.labels | used <= labels, alert.alert


@pytest.mark.parametrize(
    "query",
    [
        "fairlead_a >",
        "sum(fairlead_a",
        "fairlead_a{b=c}",
        'fairlead_a{b~"c"}',
        "rate(fairlead_a)",
        "abs(fairlead_a[5m])",
        "sum(fairlead_a[5m])",
        "rate(fairlead_a[five])",
        "no_such_function(fairlead_a)",
        "fairlead_a fairlead_b",
        "fairlead_a; drop",
        "",
    ],
)
def test_a_query_that_prometheus_would_not_take_is_found(query: str) -> None:
    with pytest.raises(QueryRefused):
        parse(query)


def test_what_a_query_reads_is_found() -> None:
    query = parse('sum by (le) (rate(a_bucket{b=~"c|d"}[5m])) > 0.5 * -max(e) and f == 1')

    assert query.metrics == {"a_bucket", "e", "f"}
    assert query.labels == {"le", "b"}
