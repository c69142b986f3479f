"""What the tables tell: each metric follows what it measures, and is never stale (I13)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from contracts.topics import INBOUND
from services.allocator.run import CONSUMER
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter, source_of
from services.ops import readings, tables
from services.ops.metrics import Metrics
from services.ops.tables import show_tables
from services.projector.registry import PROJECTIONS
from services.projector.schema import prepare
from services.shared.secrets import Vault
from services.shared.wall_clock import utc_now
from services.storage.accounts import AccountRegistry
from services.storage.dead_letters import DeadLetter, DeadLetters
from tests.services.ops.harness import Samples, samples_of
from tests.support.vault import VAULT

ACCOUNT, OTHER = 32_000_001, 32_000_002
LEAD = 1_000_000_000
HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Store:
    pool: Any
    metrics: Metrics

    async def do(self, statement: str, *values: Any) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute(statement, *values)

    async def read(self) -> Samples:
        return await samples_of(self.metrics)


@pytest.fixture
async def store(pool: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(readings, "READ_EVERY_S", 0.0)
    await prepare(pool)
    metrics = Metrics()
    show_tables(metrics, pool, has_inbound_log=True)
    return Store(pool, metrics)


async def test_an_empty_installation_is_in_order(store: Store) -> None:
    samples = await store.read()

    assert samples["fairlead_tables_readable"] == 1
    ours = {
        name
        for name, value in samples.items()
        if name.startswith("fairlead_") and "build" not in name and value
    }
    assert ours - {"fairlead_clock_skew_seconds"} == {"fairlead_tables_readable"}
    lags = {f'fairlead_projection_lag_events{{projection="{p.NAME}"}}' for p in PROJECTIONS}
    assert lags <= set(samples)


async def test_D12_1_a_rule_is_shown_while_half_of_its_last_leads_are_touched_too_late(
    store: Store,
) -> None:
    name = f'fairlead_late_touches_leads{{account="{ACCOUNT}",rule="site"}}'
    await store.do("INSERT INTO response.targets VALUES ($1, 'site')", ACCOUNT)
    await store.do(
        """
        INSERT INTO response.leads
        SELECT $1, n || '.1', 1, n, 501, 'site', at, at, at, at, 0, 0, 0,
            at + CASE WHEN n <= 11 THEN -1 ELSE 1 END * interval '1 minute', NULL
        FROM generate_series(1, 20) AS n, now() AS at
        """,
        ACCOUNT,
    )
    assert (await store.read())[name] == 11

    await store.do("DELETE FROM response.targets")
    assert name not in await store.read()


async def test_the_inbound_lag_is_what_the_allocator_has_not_taken_in(store: Store) -> None:
    log = PostgresLogWriter(store.pool)
    await log.publish([Entry(ACCOUNT, b"1"), Entry(ACCOUNT, b"2"), Entry(OTHER, b"3")])
    await store.do("UPDATE inbound_log SET received_at = now() - interval '1 hour'")
    await log.publish([Entry(ACCOUNT, b"4")])
    first = await store.read()
    for account_id, position in ((ACCOUNT, 2), (OTHER, 1)):
        await store.do(
            "INSERT INTO positions VALUES ($1, $2, $3)", CONSUMER, source_of(account_id), position
        )
    second = await store.read()

    assert first["fairlead_inbound_lag_messages"] == 4
    assert HOUR_S <= first["fairlead_inbound_lag_seconds"] < 2 * HOUR_S
    assert second["fairlead_inbound_lag_messages"] == 1
    assert second["fairlead_inbound_lag_seconds"] < HOUR_S


async def test_I9_the_projection_lag_is_what_its_rows_do_not_show(store: Store) -> None:
    await store.do("INSERT INTO account_heads VALUES ($1, 5), ($2, 7)", ACCOUNT, OTHER)
    await store.do("INSERT INTO fairness.positions VALUES ($1, 5), ($2, 6)", ACCOUNT, OTHER)
    samples = await store.read()

    assert samples['fairlead_projection_lag_events{projection="fairness"}'] == 1
    assert samples['fairlead_projection_lag_events{projection="timers"}'] == 12


async def test_F58_I14_an_account_that_stands_still_is_shown_with_the_cause(store: Store) -> None:
    insert = """
    INSERT INTO gateway.stops (account_id, status, cause, since)
    VALUES ($1, 402, 'unpaid', now() - interval '1 hour')
    """
    await store.do(insert, ACCOUNT)
    samples = await store.read()

    stopped = {n: v for n, v in samples.items() if n.startswith("fairlead_stopped_account_sec")}
    ((name, seconds),) = stopped.items()
    assert name == f'fairlead_stopped_account_seconds{{account="{ACCOUNT}",cause="unpaid"}}'
    assert HOUR_S <= seconds < 2 * HOUR_S


async def test_F56_F57_I14_tokens_that_end_and_accounts_to_let_in_again_are_shown(
    store: Store,
) -> None:
    insert = """
    INSERT INTO accounts (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256,
        timezone, token_expires_at, suspended_at)
    VALUES ($1, '', '', '', sha256($2), 'UTC', now() + $3::interval, $4)
    """
    await store.do(insert, 71, b"71", timedelta(hours=1), None)
    await store.do(insert, 72, b"72", timedelta(days=1), utc_now())
    await store.do("INSERT INTO consents VALUES (71, '')")
    await store.do("UPDATE consents SET refused_at = now()")
    samples = await store.read()

    assert 0 < samples['fairlead_token_ends_seconds{account="71"}'] <= HOUR_S
    assert 'fairlead_token_ends_seconds{account="72"}' not in samples
    needed = {name for name in samples if name.startswith("fairlead_consent_needed_accounts")}
    assert needed == {
        'fairlead_consent_needed_accounts{account="71",cause="refused"}',
        'fairlead_consent_needed_accounts{account="72",cause="suspended"}',
    }


async def test_I5_pending_pushes_and_the_age_of_the_oldest(store: Store) -> None:
    insert = """
    INSERT INTO assignments.leads (account_id, lead_id, request_id, attempt, manager_id,
        decided_version, decided_at, state, settled_at, pipeline_id, status_id, is_told)
    VALUES ($1, $2, 'r', 1, 501, 1, now() - $3 * interval '1 hour', $4, $5, 1, 2, false)
    """
    await store.do(insert, ACCOUNT, 1, 9, "confirmed", utc_now())
    await store.do(insert, ACCOUNT, 2, 1, "pending", None)
    await store.do(insert, OTHER, 3, 0, "pending", None)
    first = await store.read()
    await store.do("UPDATE assignments.leads SET state = 'failed', settled_at = now()")
    second = await store.read()

    assert first["fairlead_pushes_pending_leads"] == 2
    assert HOUR_S <= first["fairlead_oldest_unconfirmed_assignment_seconds"] < 2 * HOUR_S
    assert second["fairlead_pushes_pending_leads"] == 0
    assert second["fairlead_oldest_unconfirmed_assignment_seconds"] == 0


async def test_I2_waiting_requests_and_those_in_no_state(store: Store) -> None:
    insert = "INSERT INTO requests.tallies VALUES ($1, $2, 'dp_hook', $3, $4)"
    await store.do(insert, ACCOUNT, "a", "waiting", 3)
    await store.do(insert, OTHER, "b", "waiting", 4)
    await store.do(insert, OTHER, "b", "assigned", 50)
    await store.do(insert, OTHER, "b", "undecided", 1)
    samples = await store.read()

    assert samples["fairlead_waiting_requests"] == 7
    assert samples["fairlead_unaccounted_requests"] == 1


async def test_I8_ledgers_off_zero_cannot_hide_each_other(store: Store) -> None:
    insert = "INSERT INTO fairness.shares VALUES ($1, $2, $3, $4, $5, $6, 0, 1)"
    await store.do(insert, ACCOUNT, "main", 501, 3, 2 * LEAD, -LEAD)
    await store.do(insert, ACCOUNT, "main", 502, 1, 2 * LEAD, LEAD)
    balanced = await store.read()
    await store.do("UPDATE fairness.shares SET credit_units = 5 WHERE credit_units > 0")
    await store.do(insert, OTHER, "main", 501, 0, 3 * LEAD // 2, LEAD - 5)
    broken = await store.read()

    assert balanced["fairlead_ledger_sum_units"] == 0
    assert broken["fairlead_ledger_sum_units"] == 2 * (LEAD - 5)


async def test_D3_5_the_largest_distance_of_a_manager_from_his_share(store: Store) -> None:
    insert = "INSERT INTO fairness.shares VALUES ($1, 'main', $2, $3, $4, $5, 0, 1)"
    await store.do(insert, ACCOUNT, 501, 3, 2 * LEAD, -LEAD)
    await store.do(insert, ACCOUNT, 502, 1, 2 * LEAD, LEAD)
    one = await store.read()
    await store.do(insert, OTHER, 501, 0, 3 * LEAD // 2, 3 * LEAD // 2)
    await store.do(insert, OTHER, 502, 3, 3 * LEAD // 2, -3 * LEAD // 2)
    more = await store.read()

    name = "fairlead_fairness_deviation_leads"
    assert [samples[name] for samples in (one, more)] == [1, 1.5]


async def test_F33_dead_letters_that_nobody_has_dealt_with(store: Store) -> None:
    letters = DeadLetters(store.pool, VAULT)
    await letters.keep(
        [
            DeadLetter(
                account_id=ACCOUNT,
                source=INBOUND,
                position=position,
                reason="?",
                content_type="",
                body=b"",
            )
            for position in (1, 2)
        ]
    )
    first = await store.read()
    (newest, _) = await letters.page()
    await letters.settle(newest.id, "dismissed", by="cli:root", why="a test")
    second = await store.read()

    assert first["fairlead_dead_letters_kept_messages"] == 2
    assert second["fairlead_dead_letters_kept_messages"] == 1


async def test_F10_timers_that_are_due_and_were_not_sent(store: Store) -> None:
    insert = "INSERT INTO timers.timers VALUES ($1, $2, 1, now() + $3 * interval '1 hour', NULL)"
    await store.do(insert, ACCOUNT, "look/a", 1)
    first = await store.read()
    await store.do(insert, ACCOUNT, "look/b", -1)
    second = await store.read()
    await store.do("UPDATE timers.timers SET emitted_generation = 1 WHERE timer_id = 'look/b'")
    third = await store.read()

    name = "fairlead_timers_overdue_seconds"
    assert (first[name], third[name]) == (0, 0)
    assert HOUR_S <= second[name] < 2 * HOUR_S


async def test_F31_I14_accounts_whose_webhooks_are_off_are_named(store: Store) -> None:
    registry = AccountRegistry(store.pool, Vault((b"k" * 32,)))
    for account_id, webhooks in ((ACCOUNT, "on"), (OTHER, "disabled")):
        await registry.add(
            account_id,
            subdomain=f"a{account_id}",
            base_url=f"https://a{account_id}.kommo.com",
            token=SecretStr("t"),
            webhook_secret=SecretStr(f"secret {account_id}"),
            timezone="UTC",
        )
        await registry.update_directory(account_id, {"webhooks": webhooks})
    samples = await store.read()

    assert samples["fairlead_connected_accounts"] == 2
    assert {name: v for name, v in samples.items() if name.startswith("fairlead_webhooks_off")} == {
        f'fairlead_webhooks_off_accounts{{account="{OTHER}"}}': 1
    }


async def test_F65_the_skew_of_our_clock_against_the_databases(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert abs((await store.read())["fairlead_clock_skew_seconds"]) < HOUR_S
    monkeypatch.setattr(tables, "utc_now", lambda: utc_now() - timedelta(hours=2))

    assert -3 * HOUR_S < (await store.read())["fairlead_clock_skew_seconds"] < -HOUR_S


async def test_F43_a_table_that_does_not_answer_in_time_is_not_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "READ_WITHIN_S", 0.3)
    async with store.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE")
        locked = await store.read()
    monkeypatch.setattr(readings, "READ_WITHIN_S", 30.0)
    free = await store.read()

    assert locked["fairlead_tables_readable"] == 0
    assert "fairlead_pushes_pending_leads" not in locked
    assert "fairlead_dead_letters_kept_messages" not in locked
    assert free["fairlead_tables_readable"] == 1
    assert free["fairlead_dead_letters_kept_messages"] == 0


async def test_F37_without_the_database_nothing_old_is_shown(store: Store) -> None:
    assert (await store.read())["fairlead_tables_readable"] == 1
    await store.pool.close()
    samples = await store.read()

    assert samples["fairlead_tables_readable"] == 0
    assert "fairlead_ledger_sum_units" not in samples
    assert "fairlead_build_info" in " ".join(samples)


async def test_projections_that_are_not_there_yet_are_no_failure_of_the_page(pool: Any) -> None:
    metrics = Metrics()
    show_tables(metrics, pool, has_inbound_log=False)
    samples = await samples_of(metrics)

    assert samples["fairlead_tables_readable"] == 0
    assert "fairlead_inbound_lag_messages" not in samples


async def test_I13_however_many_ask_the_database_is_asked_seldom(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "READ_EVERY_S", 60.0)
    first = await store.read()
    await store.do("INSERT INTO account_heads VALUES ($1, 5)", ACCOUNT)
    second = await store.read()

    assert _ours(second) == _ours(first)


def _ours(samples: Samples) -> Samples:
    return {name: value for name, value in samples.items() if name.startswith("fairlead_")}
