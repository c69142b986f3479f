"""Every knob of ingress, with its unit in the name and its bounds in the type."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

KIB = 1_024
MIB = 1_024 * KIB


class IngressSettings(BaseSettings):
    """Limits of ingress; the defaults hold for one busy account and for a thousand quiet ones.

    Attributes:
        answer_within_ms: From the end of a body to its answer. Kommo hangs up after 2 s, so a
            503 that still arrives is worth more than a 200 that does not.
        rate_per_s: What one account may send for ever.
        burst: What it may send at once above that, unremarked.
        quota: What it may send beyond the burst: kept and logged; only then comes a 429.
        reading_bytes_max: Memory for bodies on their way in, all connections together.
        log_within_ms: The log's time for one batch, then the spool takes it. A body may wait for
            the batch before its own, so twice this and two syncs are the most that an absence of
            the log adds to an answer.
        spool_bytes_max: When either bound of the spool is reached and the log is away, webhooks
            are answered 503; a message takes some 400 bytes.
        drain_within_s: The log's time for one batch out of the spool; a slow log is better than
            none.
        drain_pause_min_ms: After a failure, doubled with each up to `drain_pause_max_ms`.
        directory_wait_ms: At least this long between two looks for an unknown secret, so that
            guessing cannot load the database (S1).
        directory_age_max_s: A withdrawn secret stops working after this long at the latest.
        host: Address to receive webhooks at.
        port: Port of the same; 0 for any free one.
        connections_max: Connections at the same time; more are hung up on.
        header_bytes_max: The largest head of a request.
        header_read_s: A head's time to arrive.
        body_bytes_max: The largest body; a larger one is answered 413.
        body_read_s: A body's time to arrive.
        keep_alive_s: How long an idle connection is kept.
        queue_bodies_max: Bodies that may wait for the log.
        queue_bytes_max: Their size, all together.
        batch_messages_max: Messages in one batch for the log.
        batch_bytes_max: Their size.
        spool_rows_max: Messages that fit into the spool.
        drain_rows_max: Messages in one batch out of the spool.
        drain_bytes_max: Their size.
        drain_pause_max_ms: The longest pause between two tries to empty the spool.
        stop_within_s: Time for requests in flight at the end of the process.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_INGRESS_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8_080, ge=0, le=65_535)

    connections_max: int = Field(default=4_096, ge=1, le=100_000)
    header_bytes_max: int = Field(default=16 * KIB, ge=KIB, le=MIB)
    header_read_s: float = Field(default=10, gt=0, le=120)
    body_bytes_max: int = Field(default=MIB, ge=KIB, le=16 * MIB)
    body_read_s: float = Field(default=10, gt=0, le=120)
    reading_bytes_max: int = Field(default=64 * MIB, ge=KIB)
    keep_alive_s: int = Field(default=15, ge=1, le=600)

    answer_within_ms: int = Field(default=1_500, ge=50, le=1_900)
    queue_bodies_max: int = Field(default=20_000, ge=1, le=1_000_000)
    queue_bytes_max: int = Field(default=64 * MIB, ge=KIB)
    batch_messages_max: int = Field(default=2_000, ge=1, le=100_000)
    batch_bytes_max: int = Field(default=4 * MIB, ge=KIB)

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

    directory_wait_ms: int = Field(default=1_000, ge=1, le=60_000)
    directory_age_max_s: float = Field(default=60, gt=0, le=3_600)
    stop_within_s: int = Field(default=5, ge=1, le=60)
