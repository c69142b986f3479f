"""Tokens that end by themselves: one asks for all, and nothing is lost on the way (F54 to F57)."""

import asyncio
import sys
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.gateway.starts import SharedStarts
from services.kommo.errors import AccountStopped
from services.kommo.timing import SystemTiming
from services.oauth.renewal import Renewal
from services.sandbox.sample import ACCOUNT_ID
from services.shared.secrets import Unsealable, Vault
from services.storage import consents
from services.storage.accounts import AccountRegistry, UnknownAccount
from services.storage.consents import Consents
from services.storage.database import open_pool
from tests.services.oauth.kit import let_in
from tests.support.vault import VAULT
from tests.support.waiting import until

pytestmark = pytest.mark.server
LAST_START = "SELECT starts[cardinality(starts)] FROM gateway.addresses"
ROW = "SELECT refresh_sealed, token_encrypted FROM accounts JOIN consents USING (account_id)"


async def test_F54_a_call_in_the_middle_renews_the_token_and_goes_on(pool: Any) -> None:
    async with let_in(pool) as here, await here.client() as client:
        stale = await here.expire()
        before = here.asked()

        account = await client.account()
        again = await client.account()

        assert (account.id, again.id) == (ACCOUNT_ID, ACCOUNT_ID)
        assert here.asked() == before + 1
        assert await here.token() != stale


async def test_F47_requests_for_tokens_count_as_calls_of_our_address(pool: Any) -> None:
    """They wait for a start as others do, and a pause of the address holds for them, too."""
    starts = SharedStarts(pool)
    async with let_in(pool) as here:
        stale, asked = await here.expire(), here.asked()
        before = await pool.fetchval(LAST_START)
        assert await here.renewal().newer(ACCOUNT_ID, stale) is not None
        assert await pool.fetchval(LAST_START) > before

        stale = await here.expire()
        await starts.pause(60)
        assert await here.renewal().newer(ACCOUNT_ID, stale) is None
        assert here.asked() == asked + 1


async def test_F47_a_429_for_a_token_pauses_the_address(pool: Any) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        here.sandbox.knobs.turn({"too_many_next": 1, "retry_after_s": 60})

        assert await here.renewal().newer(ACCOUNT_ID, stale) is None
        assert 50 < await SharedStarts(pool).take(7) <= 60


async def test_F54_F57_a_fresh_token_that_is_refused_ends_it(pool: Any) -> None:
    async with let_in(pool) as here, await here.client() as client:
        here.sandbox.knobs.turn({"tokens_refused": True})
        asked = here.asked()
        with pytest.raises(AccountStopped) as stopped:
            await client.account()

        assert stopped.value.status == 401
        assert here.asked() == asked + 1
        account = await here.installation.accounts.get(ACCOUNT_ID)
        assert account.suspended_at is not None
        with pytest.raises(UnknownAccount):
            await here.token()


async def test_F55_of_eight_who_need_a_token_one_asks(pool: Any, database_url: str) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        asked = here.asked()
        pools = [await open_pool(database_url, size_max=2) for _ in range(8)]
        found = await asyncio.gather(
            *(here.renewal(each, lease_s=30.0).newer(ACCOUNT_ID, stale) for each in pools)
        )
        for each in pools:
            await each.close()

        assert set(found) == {await here.token()}
        assert here.asked() == asked + 1


async def test_F56_a_lost_answer_is_asked_for_once_more(pool: Any) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        here.sandbox.knobs.turn({"lose_refresh_next": 1})

        assert await here.renewal().newer(ACCOUNT_ID, stale) == await here.token() != stale
        async with await here.client() as client:
            assert (await client.account()).id == ACCOUNT_ID


async def test_F56_without_an_answer_it_is_put_off_and_tried_again(pool: Any) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        here.sandbox.knobs.turn({"lose_refresh_next": 2})
        renewal = here.renewal()

        assert await renewal.newer(ACCOUNT_ID, stale) is None
        assert await renewal.newer(ACCOUNT_ID, stale) is None  # put off, so nobody asks
        assert here.asked() == 3  # the code, and both attempts

        async def is_renewed() -> bool:
            return await renewal.newer(ACCOUNT_ID, stale) is not None

        await until(is_renewed)


@pytest.mark.parametrize("point", ["token.before_request", "token.after_response"])
async def test_F56_who_dies_in_the_middle_loses_nothing(
    pool: Any, database_url: str, point: str
) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.renewing_process",
            database_url,
            str(ACCOUNT_ID),
            env={
                "FAIRLEAD_PROFILE": "test",
                "FAIRLEAD_FAILPOINTS": f"{point}@1=kill",
                "PATH": "/usr/bin:/bin",
            },
        )
        assert await process.wait() == -9
        assert await here.token() == stale

        found = await here.renewal().newer(ACCOUNT_ID, stale)

        assert found == await here.token() != stale
        async with await here.client() as client:
            assert (await client.account()).id == ACCOUNT_ID


async def test_F56_where_the_old_token_is_spent_somebody_has_to_consent_again(pool: Any) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        here.sandbox.knobs.turn({"lose_refresh_next": 1, "refresh_grace": False})
        renewal = here.renewal()

        assert await renewal.newer(ACCOUNT_ID, stale) is None
        asked = here.asked()
        assert await renewal.newer(ACCOUNT_ID, stale) is None
        assert here.asked() == asked  # and it is not asked for ever
        async with pool.acquire() as connection:
            (refused,) = await consents.refused(connection)
        assert (refused.account_id, refused.refused_because) == (
            ACCOUNT_ID,
            "Token has been revoked",
        )

        here.sandbox.knobs.turn({"refresh_grace": True})
        await here.consent()

        async with pool.acquire() as connection:
            assert await consents.refused(connection) == []
        assert await renewal.newer(ACCOUNT_ID, stale) == await here.token()


async def test_F55_a_late_answer_does_not_replace_what_is_newer(pool: Any) -> None:
    async with let_in(pool) as here:
        stale = await here.expire()
        store = Consents(pool, here.installation.accounts.vault)
        slow = await store.claim(ACCOUNT_ID, lease_s=30.0)
        assert slow is not None
        found = await here.renewal(lease_s=0.0).newer(ACCOUNT_ID, stale)

        late = SecretStr("late")
        is_stored = await store.store(ACCOUNT_ID, slow, access=late, refresh=late, for_s=1.0)

        assert not is_stored
        assert await here.token() == found


async def test_F54_a_token_is_renewed_before_it_ends(pool: Any) -> None:
    async with let_in(pool) as here:
        first = await here.token()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(here.renewal(ahead_s=43_200.0).run())
            async with pool.acquire() as connection:
                await connection.execute(
                    "UPDATE accounts SET token_expires_at = now() + interval '1 hour'"
                )

            async def is_renewed() -> bool:
                return await here.token() != first

            await until(is_renewed)
            running.cancel()
        assert here.asked() == 2


async def test_S17_both_tokens_are_sealed_for_their_account_and_sealed_anew(pool: Any) -> None:
    async with let_in(pool) as here:
        async with pool.acquire() as connection:
            refresh, access = await connection.fetchrow(ROW)
        pair = await Consents(pool, here.installation.accounts.vault).present(ACCOUNT_ID)
        assert pair is not None
        secrets = (pair.access.get_secret_value(), pair.refresh.get_secret_value())
        vault = here.installation.accounts.vault

        assert all(each.encode() not in refresh + access for each in secrets)
        for sealed, account_id, field in (
            (refresh, ACCOUNT_ID + 1, "refresh_token"),
            (refresh, ACCOUNT_ID, "token"),
            (access, ACCOUNT_ID, "refresh_token"),
        ):
            with pytest.raises(Unsealable):
                vault.open(sealed, account_id=account_id, field_name=field)

        newest = Vault((b"n" * 32, *vault.keys))
        registry = AccountRegistry(pool, newest)
        assert await registry.reseal() + await Consents(pool, newest).reseal() == 2
        alone = Vault(newest.keys[:1])
        assert await Consents(pool, alone).present(ACCOUNT_ID) is not None


async def test_F56_while_kommo_is_away_the_log_says_so_once(pool: Any) -> None:
    async with let_in(pool) as here:
        renewal, told = here.renewal(), []
        for _ in range(2):
            stale = await here.expire()
            here.sandbox.knobs.turn({"lose_refresh_next": 6})
            with capture_logs() as lines:
                await until(lambda stale=stale: _is_renewed(renewal, stale))
            told.append([line["event"] for line in lines if line["event"].startswith("token_")])

        once = ["token_answer_lost", "token_not_renewed", "token_renewed"]
        assert told == [once, once]
        assert here.asked() == 1 + 2 * 7  # the code, and all that was lost meanwhile


async def _is_renewed(renewal: Renewal, stale: SecretStr) -> bool:
    return await renewal.newer(ACCOUNT_ID, stale) is not None


async def test_F56_a_database_that_is_away_is_told_once_and_so_is_its_return() -> None:
    looks = 0

    class Away:
        """A pool whose database answers again at the fourth look, and the sixth."""

        def acquire(self, **_: Any) -> Any:
            nonlocal looks
            looks += 1
            if looks in {4, 6}:
                return Nobody()
            raise OSError("away")

    class Nobody:
        """A database in which no token is about to end."""

        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def fetch(self, *_: object) -> list[Any]:
            return []

    class Ended(Exception):
        pass

    class Brief(SystemTiming):
        async def sleep(self, seconds: float) -> None:
            del seconds
            if looks == 7:
                raise Ended

    nothing: Any = None
    pool: Any = Away()
    renewal = Renewal(pool, VAULT, nothing, timing=Brief())
    with capture_logs() as lines, pytest.raises(Ended):
        await renewal.run()

    away, back = "consents_unavailable", "consents_available"
    assert [line["event"] for line in lines] == [away, back, away, back, away]
