"""Every knob of the relay, with its unit in the name and its bounds in the type."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class RelaySettings(Settings):
    """Bounds of what the relay publishes at once.

    Attributes:
        accounts_max: Accounts per round.
        events_max: Events of one account per round.
        poll_s: The longest time between two looks at what has moved.
        answer_within_s: What the log may take for a round before it is published again.
        retry_pause_max_s: The longest pause while the log or the database is away.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_RELAY_")

    accounts_max: int = Field(default=50, ge=1, le=10_000)
    events_max: int = Field(default=200, ge=1, le=10_000)
    poll_s: float = Field(default=1.0, ge=0.01, le=60)
    answer_within_s: float = Field(default=10.0, ge=1, le=120)
    retry_pause_max_s: float = Field(default=30, gt=0, le=600)
