"""Passwords of the database's users, as PostgreSQL keeps them: none is in a statement or a log."""

import base64
import hashlib
import hmac
import os

from pydantic import SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings
from services.storage.database import Connection
from services.storage.roles import DASH, PREFIX, USERS

ITERATIONS = 4_096
SALT_BYTES = 16


class PasswordSettings(Settings):
    """What the users of the database log in with; nothing else reads these variables.

    Attributes:
        ingress_password: Of `fairlead_ingress`. Those that are not given stay as they are.
        allocator_password: Of `fairlead_allocator`.
        projector_password: Of `fairlead_projector`.
        gateway_password: Of `fairlead_gateway`.
        clock_password: Of `fairlead_clock`.
        commands_password: Of `fairlead_commands`.
        web_password: Of `fairlead_web`.
        dash_password: Of `fairlead_dash`.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_DATABASE_")

    ingress_password: SecretStr | None = None
    allocator_password: SecretStr | None = None
    projector_password: SecretStr | None = None
    gateway_password: SecretStr | None = None
    clock_password: SecretStr | None = None
    commands_password: SecretStr | None = None
    web_password: SecretStr | None = None
    dash_password: SecretStr | None = None

    @field_validator("*")
    @classmethod
    def _is_usable(cls, password: SecretStr | None) -> SecretStr | None:
        text = "" if password is None else password.get_secret_value()
        # For other characters PostgreSQL has rules of its own.
        if password is not None and not (text.isascii() and text.isprintable() and text):
            raise ValueError("expected a password of printable ASCII characters")
        return password

    def given(self) -> dict[str, SecretStr]:
        """User to password, of those that are given."""
        users = (*USERS, DASH)
        found = {user: getattr(self, f"{user.removeprefix(PREFIX)}_password") for user in users}
        return {user: password for user, password in found.items() if password is not None}


async def set_password(connection: Connection, user: str, password: SecretStr) -> None:
    """Let a user log in with it from now on."""
    shown = verifier(password.get_secret_value(), os.urandom(SALT_BYTES))
    await connection.execute(f"ALTER ROLE {user} PASSWORD '{shown}'")


def verifier(password: str, salt: bytes) -> str:
    """What proves a password of ASCII characters, and does not tell it.

    Source:
        RFC 5803; `ALTER ROLE ... PASSWORD` takes it as it is.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = [_base64(part) for part in (salt, hashlib.sha256(client).digest(), server)]
    return f"SCRAM-SHA-256${ITERATIONS}:{shown[0]}${shown[1]}:{shown[2]}"


def _base64(part: bytes) -> str:
    return base64.b64encode(part).decode()
