"""Where people and programs are served, and what they may take."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from services.shared.http_limits import KIB, HttpLimits
from services.shared.proxies import are_networks, networks
from services.shared.settings import Settings
from services.web.limits import RateLimit

MIB = KIB * KIB


class WebSettings(Settings):
    """An address of its own, so that rendering never holds a webhook.

    Attributes:
        enabled: Whether `fairlead up` serves the API and the console, in a process beside it.
        host: Loopback, unless a proxy with TLS on another machine stands in front.
        port: 0 for any free one; the log and `web.json` in the data folder tell which.
        ops_port: Health and metrics of the process beside `fairlead up`; 0 for any free one.
        trusted_proxies: Addresses or networks of the proxies in front, separated by commas. Only
            their `X-Forwarded-For` is believed.
        connections_max: Open at once; streams count.
        body_bytes_max: The largest body.
        statement_ms: How long one question to the database may take.
        requests_per_s: How often a key may ask in an account.
        requests_burst: So many at once above that.
        commands_per_s: How often it may change something there; these count as requests, too.
        commands_burst: So many at once above that.
        strangers_per_s: How often an address may ask without a key that counts.
        strangers_burst: So many at once above that.
        rates_kept_max: Of how many it is remembered how often they asked lately.
        gallery: Whether everybody who is signed in sees what pages are made of, at `/_gallery`;
            operators always do.
        job_memory_mib: What the process that does jobs may take; a job that wants more fails.
        stop_within_s: How long requests under way may take when the process ends.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_WEB_")

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8_090, ge=0, le=65_535)
    ops_port: int = Field(default=0, ge=0, le=65_535)
    trusted_proxies: Annotated[str, AfterValidator(are_networks)] = "127.0.0.1,::1"
    connections_max: int = Field(default=1_024, ge=1, le=100_000)
    body_bytes_max: int = Field(default=MIB, ge=KIB, le=16 * MIB)
    statement_ms: int = Field(default=2_000, ge=50, le=60_000)
    requests_per_s: int = Field(default=20, ge=1, le=10_000)
    requests_burst: int = Field(default=100, ge=1, le=100_000)
    commands_per_s: int = Field(default=5, ge=1, le=10_000)
    commands_burst: int = Field(default=25, ge=1, le=100_000)
    strangers_per_s: int = Field(default=5, ge=1, le=10_000)
    strangers_burst: int = Field(default=50, ge=1, le=100_000)
    rates_kept_max: int = Field(default=10_000, ge=100, le=1_000_000)
    gallery: bool = False
    job_memory_mib: int = Field(default=1_024, ge=256, le=1_048_576)
    stop_within_s: int = Field(default=5, ge=1, le=60)

    @property
    def requests(self) -> RateLimit:
        """Of a key in an account."""
        return RateLimit(name="requests", per_s=self.requests_per_s, burst=self.requests_burst)

    @property
    def commands(self) -> RateLimit:
        """Of a key in an account, for what changes something."""
        return RateLimit(name="commands", per_s=self.commands_per_s, burst=self.commands_burst)

    @property
    def strangers(self) -> RateLimit:
        """Of an address."""
        return RateLimit(name="strangers", per_s=self.strangers_per_s, burst=self.strangers_burst)

    @property
    def http(self) -> HttpLimits:
        """What of it holds for every connection."""
        return HttpLimits(
            connections_max=self.connections_max,
            strangers_per_address_max=self.connections_max,
            trusted_proxies=networks(self.trusted_proxies),
            stop_within_s=self.stop_within_s,
        )
