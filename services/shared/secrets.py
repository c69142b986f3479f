"""Secrets at rest: sealed with AES-256-GCM under a master key that is never in the database.

A sealed secret names its key, and is bound to its account and field: a row copied to another
account does not open. Several master keys may be given; the first seals, all of them open, so
a key is rotated by putting a new one first and sealing everything again (S17).
"""

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

log = structlog.get_logger(__name__)

VARIABLE = "FAIRLEAD_MASTER_KEY"
FILE = "master.key"
KEY_BYTES = 32
KEY_ID_BYTES = 8
NONCE_BYTES = 12
FORMAT = b"\x01"


class MasterKeyRefused(Exception):
    """The master key is missing or not usable; the message says what is expected where."""


class Unsealable(Exception):
    """A sealed secret does not open: another key, another account or field, or damaged."""


def new_webhook_secret() -> SecretStr:
    """256 random bits for the path of an account's webhook (S1)."""
    return SecretStr(secrets.token_urlsafe(32))


def digest_of(secret: SecretStr) -> bytes:
    """What is stored of a webhook secret; being random, it needs no salt."""
    return hashlib.sha256(secret.get_secret_value().encode()).digest()


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens secrets. The keys never show in its `repr`.

    Attributes:
        keys: 32 bytes each, the newest first.
    """

    keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            raise MasterKeyRefused(f"a master key is {KEY_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        """By which what is sealed now names its key."""
        return _key_id(self.keys[0])

    def seal(self, secret: SecretStr, *, account_id: int, field_name: str) -> bytes:
        """The secret as it may be stored."""
        plain = secret.get_secret_value().encode()
        return self.seal_bytes(plain, account_id=account_id, field_name=field_name)

    def seal_bytes(self, plain: bytes, *, account_id: int, field_name: str) -> bytes:
        """The same for what is no text."""
        nonce = os.urandom(NONCE_BYTES)
        key = self.keys[0]
        head = FORMAT + _key_id(key) + nonce
        return head + AESGCM(key).encrypt(nonce, plain, _place(account_id, field_name))

    def open(self, sealed: bytes, *, account_id: int, field_name: str) -> SecretStr:
        """The secret in the clear.

        Raises:
            Unsealable: None of our keys, not this account's and field's, or damaged.
        """
        plain = self.open_bytes(sealed, account_id=account_id, field_name=field_name)
        return SecretStr(plain.decode())

    def open_bytes(self, sealed: bytes, *, account_id: int, field_name: str) -> bytes:
        """What `seal_bytes` sealed.

        Raises:
            Unsealable: As `open`.
        """
        key_id, rest = key_named(sealed), sealed[1 + KEY_ID_BYTES :]
        key = next((key for key in self.keys if _key_id(key) == key_id), None)
        if sealed[:1] != FORMAT or key is None:
            raise Unsealable(f"{field_name} of account {account_id}: sealed with another key")
        try:
            return AESGCM(key).decrypt(
                rest[:NONCE_BYTES], rest[NONCE_BYTES:], _place(account_id, field_name)
            )
        except (InvalidTag, ValueError) as error:
            raise Unsealable(f"{field_name} of account {account_id}: damaged or moved") from error

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the newest key."""
        return sealed.startswith(FORMAT + _key_id(self.keys[0]))


def key_named(sealed: bytes) -> bytes:
    """The id of the key that something was sealed with."""
    return sealed[1 : 1 + KEY_ID_BYTES]


def load_vault(
    given: SecretStr | None,
    data_folder: Path | None = None,
    *,
    sealed_accounts: int = 0,
    new_key: bool = False,
) -> Vault:
    """The vault with the keys of the settings, else of the data folder.

    Without any, a key file is made in the data folder at first use.

    Args:
        given: As the settings have them.
        data_folder: Of the embedded installation.
        sealed_accounts: How many accounts have a sealed token: a lost key file is not replaced
            without a word then.
        new_key: It is replaced all the same; their tokens can never be opened again.

    Raises:
        MasterKeyRefused: No key, a malformed one, or a key file that others may read, or that is
            gone.
    """
    keys = () if given is None else keys_of(given.get_secret_value())
    if keys:
        return Vault(keys)
    if data_folder is None:
        raise MasterKeyRefused(f"{VARIABLE} is not set: expected 32 bytes in base64")
    path = data_folder / FILE
    if sealed_accounts and not path.exists():
        if new_key:
            advice = "connect each account again: fairlead connect"
            log.warning("master_key_replaced", accounts=sealed_accounts, advice=advice)
            return Vault((_key_of_file(path),))
        accounts = "1 account" if sealed_accounts == 1 else f"{sealed_accounts} accounts"
        raise MasterKeyRefused(
            f"{path} is missing, and the tokens of {accounts} are sealed with it: put it back from"
            " your backup. If it is lost for good, start with a new key (fairlead up --new-key) and"
            " connect each account again (fairlead connect)."
        )
    return Vault((_key_of_file(path),))


def keys_of(text: str) -> tuple[bytes, ...]:
    """The keys in 32 bytes in base64, or in several such, the newest first, with commas.

    Raises:
        MasterKeyRefused: One is malformed.
    """
    return tuple(_key(part, VARIABLE) for part in text.split(",")) if text.strip() else ()


def _key_of_file(path: Path) -> bytes:
    if not path.exists():
        _make_key_file(path)
    if path.stat().st_mode & 0o077:
        raise MasterKeyRefused(f"{path} may be read by others: chmod 600 it")
    return _key(path.read_text("ascii").strip(), str(path))


def _make_key_file(path: Path) -> None:
    """Complete and synced before it has its name; the first of two makers wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _key(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MasterKeyRefused(f"{where}: expected 32 bytes in base64") from error
    if len(key) != KEY_BYTES:
        raise MasterKeyRefused(f"{where}: expected 32 bytes in base64")
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"fairlead master key id" + key).digest()[:KEY_ID_BYTES]


def _place(account_id: int, field_name: str) -> bytes:
    return f"{account_id}/{field_name}".encode()
