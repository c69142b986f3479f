"""Disconnecting an account: no webhooks, no tokens; what is about people kept or erased (S21)."""

from typing import Any

import pytest

from services.application.addresses import rotate_address
from services.application.connection import EXPECTED, connection_of, subscribe_webhooks
from services.application.disconnecting import disconnect, told_of
from services.application.principal import Principal
from services.application.refused import Refused
from services.projector.schema import prepare
from services.sandbox.sample import ACCOUNT_ID
from services.shared.wall_clock import utc_now
from services.storage.accounts import UnknownAccount
from services.storage.dead_letters import DeadLetter
from services.storage.hooks_heard import Heard, HooksHeard
from tests.services.oauth.kit import OPERATOR, PUBLIC, LetIn, let_in

pytestmark = pytest.mark.server
SECRETS = """
SELECT (SELECT count(*) FROM consents) + (SELECT count(*) FROM former_secrets)
    + (SELECT count(*) FROM accounts WHERE token_encrypted IS NOT NULL)
"""
ABOUT_PEOPLE = """
SELECT (SELECT count(*) FROM data_keys) + (SELECT count(*) FROM dead_letters)
"""
READER = Principal(id="person:1", scopes=frozenset({"read"}))
LETTER = DeadLetter(
    account_id=ACCOUNT_ID,
    source="kommo",
    position=None,
    reason="unreadable",
    content_type="text/plain",
    body=b"of a person",
)


def told(account: Any, done: Any) -> list[str]:
    return [each.id for each in told_of(account, done)]


async def keep_letter(here: LetIn) -> None:
    await here.installation.dead_letters.keep([LETTER])


async def test_S21_disconnected_an_account_keeps_its_history_and_nothing_to_get_in_by(
    pool: Any,
) -> None:
    await prepare(pool)
    async with let_in(pool) as here:
        installation = here.installation
        account = await installation.account(ACCOUNT_ID)
        await rotate_address(installation, account, OPERATOR, public_url=PUBLIC, overlap_s=600)
        await keep_letter(here)
        with pytest.raises(Refused, match="not_allowed"):
            await disconnect(installation, account, READER, erases=False)
        done = await disconnect(installation, account, OPERATOR, erases=False)

        assert (done.unsubscribed, done.unasked) == (1, None)
        assert told(account, done)[1:3] == ["disconnect.unsubscribed", "disconnect.kept"]
        assert here.sandbox.account.subscriptions == {}
        assert await pool.fetchval(SECRETS) == 0
        assert await pool.fetchval(ABOUT_PEOPLE) == 2
        with pytest.raises(UnknownAccount):
            await here.token()
        ended = await installation.account(ACCOUNT_ID)
        at = utc_now()
        await HooksHeard(installation.pool).note([Heard(ACCOUNT_ID, "contacts", at)])
        seen = await connection_of(installation, ended, READER, now=utc_now())
        assert seen.hooks == {**dict.fromkeys(EXPECTED), "contacts": at}
        assert (seen.token.severity, seen.users) == ("well", 13)
        with pytest.raises(Refused, match="account_disconnected"):
            await subscribe_webhooks(installation, ended, OPERATOR)

        await here.consent()
        again = await installation.account(ACCOUNT_ID)
        assert (again.disconnected_at, again.suspended_at) == (None, None)
        assert len(here.sandbox.account.subscriptions) == 1


async def test_S21_with_kommo_away_tokens_are_destroyed_all_the_same_and_it_is_said(
    pool: Any,
) -> None:
    async with let_in(pool) as here:
        account = await here.installation.account(ACCOUNT_ID)
        await keep_letter(here)
        here.sandbox.knobs.turn({"down": True})
        done = await disconnect(here.installation, account, OPERATOR, erases=True)

        assert (done.unsubscribed, done.unasked is not None) == (0, True)
        assert told(account, done)[1:3] == ["disconnect.webhooks_remain", "disconnect.erased"]
        assert await pool.fetchval(SECRETS) == 0
        assert await pool.fetchval(ABOUT_PEOPLE) == 0
        assert (await here.installation.account(ACCOUNT_ID)).directory == {}


async def test_S18_who_reads_no_tokens_disconnects_nothing(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with let_in(pool) as here:
        account = await here.installation.account(ACCOUNT_ID)

        async def may_not(_: object) -> bool:
            return False

        monkeypatch.setattr(type(here.installation.accounts), "may_read_tokens", may_not)
        for deed in (
            disconnect(here.installation, account, OPERATOR, erases=False),
            subscribe_webhooks(here.installation, account, OPERATOR),
        ):
            with pytest.raises(Refused, match="kommo_not_asked_here"):
                await deed
        assert await pool.fetchval(SECRETS) == 2
