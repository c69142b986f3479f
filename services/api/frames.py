"""Events as frames of a stream of server-sent events (A8.1, WHATWG HTML 9.2).

Each frame that names an id moves the reader's place: so does one without data, which nobody sees.
"""

import orjson

from services.api.times import told
from services.application.feed.thin import FeedEvent


def opening(position: int, *, retry_ms: int) -> bytes:
    """The first one: after how long to come again, and from where if nothing else ever comes."""
    return b"retry: %d\nid: %d\n\n" % (retry_ms, position)


def comment(position: int) -> bytes:
    """That the stream lives, and how far it has passed."""
    return b": at %d\nid: %d\n\n" % (position, position)


def frame(event: FeedEvent) -> bytes:
    """An event."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (
        event.version,
        event.type.encode(),
        orjson.dumps(plain(event)),
    )


def reset(position: int, head: int) -> bytes:
    """There is too much to catch up with here; it names no id, so that nobody's place moves."""
    return b"event: reset\ndata: %b\n\n" % orjson.dumps({"after": position, "as_of_version": head})


def plain(event: FeedEvent) -> dict[str, object]:
    """An event as JSON has it; every field is there."""
    return {
        "version": event.version,
        "type": event.type,
        "at": told(event.at),
        "lead_id": event.lead_id,
        "manager_id": event.manager_id,
        "request_id": event.request_id,
        "attempt": event.attempt,
        "rule_id": event.rule_id,
        "revision": event.revision,
    }
