"""The demo on a process per role: it must decide as the embedded engine does."""

import asyncio
from pathlib import Path

import pytest

from services.demo.kafka import Comparison, _first_difference
from services.demo.output import print_comparison
from services.demo.run import Demo
from tests.support.kafka import own_broker

LEADS = 60


async def test_I7_processes_on_kafka_decide_byte_for_byte_as_the_embedded_engine(
    tmp_path: Path,
) -> None:
    with own_broker(tmp_path / "kafka") as broker:
        demo = Demo(
            leads=LEADS,
            drop_percent=0,
            batch=50,
            report=tmp_path / "report.html",
            kafka=broker.address,
        )
        findings, comparison = await asyncio.wait_for(demo.play(), 180)

    assert comparison is not None
    assert comparison.first_difference is None
    assert comparison.digests[0] == comparison.digests[1]
    assert comparison.events > comparison.messages / 2 > LEADS
    assert (findings.requested, findings.set_in_kommo) == (LEADS, LEADS)
    assert (findings.lost, findings.twice) == (0, 0)
    # Of 60 leads six are partners' and six are renewals; nine more were distributed before.
    assert {row.name: row.leads for row in findings.rules} == {
        "Requests from the site": 48,
        "Large tenders": 1,
        "Met at the fair of Lisbon": 1,
        "Urgent, at any hour": 1,
        "Call back in the evening": 1,
        "All other partners": 2 + 6,
        "Renewals": 6,
        "Offers to customers": 3,
    }


def test_I7_a_difference_is_named_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    events = [(1, "a", b"{}"), (2, "b", b"{}")]
    other = [(1, "a", b"{}"), (2, "b", b"{1}")]
    assert [_first_difference(events, e) for e in (events, other, events[:1], [])] == [
        None,
        2,
        2,
        1,
    ]

    comparison = Comparison(messages=2, events=2, first_difference=2, digests=("a", "b"))
    print_comparison(comparison)

    assert not comparison.is_same
    assert "THEY DIFFER; the first event that differs: 2" in capsys.readouterr().out
