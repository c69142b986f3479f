"""Offered leads of which Kommo should tell whether anybody touched them (D7.1).

The gateway's work list beside `lookups`: a row is there from the question until the lead lapses,
or its clock is stopped or set for another instant.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import LeadLapsed, Recorded, TimerScheduled, TouchesRequested
from projections import Connection

NAME = "touches"
REVISION = 2
EVENTS: frozenset[type] = frozenset({LeadLapsed, TimerScheduled, TouchesRequested})
TABLES = """
CREATE TABLE leads (
    account_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    request_id text NOT NULL,
    attempt integer NOT NULL,
    since timestamptz NOT NULL,
    asked_version bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    decide_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, lead_id)
);
CREATE INDEX leads_asked_idx ON leads (asked_at, account_id, lead_id);
"""

FORGET = """
DELETE FROM leads USING unnest($2::bigint[], $3::timestamptz[]) AS gone (lead_id, unless_at)
WHERE account_id = $1 AND leads.lead_id = gone.lead_id
    AND leads.decide_at IS DISTINCT FROM gone.unless_at
"""
ASK = """
INSERT INTO leads (account_id, lead_id, request_id, attempt, since, asked_version, asked_at,
    decide_at)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::integer[], $5::timestamptz[], $6::bigint[],
    $7::timestamptz[], $8::timestamptz[])
ON CONFLICT (account_id, lead_id) DO UPDATE SET request_id = excluded.request_id,
    attempt = excluded.attempt, since = excluded.since, asked_version = excluded.asked_version,
    asked_at = excluded.asked_at, decide_at = excluded.decide_at
"""
COLUMNS = """
SELECT account_id, lead_id, request_id, attempt, since, asked_version, asked_at, decide_at
FROM touches.leads
"""
PENDING = f"""{COLUMNS} WHERE account_id <> ALL($2::bigint[])
ORDER BY asked_at, account_id, lead_id LIMIT $1
"""
PENDING_AFTER = f"""{COLUMNS} WHERE account_id <> ALL($2::bigint[])
    AND (asked_at, account_id, lead_id) > ($3, $4, $5)
ORDER BY asked_at, account_id, lead_id LIMIT $1
"""
CLOCK = "lapse/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was done to a lead since it was offered?

    Attributes:
        since: Kommo's time of the offer.
        decide_at: When the lead lapses without an answer.
    """

    account_id: int
    lead_id: int
    request_id: str
    attempt: int
    since: datetime
    asked_version: int
    asked_at: datetime
    decide_at: datetime

    @property
    def key(self) -> Hashable:
        """Names the question within all accounts."""
        return self.account_id, self.lead_id


def changes(events: Iterable[Recorded]) -> tuple[dict[int, datetime | None], list[Question]]:
    """Leads of which nothing has to be asked any more, and the questions after that.

    A lead is forgotten unless its question is to be decided at the instant that is given with it:
    the clock of a lead that was asked about is set for the end of patience, perhaps by the first
    event after the batch that asked.
    """
    forgotten: dict[int, datetime | None] = {}
    asked: dict[int, Question] = {}
    for recorded in events:
        match recorded.event:
            case TouchesRequested() as event:
                asked[event.lead_id] = _question(recorded, event)
            case LeadLapsed(lead_id=lead_id):
                forgotten[lead_id] = None
                asked.pop(lead_id, None)
            case TimerScheduled(timer_id=timer_id, due_at=due_at) if timer_id.startswith(CLOCK):
                lead_id = int(timer_id.removeprefix(CLOCK))
                question = asked.get(lead_id)
                if question is None:
                    is_once = forgotten.get(lead_id, due_at) == due_at
                    forgotten[lead_id] = due_at if is_once else None
                elif question.decide_at != due_at:
                    forgotten[lead_id] = None
                    del asked[lead_id]
            case _:
                pass
    return forgotten, list(asked.values())


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    forgotten, asked = changes(events)
    if forgotten:
        await connection.execute(FORGET, account_id, list(forgotten), list(forgotten.values()))
    if asked:
        await connection.execute(
            ASK,
            account_id,
            [question.lead_id for question in asked],
            [question.request_id for question in asked],
            [question.attempt for question in asked],
            [question.since for question in asked],
            [question.asked_version for question in asked],
            [question.asked_at for question in asked],
            [question.decide_at for question in asked],
        )


async def pending(
    connection: Connection,
    *,
    limit: int,
    after: Question | None = None,
    but_for: Sequence[int] = (),
) -> list[Question]:
    """What was not answered yet, over all accounts, the longest waiting first.

    Args:
        connection: Where to ask.
        limit: The most to return.
        after: The last one of the page before.
        but_for: Accounts that are left out.
    """
    if after is None:
        rows = await connection.fetch(PENDING, limit, but_for)
    else:
        place = (after.asked_at, after.account_id, after.lead_id)
        rows = await connection.fetch(PENDING_AFTER, limit, but_for, *place)
    return [Question(**row) for row in rows]


def _question(recorded: Recorded, event: TouchesRequested) -> Question:
    return Question(
        account_id=recorded.account_id,
        lead_id=event.lead_id,
        request_id=event.request_id,
        attempt=event.attempt,
        since=event.since,
        asked_version=recorded.version,
        asked_at=event.at,
        decide_at=event.decide_at,
    )
