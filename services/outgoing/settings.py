"""How webhooks are sent."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class WebhookSettings(Settings):
    """How events are told to the targets of accounts.

    Attributes:
        targets_max: Targets that are sent to at the same time; each gets one delivery at a time.
        turn_max: Deliveries of one target before others have their turn.
        timeout_s: How long a target may take to answer, connecting included.
        backlog_max: Deliveries of one target that are listed and not taken yet; beyond that the
            account's events stay where they are, in the store.
        page_events: Events of an account that are looked at together.
        off_after_s: A target that has taken nothing for so long is given up.
        poll_ms: How often it is looked what is to be sent.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_WEBHOOKS_")

    targets_max: int = Field(default=20, ge=1, le=500)
    turn_max: int = Field(default=50, ge=1, le=10_000)
    timeout_s: float = Field(default=15.0, ge=0.1, le=60)
    backlog_max: int = Field(default=1_000, ge=1, le=100_000)
    page_events: int = Field(default=500, ge=1, le=10_000)
    off_after_s: float = Field(default=259_200.0, ge=60, le=30 * 86_400)
    poll_ms: int = Field(default=1_000, ge=10, le=60_000)
