"""Asking the gateway for full sweeps."""

from typing import Any

from services.storage.asked_sweeps import AskedSweeps

CONNECT = """
INSERT INTO accounts
    (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256, timezone)
SELECT n, 'acme', 'http://127.0.0.1:9', '', sha256(n::text::bytea), 'UTC'
FROM generate_series(1, 5) AS n
"""


async def test_F22_the_accounts_concerned_are_asked_for_once_for_each_reason(pool: Any) -> None:
    await pool.execute(CONNECT)
    sweeps = AskedSweeps(pool)

    assert await sweeps.ask(lambda account_id: account_id % 2 == 0, "gap at 7") == [2, 4]
    asked = await sweeps.open()
    assert sorted(asked) == [2, 4]
    await sweeps.ask(lambda account_id: account_id % 2 == 0, "gap at 7")
    assert await sweeps.open() == asked
    await sweeps.settle(2, asked[2])
    await sweeps.ask(lambda account_id: account_id % 2 == 0, "gap at 7")
    assert sorted(await sweeps.open()) == [4]
    await sweeps.ask(lambda account_id: account_id == 2, "gap at 9")
    assert sorted(await sweeps.open()) == [2, 4]


async def test_F22_what_is_asked_for_during_a_sweep_is_not_settled_by_it(pool: Any) -> None:
    await pool.execute(CONNECT)
    sweeps = AskedSweeps(pool)
    await sweeps.ask(lambda account_id: account_id == 1, "gap at 7")
    before = await sweeps.open()
    await sweeps.ask(lambda account_id: account_id == 1, "gap at 9")

    await sweeps.settle(1, before[1])

    assert (await sweeps.open())[1] > before[1]
