"""The gateway's knobs."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.gateway.directory import DirectoryRules
from services.gateway.pusher import PushRules
from services.gateway.rounds import RoundRules
from services.gateway.sweep import SweepRules
from services.kommo.client import Deadlines
from services.kommo.limiter import Pace


class Settings(BaseSettings):
    """Every knob of the gateway, with its unit in the name and its bounds in the type.

    Attributes:
        rate_per_s: Requests to Kommo that begin in a second, of all gateways together; Kommo counts
            7.
        burst: Requests that may begin at once after a silence; 1 spaces all of them.
        waiting_calls_max: Calls that may wait for their turn.
        pause_max_s: The longest pause after refusals for being too fast that name none.
        blocked_probe_s: How often a blocked address is tried again.
        connect_timeout_s: Of one call, to connect.
        write_timeout_s: Of one call, to send.
        read_timeout_s: Of one call, for each part of the answer.
        total_timeout_s: Of one call, all together; as long others wait for a gateway that gives a
            partition away.
        body_bytes_max: The largest answer that is read.
        push_batch_size: Leads in one request; Kommo takes 250 and advises 50.
        push_linger_ms: How long a batch that is not full waits for company.
        push_flights_max: Requests of one account at the same time.
        push_poll_ms: How often the list of pushes is read without a wake-up.
        push_fresh_s: A decision older than this is read from Kommo before it is sent.
        push_settle_s: A result that was not taken notice of after this is looked at again.
        push_attempts_max: Failures after which a lead or an account is parked.
        push_retry_first_s: Bound of the first random pause after a failure; triples each time.
        push_parked_s: Pause of what is parked, for ever again.
        push_stopped_s: Pause of an account that is unpaid or will not let us in.
        push_rejected_max: Unexplained refusals in a row that park the account instead of closing
            its requests.
        lookup_poll_ms: How often the lists of readings are read without a wake-up.
        lookup_settle_s: A reading that was not taken notice of after this is repeated.
        sweep_interval_s: From the start of one sweep of an account to the next.
        sweep_overlap_s: How far a sweep reaches back before the start of the one before.
        sweep_full_interval_s: How often all leads are read, whenever they changed.
        sweep_pages_max: Pages of one account before others have their turn.
        sweep_accounts_max: Accounts swept at the same time.
        directory_interval_s: How often users, stages and the webhooks' state are read.
        accounts_reload_s: How often the registry of accounts is read.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_GATEWAY_", frozen=True)

    # The address: 6 leave room for what the network bunches up.
    rate_per_s: float = Field(default=6.0, gt=0, le=1_000)
    burst: int = Field(default=1, ge=1, le=100)
    waiting_calls_max: int = Field(default=1_000, ge=10, le=100_000)
    pause_max_s: float = Field(default=300.0, ge=1, le=3_600)
    blocked_probe_s: float = Field(default=300.0, ge=1, le=86_400)
    # One call.
    connect_timeout_s: float = Field(default=3.0, gt=0, le=60)
    write_timeout_s: float = Field(default=5.0, gt=0, le=60)
    read_timeout_s: float = Field(default=8.0, gt=0, le=60)
    total_timeout_s: float = Field(default=10.0, gt=0, le=120)
    body_bytes_max: int = Field(default=5 * 1024 * 1024, ge=65_536, le=100 * 1024 * 1024)
    # Pushes.
    push_batch_size: int = Field(default=50, ge=1, le=250)
    push_linger_ms: int = Field(default=100, ge=0, le=5_000)
    push_flights_max: int = Field(default=2, ge=1, le=10)
    push_poll_ms: int = Field(default=1_000, ge=10, le=60_000)
    push_fresh_s: float = Field(default=60.0, ge=1, le=3_600)
    push_settle_s: float = Field(default=120.0, ge=1, le=3_600)
    push_attempts_max: int = Field(default=5, ge=1, le=100)
    push_retry_first_s: float = Field(default=20.0, ge=0.1, le=600)
    push_parked_s: float = Field(default=600.0, ge=1, le=86_400)
    push_stopped_s: float = Field(default=3_600.0, ge=1, le=86_400)
    push_rejected_max: int = Field(default=20, ge=1, le=10_000)
    # Readings.
    lookup_poll_ms: int = Field(default=1_000, ge=10, le=60_000)
    lookup_settle_s: float = Field(default=60.0, ge=1, le=3_600)
    sweep_interval_s: float = Field(default=300.0, ge=1, le=86_400)
    sweep_overlap_s: float = Field(default=60.0, ge=1, le=3_600)
    sweep_full_interval_s: float = Field(default=86_400.0, ge=60, le=30 * 86_400)
    sweep_pages_max: int = Field(default=20, ge=1, le=1_000)
    sweep_accounts_max: int = Field(default=4, ge=1, le=100)
    directory_interval_s: float = Field(default=3_600.0, ge=10, le=86_400)
    accounts_reload_s: float = Field(default=10.0, ge=0.1, le=3_600)

    def pace(self) -> Pace:
        """The limiter's part."""
        return Pace(
            rate_per_s=self.rate_per_s,
            burst=self.burst,
            waiting_max=self.waiting_calls_max,
            pause_max_s=self.pause_max_s,
            blocked_probe_s=self.blocked_probe_s,
        )

    def deadlines(self) -> Deadlines:
        """The client's part."""
        return Deadlines(
            connect_s=self.connect_timeout_s,
            write_s=self.write_timeout_s,
            read_s=self.read_timeout_s,
            total_s=self.total_timeout_s,
            body_bytes_max=self.body_bytes_max,
        )

    def push_rules(self) -> PushRules:
        """The pusher's part."""
        return PushRules(
            batch_size=self.push_batch_size,
            linger_s=self.push_linger_ms / 1_000,
            flights_max=self.push_flights_max,
            poll_s=self.push_poll_ms / 1_000,
            fresh_s=self.push_fresh_s,
            settle_s=self.push_settle_s,
            attempts_max=self.push_attempts_max,
            retry_first_s=self.push_retry_first_s,
            parked_s=self.push_parked_s,
            stopped_s=self.push_stopped_s,
            rejected_max=self.push_rejected_max,
        )

    def lookup_rules(self) -> RoundRules:
        """The part of everything that is read because an account asked."""
        return RoundRules(poll_s=self.lookup_poll_ms / 1_000, settle_s=self.lookup_settle_s)

    def sweep_rules(self) -> SweepRules:
        """The sweep's part."""
        return SweepRules(
            interval_s=self.sweep_interval_s,
            overlap_s=self.sweep_overlap_s,
            full_interval_s=self.sweep_full_interval_s,
            pages_max=self.sweep_pages_max,
            accounts_max=self.sweep_accounts_max,
        )

    def directory_rules(self) -> DirectoryRules:
        """The directory's part."""
        return DirectoryRules(interval_s=self.directory_interval_s)
