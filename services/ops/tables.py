"""What the tables tell: how far the roles are behind, what waits, what must never be.

Every process on the database shows the same; who adds them up takes the maximum instead.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from prometheus_client.core import GaugeMetricFamily, Metric

from contracts.events import LEAD
from projections import assignments, fairness, requests, response, timers
from services.allocator.run import CONSUMER
from services.log.postgres import SOURCE_PREFIX
from services.ops.metrics import Metrics
from services.ops.readings import READ_WITHIN_S, show
from services.projector.registry import PROJECTIONS
from services.shared.wall_clock import utc_now
from services.storage import dead_letters, gone
from services.storage.database import Connection, borrow_to_read

LIMIT_TIME = "SELECT set_config('statement_timeout', $1, true)"
NOW = "SELECT clock_timestamp()"
INBOUND_LAG = f"""
SELECT coalesce(sum(behind.messages), 0)::bigint AS messages, min(record.received_at) AS oldest_at
FROM (
    SELECT head.account_id, coalesce(held.position, 0) AS position,
        head.position - coalesce(held.position, 0) AS messages
    FROM inbound_heads AS head LEFT JOIN positions AS held
        ON held.consumer = $1 AND held.source = '{SOURCE_PREFIX}' || head.account_id
    WHERE head.position > coalesce(held.position, 0)
) AS behind
LEFT JOIN LATERAL (
    SELECT received_at FROM inbound_log
    WHERE account_id = behind.account_id AND position > behind.position
    ORDER BY position LIMIT 1
) AS record ON true
"""  # noqa: S608 - a constant of ours
PROJECTION_LAG = " UNION ALL ".join(
    f"""
SELECT '{projection.NAME}', coalesce(sum(head.version - coalesce(held.version, 0)), 0)::bigint
FROM account_heads AS head LEFT JOIN {projection.NAME}.positions AS held USING (account_id)
WHERE head.version > coalesce(held.version, 0)
"""  # noqa: S608 - constants of ours
    for projection in PROJECTIONS
)
ACCOUNTS = "SELECT account_id, directory->>'webhooks' AS webhooks FROM accounts ORDER BY account_id"
STOPPED = "SELECT account_id, cause, since FROM gateway.stops ORDER BY account_id"
# Of what nobody renews.
TOKENS = """
SELECT account_id, extract(epoch FROM token_expires_at - clock_timestamp())::float8
FROM accounts WHERE client_id IS NULL AND token_expires_at IS NOT NULL AND suspended_at IS NULL
ORDER BY account_id
"""
NOT_LET_IN = """
SELECT account_id, CASE WHEN suspended_at IS NOT NULL THEN 'suspended' ELSE 'refused' END
FROM accounts LEFT JOIN consents USING (account_id)
WHERE (suspended_at IS NOT NULL OR refused_at IS NOT NULL) AND disconnected_at IS NULL
ORDER BY account_id
"""
TARGETS_OFF = """
SELECT account_id, count(*) FROM webhook_targets WHERE off_at IS NOT NULL GROUP BY account_id
ORDER BY account_id
"""
WEBHOOKS_PENDING = """
SELECT count(*), min(waiting.listed_at) FROM webhook_deliveries AS waiting
JOIN webhook_targets AS target
    ON target.account_id = waiting.account_id AND target.name = waiting.target
WHERE waiting.state = 'pending' AND target.off_at IS NULL
"""
WEBHOOKS_OFF = frozenset({"disabled", "missing"})

Reading = Callable[[Any], Awaitable[Sequence[Metric]]]


async def read_tables(
    pool: asyncpg.Pool,
    readings: Sequence[Reading],
) -> list[Metric]:
    """Take all readings in one transaction that cannot last.

    Raises:
        services.shared.errors.Unavailable: The database does not answer in time, or a projection is
            not there yet.
    """
    async with borrow_to_read(pool) as connection, connection.transaction(readonly=True):
        await connection.fetchval(LIMIT_TIME, str(round(READ_WITHIN_S * 1_000)))
        return [metric for reading in readings for metric in await reading(connection)]


async def inbound_lag(connection: Connection) -> list[Metric]:
    """How far the allocator is behind, where the inbound log is a table."""
    [row] = await connection.fetch(INBOUND_LAG, CONSUMER)
    return lag_metrics(row["messages"], await _age_s(connection, row["oldest_at"]))


def lag_metrics(messages: int, seconds: float) -> list[Metric]:
    """The lag of the inbound log, whatever it is made of."""
    return [
        GaugeMetricFamily(
            "fairlead_inbound_lag_messages", "Messages not decided yet.", value=messages
        ),
        GaugeMetricFamily(
            "fairlead_inbound_lag_seconds", "Age of the oldest of them.", value=seconds
        ),
    ]


async def projection_lag(connection: Connection) -> list[Metric]:
    """How far each projection is behind."""
    behind = GaugeMetricFamily(
        "fairlead_projection_lag_events",
        "Events a projection has yet to take, all accounts together.",
        labels=["projection"],
    )
    for name, events in await connection.fetch(PROJECTION_LAG):
        behind.add_metric([name], events)
    return [behind]


async def pushes(connection: Connection) -> list[Metric]:
    """What Kommo does not hold yet."""
    backlog = await assignments.backlog(connection)
    oldest_at = min((part.oldest_at for part in backlog), default=None)
    return [
        GaugeMetricFamily(
            "fairlead_pushes_pending_leads",
            "Leads whose decided responsible Kommo does not hold yet, as far as is known.",
            value=sum(part.leads for part in backlog),
        ),
        GaugeMetricFamily(
            "fairlead_oldest_unconfirmed_assignment_seconds",
            "Since when the oldest of them is decided; 0 when there is none.",
            value=await _age_s(connection, oldest_at),
        ),
    ]


async def standing_requests(connection: Connection) -> list[Metric]:
    """How the requests stand."""
    states = await requests.standing(connection)
    return [
        GaugeMetricFamily(
            "fairlead_waiting_requests",
            "Requests that nobody can take now.",
            value=states.get("waiting", 0),
        ),
        GaugeMetricFamily(
            "fairlead_unaccounted_requests",
            "Requests neither assigned, waiting nor closed; always 0.",
            value=states.get("undecided", 0),
        ),
    ]


async def ledgers(connection: Connection) -> list[Metric]:
    """Whether the books balance, and how fair it is."""
    unbalanced = await fairness.unbalanced(connection)
    return [
        GaugeMetricFamily(
            "fairlead_ledger_sum_units",
            "What the ledgers are off 0, all together; 10^9 units are a lead; always 0.",
            value=sum(abs(ledger.units) for ledger in unbalanced),
        ),
        GaugeMetricFamily(
            "fairlead_fairness_deviation_leads",
            "The largest distance of a manager from the fair share now.",
            value=await fairness.present_deviation(connection) / LEAD,
        ),
        GaugeMetricFamily(
            "fairlead_fairness_kind_deviation_leads",
            "The same in any kind of lead that a ledger tells apart.",
            value=await fairness.present_deviation_in_kind(connection) / LEAD,
        ),
        GaugeMetricFamily(
            "fairlead_fairness_beyond_managers",
            "Managers further from the fair share now than is promised, in all or in a kind.",
            value=len(await fairness.beyond(connection))
            + len(await fairness.beyond_in_kind(connection)),
        ),
    ]


async def late_rules(connection: Connection) -> list[Metric]:
    """Whose leads are often touched too late (D12.1)."""
    late = GaugeMetricFamily(
        "fairlead_late_touches_leads",
        "Of the last 20 leads of a rule that is over its target in half of them: how many.",
        labels=["account", "rule"],
    )
    for each in await response.late_rules(connection, now=await connection.fetchval(NOW)):
        late.add_metric([str(each.account_id), each.rule_id], each.late)
    return [late]


async def letters(connection: Connection) -> list[Metric]:
    """What a person should look at."""
    return [
        GaugeMetricFamily(
            "fairlead_dead_letters_kept_messages",
            "Messages and bodies not understood that nobody has dealt with.",
            value=await connection.fetchval(dead_letters.COUNT, "kept", None),
        )
    ]


async def overdue_timers(connection: Connection) -> list[Metric]:
    """Whether the clock works."""
    overdue_s = await _age_s(connection, await timers.next_due_at(connection))
    return [
        GaugeMetricFamily(
            "fairlead_timers_overdue_seconds",
            "For how long the oldest timer that is due was not sent.",
            value=overdue_s,
        )
    ]


async def accounts(connection: Connection) -> list[Metric]:
    """Who is connected, and whom Kommo tells nothing any more."""
    rows = await connection.fetch(ACCOUNTS)
    off = GaugeMetricFamily(
        "fairlead_webhooks_off_accounts",
        "1 for each account whose webhooks Kommo has switched off or lost.",
        labels=["account"],
    )
    for row in rows:
        if row["webhooks"] in WEBHOOKS_OFF:
            off.add_metric([str(row["account_id"])], 1)
    connected = GaugeMetricFamily(
        "fairlead_connected_accounts", "Kommo accounts that are connected.", value=len(rows)
    )
    return [connected, off]


async def outdated_rules(connection: Connection) -> list[Metric]:
    """Whom and what rules in force name though Kommo has them no more."""
    outdated = GaugeMetricFamily(
        "fairlead_rules_gone_names",
        "1 for each manager or stage that an account's rules name and Kommo has no more.",
        labels=["account", "what"],
    )
    for each in await gone.gone(connection):
        outdated.add_metric([str(each.account_id), each.what], 1)
    return [outdated]


async def stopped_accounts(connection: Connection) -> list[Metric]:
    """Whose work stands still because Kommo does not let us in, whatever waits for it."""
    seconds = GaugeMetricFamily(
        "fairlead_stopped_account_seconds",
        "For how long Kommo has refused the account, so that its work stands still.",
        labels=["account", "cause"],
    )
    for account_id, cause, since in await connection.fetch(STOPPED):
        seconds.add_metric([str(account_id), cause], await _age_s(connection, since))
    return [seconds]


async def tokens(connection: Connection) -> list[Metric]:
    """Which tokens end, and where somebody has to let us in again."""
    ends = GaugeMetricFamily(
        "fairlead_token_ends_seconds",
        "How long the account's token is good, which nobody renews; below 0 when it ended.",
        labels=["account"],
    )
    for account_id, seconds in await connection.fetch(TOKENS):
        ends.add_metric([str(account_id)], seconds)
    needed = GaugeMetricFamily(
        "fairlead_consent_needed_accounts",
        "1 for each account that somebody has to let us into again, and why.",
        labels=["account", "cause"],
    )
    for account_id, cause in await connection.fetch(NOT_LET_IN):
        needed.add_metric([str(account_id), cause], 1)
    return [ends, needed]


async def webhooks_out(connection: Connection) -> list[Metric]:
    """Who is not told any more, and what waits to be told."""
    off = GaugeMetricFamily(
        "fairlead_webhook_targets_off",
        "Targets of the account's webhooks that were given up: they took nothing for days.",
        labels=["account"],
    )
    for account_id, targets in await connection.fetch(TARGETS_OFF):
        off.add_metric([str(account_id)], targets)
    [(pending, oldest_at)] = await connection.fetch(WEBHOOKS_PENDING)
    return [
        off,
        GaugeMetricFamily(
            "fairlead_webhooks_pending_deliveries",
            "Events that are listed for targets, and were not taken yet.",
            value=pending,
        ),
        GaugeMetricFamily(
            "fairlead_webhooks_oldest_pending_seconds",
            "Since when the oldest of them is listed; 0 when there is none.",
            value=await _age_s(connection, oldest_at),
        ),
    ]


async def clock_skew(connection: Connection) -> list[Metric]:
    """How far this machine's clock is from the database's (F65)."""
    there = await connection.fetchval(NOW)
    return [
        GaugeMetricFamily(
            "fairlead_clock_skew_seconds",
            "How far our clock is ahead of the database's, the way there included.",
            value=(utc_now() - there).total_seconds(),
        )
    ]


async def _age_s(connection: Connection, at: datetime | None) -> float:
    """How long ago that was by the database's clock; 0 for never, or for later."""
    if at is None:
        return 0.0
    now: datetime = await connection.fetchval(NOW)
    return max(0.0, (now - at).total_seconds())


STORE_READINGS: tuple[Reading, ...] = (
    projection_lag,
    pushes,
    standing_requests,
    ledgers,
    late_rules,
    letters,
    overdue_timers,
    accounts,
    outdated_rules,
    stopped_accounts,
    tokens,
    webhooks_out,
    clock_skew,
)


def show_tables(
    metrics: Metrics,
    pool: asyncpg.Pool,
    *,
    has_inbound_log: bool,
) -> None:
    """Show what the tables tell.

    Args:
        metrics: Where.
        pool: The database.
        has_inbound_log: Whether the inbound log is one of the tables.
    """
    readings = (inbound_lag, *STORE_READINGS) if has_inbound_log else STORE_READINGS
    show(metrics, "tables", lambda: read_tables(pool, readings))
