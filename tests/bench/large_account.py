"""The account of the benchmarks of scale: 200 managers, 50 rules, 20 at work of the 40 of each."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.events import AllocationEvent
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    Inbound,
    InboundBody,
    LeadObserved,
    TriggerFired,
)
from contracts.stage import Stage
from domain.decide import decide
from domain.snapshot import REVISION, digest_of, dump
from domain.state import Account
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.storage.snapshots import Snapshot, SnapshotStore

MANAGERS, RULES = 200, 50
ELIGIBLE = 20  # of a rule, as on a shift
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 22, 3, tzinfo=UTC)  # a Sunday
TEAM = tuple(range(1, MANAGERS + 1))
ALL_DAYS = ("mon", "tue", "wed", "thu", "fri")


def described(account_id: int = 1, *, ledgers: Mapping[str, Any] | None = None) -> Account:
    """It has its managers and rules, and no leads; its ledgers may tell leads apart."""
    account = Account(account_id)
    tell(account, DescribeAccount(timezone="UTC", active_user_ids=TEAM), NIGHT)
    tell(account, ApplyRules(rules=_rules() | {"ledgers": ledgers or {}}, by="bench"), NIGHT)
    return account


def with_open_leads(count: int) -> Account:
    """It holds so many leads, shared evenly, at a stage that no rule is for."""
    account = described()
    for lead in range(1, count + 1):
        seen = LeadObserved(
            lead_id=lead,
            stage=Stage(lead % RULES + 1, 2),
            responsible_id=lead % MANAGERS + 1,
            modified_at=NIGHT - timedelta(days=1),
            created_at=NIGHT - timedelta(days=2),
            reason="baseline",
        )
        tell(account, seen, NIGHT)
    assert len(account.leads) == count
    return account


def tell(account: Account, body: InboundBody, at: datetime) -> tuple[AllocationEvent, ...]:
    """What the account answers to one message, which moves it on."""
    message = Inbound(account_id=account.account_id, message_id="m", at=at, body=body)
    return decide(account, message)


def trigger(lead_id: int) -> TriggerFired:
    """A lead asks for a manager; the rules get them in turn."""
    return TriggerFired(lead_id=lead_id, stage=Stage(lead_id % RULES + 1, 1), source="dp_hook")


def entry(account_id: int, name: str, body: InboundBody, at: datetime) -> Entry:
    """One message as it lies in the inbound log."""
    message = Inbound(account_id=account_id, message_id=name, at=at, body=body)
    return Entry(account_id, encode_inbound(message))


async def store(snapshots: SnapshotStore, account: Account, account_id: int) -> None:
    """Let the account exist under an id: its snapshot stands for the events before it."""
    account.account_id, account.version = account_id, 0
    state = dump(account)
    await snapshots.save(
        Snapshot(
            account_id=account_id,
            version=0,
            revision=REVISION,
            digest=digest_of(state),
            state=state,
        )
    )


def _rules() -> dict[str, Any]:
    """Forty of the team in each rule, half of them on the other shift."""
    return {
        "version": 1,
        "default_schedule": "day",
        "schedules": {
            "day": {"weekly": {key: ["09:00-18:00"] for key in ALL_DAYS}},
            "late": {"weekly": {key: ["18:00-02:00"] for key in ALL_DAYS}},
        },
        "rules": [
            {
                "id": f"r{number}",
                "stages": [{"pipeline": number, "stage": 1}],
                "limit": {"max": 1_000_000},
                "participants": [
                    {
                        "manager": (number * 7 + k * 5) % MANAGERS + 1,
                        "coefficient": k % 4 + 1,
                        **({"schedule": "late"} if k >= ELIGIBLE else {}),
                    }
                    for k in range(2 * ELIGIBLE)
                ],
            }
            for number in range(1, RULES + 1)
        ],
    }
