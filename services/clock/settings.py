"""The settings of the clock."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class ClockSettings(Settings):
    """Bounds of the clock's batches and sleeps.

    Attributes:
        batch_size: Timers in one batch of messages.
        wait_max_ms: The longest sleep, because a timer may be set without a wake-up.
        wait_min_ms: The shortest sleep, so that a wrong clock cannot make it spin.
        retry_max_s: The longest pause while the log or the database is away.
        jump_s: When the wall clock steps so far against the monotonic one, it is logged as an
            error.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_CLOCK_")

    batch_size: int = Field(default=500, ge=1, le=10_000)
    wait_max_ms: int = Field(default=1_000, ge=10, le=60_000)
    wait_min_ms: int = Field(default=5, ge=1, le=1_000)
    retry_max_s: float = Field(default=30.0, ge=1, le=600)
    jump_s: float = Field(default=10.0, ge=1, le=3_600)
