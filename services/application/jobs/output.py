"""What a job gives back while it runs: how far it is, and its result, a part at a time."""

from hashlib import sha256

from services.application.refused import Refused
from services.storage.jobs import HeldJob, JobResult

PART_BYTES = 262_144
BYTES_MAX = 1_073_741_824
WHOLE = 1_000


class JobEnded(Exception):
    """Nobody wants the job any more: it was cancelled, or another worker has it."""


class JobOutput:
    """Of one job; what takes the progress may be called from a thread of its computation.

    Attributes:
        progress: In thousandths.
        size_bytes: Of the result, so far.
    """

    def __init__(self, held: HeldJob) -> None:
        self.progress = 0
        self.size_bytes = 0
        self._held = held
        self._is_ended = False
        self._digest = sha256()
        self._rest = bytearray()
        self._parts = 0
        self._form = "application/json"
        self._row_count: int | None = None
        self._next_before: int | None = None

    def tell(self, done: int, goal: int) -> None:
        """So much of so much is done; the whole is reached only with the result.

        Raises:
            JobEnded: Nobody wants to know.
        """
        if self._is_ended:
            raise JobEnded
        self.progress = min(done * WHOLE // max(goal, 1), WHOLE - 1)

    def end(self) -> None:
        """Have the computation end where it next says how far it is."""
        self._is_ended = True

    def is_a_file(self, form: str, *, row_count: int, next_before: int | None) -> None:
        """Say what the result is, where it is no JSON of one of our records."""
        self._form, self._row_count, self._next_before = form, row_count, next_before

    async def write(self, content: bytes) -> None:
        """Add to the result.

        Raises:
            JobEnded: Nobody wants it.
            Refused: It would be too large.
        """
        self.size_bytes += len(content)
        if self.size_bytes > BYTES_MAX:
            raise Refused("job_result_too_large", limit=BYTES_MAX)
        self._digest.update(content)
        self._rest += content
        while len(self._rest) >= PART_BYTES:
            await self._keep(bytes(self._rest[:PART_BYTES]))
            del self._rest[:PART_BYTES]

    async def finish(self) -> None:
        """The result is whole.

        Raises:
            JobEnded: Nobody wants it.
        """
        if self._rest:
            await self._keep(bytes(self._rest))
        is_kept = await self._held.finish(
            JobResult(
                form=self._form,
                size_bytes=self.size_bytes,
                sha256=self._digest.digest(),
                row_count=self._row_count,
                next_before=self._next_before,
            )
        )
        if not is_kept:
            raise JobEnded

    async def _keep(self, part: bytes) -> None:
        if self._is_ended or not await self._held.add_part(self._parts, part):
            raise JobEnded
        self._parts += 1
