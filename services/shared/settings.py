"""What every setting has in common, and where an installation is."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from services.shared.hosts import is_this_machine
from services.shared.secrets import MasterKeyRefused, keys_of

KOMMO_ADDRESSES = ("https://www.kommo.com", "https://www.amocrm.com", "https://www.amocrm.ru")
DATABASE_URL = re.compile(r"postgres(ql)?://")


class Settings(BaseSettings):
    """Knobs with their units in the names and their bounds in the types.

    Making one reads nothing: what nobody gave has its default. Only
    `services.runtime.environment` reads the environment, at the start of a process.
    """

    model_config = SettingsConfigDict(frozen=True, allow_inf_nan=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, and nothing else."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class InstallationSettings(Settings):
    """Where an installation keeps what it knows: all its processes and commands agree on it.

    Attributes:
        profile: `production` refuses to start with what is for a desk or a test only, and says
            what; only `test` may arm fail points.
        data: Folder of the embedded installation. In the distributed one, a process's own folder,
            for what is on its disk alone: the spool of ingress.
        public_url: Where Kommo reaches this installation, such as `https://leads.example.com`;
            `fairlead connect` tells it to Kommo. Without it, where ingress listens.
        database_url: PostgreSQL of the distributed installation, as
            `postgresql://user:password@host/database`, with `?sslmode=verify-full&sslrootcert=FILE`
            if it is on another machine. Without it, the embedded one.
        database_pooler_url: A pooler in transaction mode in front of the same database, for all
            short transactions. `FAIRLEAD_DATABASE_URL` stays the way past it.
        database_connections: How many connections a process of the distributed installation opens
            at most.
        kommo_address: Where people let an integration into their account; another one is a
            simulation on this machine, which production refuses.
        master_key: 32 bytes in base64 that encrypt the tokens of accounts; several with commas, the
            newest first. Without it, a file in the folder of the embedded installation.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_")

    profile: Literal["production", "test"] | None = None
    data: Path = Path("fairlead-data")
    public_url: str | None = None
    database_url: SecretStr | None = None
    database_pooler_url: SecretStr | None = None
    database_connections: int = Field(default=8, ge=4, le=200)
    kommo_address: str = "https://www.kommo.com"
    master_key: SecretStr | None = None

    @property
    def is_production(self) -> bool:
        """Whether others rely on it."""
        return self.profile == "production"

    @field_validator("database_url", "database_pooler_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not DATABASE_URL.match(url.get_secret_value()):
            raise ValueError("expected postgresql://user:password@host/database")
        return url

    @field_validator("kommo_address")
    @classmethod
    def _is_kommos(cls, address: str) -> str:
        parts = urlsplit(address)
        is_local = parts.scheme == "http" and is_this_machine(parts.hostname or "?")
        if address not in KOMMO_ADDRESSES and (not is_local or parts.path not in ("", "/")):
            raise ValueError(f"expected one of {', '.join(KOMMO_ADDRESSES)}")
        return address.rstrip("/")

    @field_validator("master_key")
    @classmethod
    def _is_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        try:
            keys_of("" if keys is None else keys.get_secret_value())
        except MasterKeyRefused as error:
            raise ValueError("expected 32 bytes in base64, or several such with commas") from error
        return keys
