"""`fairlead topics apply` as a person gives it."""

from pathlib import Path

import pytest

from tests.services.cli.conftest import command
from tests.support.kafka import own_broker


@pytest.fixture
def one_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_KAFKA_REPLICATION", "1")
    monkeypatch.setenv("FAIRLEAD_KAFKA_IN_SYNC_MIN", "1")
    monkeypatch.setenv("FAIRLEAD_KAFKA_PARTITIONS", "3")


@pytest.mark.broker
@pytest.mark.usefixtures("one_copy")
def test_F23_topics_are_created_reported_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_broker(tmp_path / "kafka") as broker:
        said = command(tmp_path, "topics", "apply", "--kafka", broker.address)
        assert said.out.splitlines() == [
            "fairlead.inbound.v1: 3 partitions, 1 copies, 14 days, created",
            "fairlead.allocations.v1: 3 partitions, 1 copies, 14 days, created",
        ]
        monkeypatch.setenv("FAIRLEAD_KAFKA_RETENTION_DAYS", "15")
        said = command(tmp_path, "topics", "apply", "--kafka", broker.address)
        assert said.out.splitlines()[0] == (
            "fairlead.inbound.v1: 3 partitions, exists, left alone though it differs:"
            " retention.ms 1209600000, declared 1296000000"
        )
        monkeypatch.setenv("FAIRLEAD_KAFKA_PARTITIONS", "4")
        said = command(tmp_path, "topics", "apply", "--kafka", broker.address)
        assert "has 3 partitions, the settings say 4" in said.error
        assert "fairlead topics apply" in said.error


def test_F24_a_setting_out_of_bounds_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_KAFKA_RETENTION_DAYS", "13")

    said = command(tmp_path, "topics", "apply", "--kafka", "127.0.0.1:1")
    assert said.error.startswith("FAIRLEAD_KAFKA_RETENTION_DAYS: ")


def test_F15_a_broker_that_is_away_is_said(tmp_path: Path) -> None:
    said = command(tmp_path, "topics", "apply", "--kafka", "127.0.0.1:1")

    assert said.error.startswith("Kafka at 127.0.0.1:1: ")
