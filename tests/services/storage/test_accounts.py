"""The registry of accounts, and what its rows give away."""

from typing import Any

import pytest
from pydantic import SecretStr

from services.secrets import (
    MasterKeyRefused,
    Unsealable,
    Vault,
    digest_of,
    load_vault,
    new_webhook_secret,
)
from services.storage.accounts import AccountRegistry, SecretTaken, UnknownAccount

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

    assert await registry.webhook_digests() == {digest_of(secret): 1}
    assert await registry.get(1) == (await registry.all())[0]
    with pytest.raises(SecretTaken):
        await add(registry, 2, secret=secret)
    await add(registry, 1, secret=new_webhook_secret())
    assert digest_of(secret) not in await registry.webhook_digests()


async def test_S17_no_secret_lies_in_the_database_in_the_clear(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    secret = new_webhook_secret()
    await add(registry, 1, secret=secret)

    row = str(await pool.fetchrow("SELECT accounts::text FROM accounts"))
    for hidden in (secret, TOKEN):
        assert hidden.get_secret_value() not in row
        assert hidden.get_secret_value().encode().hex() not in row
    assert await registry.token(1) == TOKEN


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


def test_S17_the_key_comes_from_the_environment_or_a_private_file(tmp_path: Any) -> None:
    made = load_vault(tmp_path, {})
    file = tmp_path / "master.key"

    assert file.stat().st_mode & 0o777 == 0o600
    assert load_vault(tmp_path, {}) == made
    assert load_vault(None, {"FAIRLEAD_MASTER_KEY": file.read_text()}) == made
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]

    file.chmod(0o644)
    for folder, environ in (
        (tmp_path, {}),
        (None, {}),
        (tmp_path, {"FAIRLEAD_MASTER_KEY": "c2hvcnQ="}),
        (tmp_path, {"FAIRLEAD_MASTER_KEY": "not base64!"}),
    ):
        with pytest.raises(MasterKeyRefused) as caught:
            load_vault(folder, environ)
        assert "c2hvcnQ=" not in str(caught.value)
