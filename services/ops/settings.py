"""Where operators and monitors look in."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class OpsSettings(Settings):
    """A port of its own, so that nobody who may send webhooks sees it (S25).

    Attributes:
        host: Loopback, unless a monitor elsewhere has to reach it, as in a container.
        port: 0 for any free one; then `runtime.json` and `fairlead doctor` tell which.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_OPS_")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
