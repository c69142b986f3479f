"""How a part of a process tells whether it could do its work, without knowing who asks."""

from collections.abc import Awaitable, Callable

# None when ready, else why not; may raise `services.shared.errors.Unavailable` instead.
Check = Callable[[], Awaitable[str | None]]
# Takes a part's name and its check.
Register = Callable[[str, Check], None]
