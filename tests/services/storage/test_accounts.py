"""The registry of accounts, and what its rows give away."""

from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.shared.secrets import (
    MasterKeyRefused,
    Unsealable,
    Vault,
    digest_of,
    load_vault,
    new_webhook_secret,
)
from services.storage.accounts import AccountRegistry, SecretTaken, UnknownAccount, WebhookOwner

VAULT = Vault((b"k" * 32,))
TOKEN = SecretStr("token-in-the-clear-1234")


async def add(
    registry: AccountRegistry, account_id: int, *, secret: SecretStr, token: SecretStr = TOKEN
) -> None:
    await registry.add(
        account_id,
        subdomain=f"acme{account_id}",
        base_url=f"https://acme{account_id}.kommo.com",
        token=token,
        webhook_secret=secret,
        timezone="Europe/Moscow",
    )


async def test_S1_an_account_is_found_by_its_webhook_secret_only(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    secret = new_webhook_secret()
    await add(registry, 1, secret=secret)

    assert await registry.webhook_owners() == {digest_of(secret): WebhookOwner(1, "acme1")}
    assert await registry.get(1) == (await registry.all())[0]
    with pytest.raises(SecretTaken):
        await add(registry, 2, secret=secret)
    await add(registry, 1, secret=new_webhook_secret())
    assert digest_of(secret) not in await registry.webhook_owners()


async def test_S17_no_secret_lies_in_the_database_in_the_clear(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    secret = new_webhook_secret()
    await add(registry, 1, secret=secret)

    row = str(await pool.fetchrow("SELECT accounts::text FROM accounts"))
    for hidden in (secret, TOKEN):
        assert hidden.get_secret_value() not in row
        assert hidden.get_secret_value().encode().hex() not in row
    assert await registry.token(1) == TOKEN


async def test_S1_two_secrets_are_valid_while_one_takes_the_others_place(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    first, second, third = (new_webhook_secret() for _ in range(3))
    await add(registry, 1, secret=first)
    await add(registry, 2, secret=new_webhook_secret())

    await registry.admit(1, second, for_s=60)
    admitted = await registry.webhook_owners()
    until = await registry.rotate(1, second, overlap_s=3_600)
    rotated, present = await registry.webhook_owners(), await registry.present_digests()

    assert until is not None
    assert {admitted[digest_of(first)], admitted[digest_of(second)]} == {WebhookOwner(1, "acme1")}
    assert {rotated[digest_of(first)], rotated[digest_of(second)]} == {WebhookOwner(1, "acme1")}
    assert present[1] == digest_of(second)
    assert len(rotated) == 3

    await pool.execute("UPDATE former_secrets SET valid_until = now() - interval '1 s'")
    assert digest_of(first) not in await registry.webhook_owners()

    assert await registry.rotate(1, third, overlap_s=0) is None
    owners = await registry.webhook_owners()
    assert sorted(owner.account_id for owner in owners.values()) == [1, 2]
    assert await pool.fetchval("SELECT count(*) FROM former_secrets") == 0
    with pytest.raises(UnknownAccount):
        await registry.rotate(3, third, overlap_s=0)


async def test_S1_connecting_anew_ends_every_former_secret(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    await add(registry, 1, secret=new_webhook_secret())
    await registry.rotate(1, new_webhook_secret(), overlap_s=3_600)

    newest = new_webhook_secret()
    await add(registry, 1, secret=newest)

    assert await registry.webhook_owners() == {digest_of(newest): WebhookOwner(1, "acme1")}
    await registry.remove(1)
    assert await registry.webhook_owners() == {}


async def test_S17_a_token_moved_to_another_account_does_not_open(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    await add(registry, 1, secret=new_webhook_secret())
    await add(registry, 2, secret=new_webhook_secret())
    await pool.execute(
        "UPDATE accounts SET token_encrypted ="
        " (SELECT token_encrypted FROM accounts WHERE account_id = 1) WHERE account_id = 2"
    )

    with pytest.raises(Unsealable):
        await registry.token(2)


async def test_S17_the_master_key_is_rotated_by_sealing_again(pool: Any) -> None:
    await add(AccountRegistry(pool, VAULT), 1, secret=new_webhook_secret())
    both = AccountRegistry(pool, Vault((b"n" * 32, *VAULT.keys)))
    assert await both.token(1) == TOKEN

    assert (await both.reseal(), await both.reseal()) == (1, 0)

    new = AccountRegistry(pool, Vault((b"n" * 32,)))
    assert await new.token(1) == TOKEN
    with pytest.raises(Unsealable):
        await AccountRegistry(pool, VAULT).token(1)


async def test_tokens_and_names_are_replaced(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    await add(registry, 1, secret=new_webhook_secret())

    await add(registry, 1, secret=new_webhook_secret(), token=SecretStr("another"))
    await registry.update_directory(1, {"users": {"501": "Анна", "502": "\0\\u0000"}})

    assert (await registry.token(1)).get_secret_value() == "another"
    assert (await registry.get(1)).directory["users"]["501"] == "Анна"
    await registry.remove(1)
    assert await registry.all() == []
    for unknown in (
        registry.get(1),
        registry.token(1),
        registry.remove(1),
        registry.update_directory(1, {}),
    ):
        with pytest.raises(UnknownAccount):
            await unknown


def test_S17_a_damaged_secret_does_not_open() -> None:
    sealed = VAULT.seal(TOKEN, account_id=1, field_name="token")
    assert VAULT.open(sealed, account_id=1, field_name="token") == TOKEN
    assert sealed != VAULT.seal(TOKEN, account_id=1, field_name="token")

    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for bad in (b"", sealed[:-1], sealed[:12], b"\x02" + sealed[1:], altered):
        with pytest.raises(Unsealable):
            VAULT.open(bad, account_id=1, field_name="token")
    with pytest.raises(Unsealable):
        VAULT.open(sealed, account_id=1, field_name="refresh_token")


def test_S19_a_vault_does_not_show_its_keys() -> None:
    assert "k" * 8 not in repr(VAULT)


def test_S17_a_lost_key_is_not_replaced_without_a_word(tmp_path: Any) -> None:
    with pytest.raises(
        MasterKeyRefused, match=r"master\.key is missing, .* 2 accounts .*--new-key"
    ):
        load_vault(None, tmp_path, sealed_accounts=2)
    assert list(tmp_path.iterdir()) == []

    with capture_logs() as logged:
        made = load_vault(None, tmp_path, sealed_accounts=2, new_key=True)

    assert [(line["event"], line["accounts"]) for line in logged] == [("master_key_replaced", 2)]
    assert load_vault(None, tmp_path, sealed_accounts=2) == made


def test_S17_the_key_comes_from_the_environment_or_a_private_file(tmp_path: Any) -> None:
    made = load_vault(None, tmp_path)
    file = tmp_path / "master.key"

    assert file.stat().st_mode & 0o777 == 0o600
    assert load_vault(None, tmp_path) == made
    assert load_vault(SecretStr(file.read_text())) == made
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]

    file.chmod(0o644)
    for folder, given in (
        (tmp_path, None),
        (None, None),
        (None, SecretStr("")),
        (tmp_path, SecretStr("c2hvcnQ=")),
        (tmp_path, SecretStr("not base64!")),
    ):
        with pytest.raises(MasterKeyRefused) as caught:
            load_vault(given, folder)
        assert "c2hvcnQ=" not in str(caught.value)
