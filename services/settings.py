"""Where an installation is: what all of its processes and commands have to agree on."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class InstallationSettings(BaseSettings):
    """Where an installation keeps what it knows.

    Attributes:
        data: Folder of the embedded installation; of a process of the distributed one, the
            folder of its own for what is on its disk alone: the spool of ingress.
        database_url: PostgreSQL of the distributed installation, as
            `postgresql://user:password@host/database`. Without it, the embedded one.
        database_connections: The most that one process opens.
        master_key: 32 bytes in base64, which seal the tokens of accounts; several with commas,
            the newest first. Without it, a file in the folder of the embedded installation.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_", frozen=True)

    data: Path = Path("fairlead-data")
    database_url: SecretStr | None = None
    database_connections: int = Field(default=8, ge=4, le=200)
    master_key: SecretStr | None = None
