"""Which accounts a process works for: all in the embedded installation, else its partitions'."""

from collections.abc import Callable

# Whether this process works for the account, now.
Owns = Callable[[int], bool]


def everything(_account_id: int, /) -> bool:
    """Whether a process works for the account that has nobody to share with: it does."""
    return True
