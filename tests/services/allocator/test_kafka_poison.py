"""What cannot be read, or trips over a bug, in a partition that many accounts share (F26)."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from contracts.events import AllocationEvent
from contracts.inbound import Inbound, TriggerFired
from domain.decide import decide
from domain.state import Account
from services.allocator import run
from services.log.kafka import partition_of, source_of
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Entry
from services.storage.dead_letters import DeadLetters
from tests.support.engine import ACCOUNTS, Engine, allocating
from tests.support.kafka import PARTITIONS
from tests.support.vault import VAULT

pytestmark = pytest.mark.fault

HURT = ACCOUNTS[0]
BUG_AT = 3


@pytest.fixture(autouse=True)
def _hushed() -> Iterator[None]:
    """The tracebacks of bugs made on purpose are costly to draw."""
    with capture_logs():
        yield


def _tripping(account: Account, message: Inbound) -> tuple[AllocationEvent, ...]:
    events = decide(account, message)
    is_hurt = message.account_id == HURT and isinstance(message.body, TriggerFired)
    if is_hurt and message.message_id == f"{HURT}/lead-{BUG_AT}":
        raise ZeroDivisionError
    return events


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\xfe", "message: expected JSON"),
        (b'{"v":99,"type":"trigger.fired"}', "v: expected a version"),
    ],
    ids=["bytes", "version"],
)
async def test_F26_what_is_poisonous_is_kept_aside_and_all_others_of_the_partition_go_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, value: bytes, reason: str
) -> None:
    monkeypatch.setattr(run, "decide", _tripping)
    engine.repeated = 0.0
    await engine.tell(40)
    async with KafkaLogWriter(engine.settings, engine.topic, answer_within_s=20) as writer:
        await writer.publish([Entry(HURT, value)])
    await engine.tell(40)
    async with allocating(engine):
        await engine.everything_decided()

    letters = sorted(await DeadLetters(engine.pool, VAULT).page(), key=lambda kept: kept.id)
    source = f"fairlead.inbound.v1:{source_of(engine.topic, partition_of(HURT, PARTITIONS))}"
    assert [(kept.account_id, kept.source) for kept in letters] == [(HURT, source)] * 2
    tripped, unread = letters
    assert tripped.reason == "the engine tripped over this message"
    assert reason in unread.reason
    assert unread.body == value
    assert (await engine.decided_leads(HURT)) == [1, 2, *range(BUG_AT + 1, 11)]
    for account in ACCOUNTS[1:]:
        assert await engine.decided_leads(account) == [*range(1, 11)]
