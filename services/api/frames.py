"""Events as frames of a stream of server-sent events (A8.1, WHATWG HTML 9.2).

Each frame that names an id moves the reader's place: so does one without data, which nobody sees.
"""

import orjson

from services.shared.thin import ThinEvent


def opening(position: int, *, retry_ms: int) -> bytes:
    """The first one: after how long to come again, and from where if nothing else ever comes."""
    return b"retry: %d\nid: %d\n\n" % (retry_ms, position)


def comment(position: int) -> bytes:
    """That the stream lives, and how far it has passed."""
    return b": at %d\nid: %d\n\n" % (position, position)


def frame(event: ThinEvent) -> bytes:
    """An event."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (
        event.version,
        event.type.encode(),
        orjson.dumps(event.as_json()),
    )


def reset(position: int, head: int) -> bytes:
    """There is too much to catch up with here; it names no id, so that nobody's place moves."""
    return b"event: reset\ndata: %b\n\n" % orjson.dumps({"after": position, "as_of_version": head})
