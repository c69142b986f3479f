"""Every knob of ingress, with its unit in the name and its bounds in the type."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from services.shared.http_limits import HttpLimits
from services.shared.proxies import are_networks, networks
from services.shared.settings import Settings

KIB = 1_024
MIB = 1_024 * KIB


class IngressSettings(Settings):
    """Limits of ingress; the defaults hold for one busy account and for a thousand quiet ones.

    Attributes:
        answer_within_ms: From the end of a body to its answer. Kommo hangs up after 2 s, so a
            503 that still arrives is worth more than a 200 that does not.
        rate_per_s: Webhooks a second that one account may send without end.
        burst: Webhooks that it may send at once above that, without a remark.
        quota: Webhooks that it may send beyond the burst; they are kept, and it is logged. After
            that it is answered 429.
        bytes_per_s: Bytes of bodies a second that one account may send without end.
        bytes_quota: Bytes that it may send at once above that; it is logged from half of it on.
        items_per_s: Messages a second that its bodies may come to without end.
        items_quota: As `bytes_quota`, for messages.
        reading_bytes_max: Memory for bodies that are read, all connections together. An account
            may take a quarter of it.
        log_within_ms: How long the log may take for one batch; then the spool takes it. A body may
            wait for the batch before its own, so an absence of the log adds at most twice this and
            two syncs to an answer.
        spool_bytes_max: When either bound of the spool is reached and the log is away, webhooks
            are answered 503; a message takes some 400 bytes.
        drain_within_s: How long the log may take for one batch out of the spool; a slow log is
            better than none.
        drain_pause_min_ms: The pause after a failure; doubled with each, up to
            `drain_pause_max_ms`.
        directory_wait_ms: The least time between two looks for secrets that turn out to be
            nobody's, so that guessing cannot load the database (S1).
        directory_age_max_s: A withdrawn secret stops working after this long at the latest.
        host: Address to receive webhooks at.
        port: Port of the same; 0 for any free one.
        connections_max: Connections at the same time. When one more comes, the one that has been
            without a valid secret for the longest is closed. Of the process's limit of open files,
            256 are left for other things.
        strangers_per_address_max: The same among the connections of one address that have shown
            no valid secret.
        trusted_proxies: Addresses or networks of the proxies in front, separated by commas. Only
            their `X-Forwarded-For` is believed, and they are not counted as one address that sends
            too much.
        header_bytes_max: The largest head of a request, in bytes.
        headers_max: How many headers a request may have.
        header_read_s: How long a head may take to arrive.
        body_bytes_max: The largest body; a larger one is answered 413.
        body_read_s: How long a body may take to arrive, and an answer to be taken.
        slow_after_s: From then on, a head or body has to arrive at `bytes_per_s_min`.
        bytes_per_s_min: Whoever sends more slowly is disconnected.
        stranger_bytes_max: Memory for bodies under no valid secret, until they are answered.
        keep_alive_s: How long an idle connection is kept.
        pipelined_max: Requests that may wait on a connection for the answers before theirs.
        requests_per_connection_max: After so many requests a connection is closed.
        in_flight_max: Webhooks of one account that are worked on at once while others send as well.
        queue_bodies_max: Bodies that may wait for the log.
        queue_bytes_max: Their size, all together. When there is no room left, the newest webhooks
            of the account that has most waiting are answered 503.
        batch_bytes_max: Size of one batch for the log. A message counts some 800 bytes.
        turn_bytes_max: How much of a batch one account may have. A larger body is written in
            pieces.
        spool_rows_max: Messages that fit into the spool.
        drain_rows_max: Messages in one batch out of the spool.
        drain_bytes_max: Their size.
        drain_pause_max_ms: The longest pause between two tries to empty the spool.
        stop_within_s: How long requests under way may take when the process ends.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_INGRESS_")

    host: str = "127.0.0.1"
    port: int = Field(default=8_080, ge=0, le=65_535)

    connections_max: int = Field(default=4_096, ge=1, le=100_000)
    strangers_per_address_max: int = Field(default=1_024, ge=1, le=100_000)
    trusted_proxies: Annotated[str, AfterValidator(are_networks)] = "127.0.0.1,::1"
    header_bytes_max: int = Field(default=16 * KIB, ge=KIB, le=MIB)
    headers_max: int = Field(default=100, ge=10, le=10_000)
    header_read_s: float = Field(default=10, gt=0, le=120)
    body_bytes_max: int = Field(default=MIB, ge=KIB, le=16 * MIB)
    body_read_s: float = Field(default=10, gt=0, le=120)
    slow_after_s: float = Field(default=3, gt=0, le=120)
    bytes_per_s_min: int = Field(default=500, ge=0, le=MIB)
    reading_bytes_max: int = Field(default=64 * MIB, ge=KIB)
    stranger_bytes_max: int = Field(default=16 * MIB, ge=KIB)
    keep_alive_s: int = Field(default=15, ge=1, le=600)
    pipelined_max: int = Field(default=8, ge=1, le=1_000)
    requests_per_connection_max: int = Field(default=10_000, ge=1)

    answer_within_ms: int = Field(default=1_500, ge=50, le=1_900)
    in_flight_max: int = Field(default=16, ge=1, le=100_000)
    queue_bodies_max: int = Field(default=20_000, ge=1, le=1_000_000)
    queue_bytes_max: int = Field(default=64 * MIB, ge=KIB)
    batch_bytes_max: int = Field(default=2 * MIB, ge=KIB)
    turn_bytes_max: int = Field(default=128 * KIB, ge=KIB)

    log_within_ms: int = Field(default=500, ge=10, le=900)
    spool_rows_max: int = Field(default=1_000_000, ge=1)
    spool_bytes_max: int = Field(default=512 * MIB, ge=KIB)
    drain_rows_max: int = Field(default=1_000, ge=1, le=100_000)
    drain_bytes_max: int = Field(default=4 * MIB, ge=KIB)
    drain_within_s: float = Field(default=30, gt=0, le=600)
    drain_pause_min_ms: int = Field(default=250, ge=1, le=60_000)
    drain_pause_max_ms: int = Field(default=4_000, ge=1, le=60_000)

    rate_per_s: float = Field(default=200, gt=0)
    burst: int = Field(default=2_000, ge=1)
    quota: int = Field(default=20_000, ge=0)
    bytes_per_s: float = Field(default=4 * MIB, gt=0)
    bytes_quota: int = Field(default=512 * MIB, ge=KIB)
    items_per_s: float = Field(default=2_000, gt=0)
    items_quota: int = Field(default=500_000, ge=1)

    directory_wait_ms: int = Field(default=1_000, ge=1, le=60_000)
    directory_age_max_s: float = Field(default=60, gt=0, le=3_600)
    stop_within_s: int = Field(default=5, ge=1, le=60)

    @property
    def http(self) -> HttpLimits:
        """What of it holds for every connection."""
        return HttpLimits(
            connections_max=self.connections_max,
            strangers_per_address_max=self.strangers_per_address_max,
            trusted_proxies=networks(self.trusted_proxies),
            head_bytes_max=self.header_bytes_max,
            headers_max=self.headers_max,
            head_read_s=self.header_read_s,
            body_read_s=self.body_read_s,
            slow_after_s=self.slow_after_s,
            bytes_per_s_min=self.bytes_per_s_min,
            stranger_bytes_max=self.stranger_bytes_max,
            pipelined_max=self.pipelined_max,
            requests_per_connection_max=self.requests_per_connection_max,
            keep_alive_s=self.keep_alive_s,
            stop_within_s=self.stop_within_s,
        )
