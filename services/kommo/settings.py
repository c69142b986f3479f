"""The settings of our requests to Kommo; the gateway's, who makes nearly all of them."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class LimiterSettings(Settings):
    """How fast requests leave our address.

    Attributes:
        rate_per_s: Requests to Kommo that begin in a second, of all gateways together. Kommo allows
            7.
        burst: Requests that may begin at once after a silence; 1 spaces them all.
        waiting_calls_max: Calls that may wait for their turn.
        pause_first_s: The first pause after Kommo says that we are too fast, without saying for how
            long to wait; doubled each time, up to `pause_max_s`.
        pause_max_s: The longest such pause.
        pause_stated_max_s: The longest pause that we keep when Kommo does say how long.
        calm_s: After so long without such an answer, pauses begin with `pause_first_s` again.
        blocked_probe_s: How often a blocked address is tried again.
        fair_every: One turn in so many goes to the call that has waited longest, however urgent
            others are, so that a stream of pushes cannot starve the sweep.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_")

    # 6 leave room for what the network bunches up.
    rate_per_s: float = Field(default=6.0, gt=0, le=1_000)
    burst: int = Field(default=1, ge=1, le=100)
    waiting_calls_max: int = Field(default=1_000, ge=10, le=100_000)
    pause_first_s: float = Field(default=1.0, ge=0.1, le=600)
    pause_max_s: float = Field(default=300.0, ge=1, le=3_600)
    pause_stated_max_s: float = Field(default=3_600.0, ge=1, le=86_400)
    calm_s: float = Field(default=60.0, ge=1, le=3_600)
    blocked_probe_s: float = Field(default=300.0, ge=1, le=86_400)
    fair_every: int = Field(default=8, ge=2, le=1_000)


class CallSettings(Settings):
    """How long each phase of a call may take, and how much it may answer.

    Attributes:
        connect_timeout_s: How long one call may take to connect.
        write_timeout_s: How long one call may take to send its request.
        read_timeout_s: How long each part of its answer may take.
        total_timeout_s: How long one call may take in all. A gateway that has to give a partition
            away is waited for as long.
        body_bytes_max: The largest answer that is read, in bytes.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_")

    connect_timeout_s: float = Field(default=3.0, gt=0, le=60)
    write_timeout_s: float = Field(default=5.0, gt=0, le=60)
    read_timeout_s: float = Field(default=8.0, gt=0, le=60)
    total_timeout_s: float = Field(default=10.0, gt=0, le=120)
    body_bytes_max: int = Field(default=5 * 1024 * 1024, ge=65_536, le=100 * 1024 * 1024)
