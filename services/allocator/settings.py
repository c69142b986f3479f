"""Every knob of the allocator, with its unit in the name and its bounds in the type."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.shared.settings import Settings


class AllocatorSettings(Settings):
    """Bounds of the allocator's batches and memory.

    Attributes:
        batch_size_max: Messages per transaction; larger ones gain little (a tenth at 500) and
            hold up whoever pushes the first decisions of a burst.
        batch_wait_ms: The longest wait for messages before the roles' other duties are looked at.
        accounts_cached_max: Accounts whose state is kept in memory; the least recently used are
            dropped (F74).
        snapshot_every: Events after which an account's state is kept, so that a start reads
            few of them.
        snapshot_evicted_every: The same for a state that leaves the memory.
        poisonous_in_row_max: After so many messages in a row that trip over a bug, the source is
            stopped, instead of being emptied into the dead letters (F33).
        conflicts_in_row_max: After so many batches in a row that another writer was faster with,
            the source is stopped: a bug of ours must not spin for ever.
        stopped_s: How long a stopped source rests before it is tried again.
        retry_pause_max_s: The longest pause while the log or the database is away.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_ALLOCATOR_")

    batch_size_max: int = Field(default=200, ge=1, le=5_000)
    batch_wait_ms: int = Field(default=1_000, ge=1, le=60_000)
    accounts_cached_max: int = Field(default=1_000, ge=1, le=100_000)
    snapshot_every: int = Field(default=1_000, ge=1, le=10_000_000)
    snapshot_evicted_every: int = Field(default=100, ge=1, le=10_000_000)
    poisonous_in_row_max: int = Field(default=20, ge=1, le=10_000)
    conflicts_in_row_max: int = Field(default=50, ge=1, le=10_000)
    stopped_s: float = Field(default=30, gt=0, le=3_600)
    retry_pause_max_s: float = Field(default=30, gt=0, le=600)
