"""Messages into the inbound log, again and again until the log has them."""

from collections.abc import Callable, Sequence

import structlog

from contracts.inbound import Inbound
from services.kommo.timing import SystemTiming, Timing
from services.log.port import Entry, LogWriter
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

_PAUSE_FIRST_S = 0.2
_PAUSE_MAX_S = 30.0


class ResultPublisher:
    """Publishes results of calls; they cannot be taken back in Kommo, so it never gives up."""

    def __init__(
        self,
        writer: LogWriter,
        encode: Callable[[Inbound], bytes],
        timing: Timing | None = None,
    ) -> None:
        self._writer = writer
        self._encode = encode
        self._timing = timing or SystemTiming()

    async def publish(self, messages: Sequence[Inbound]) -> None:
        """Return once all are durable; an unknown outcome is repeated, copies share their id."""
        entries = [Entry(each.account_id, self._encode(each)) for each in messages]
        pause_s = _PAUSE_FIRST_S
        while entries:
            try:
                await self._writer.publish(entries)
            except Unavailable:
                log.warning("publish_delayed", messages=len(entries), pause_s=pause_s)
                await self._timing.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
            else:
                return
