"""The address of a test's database for another user of it."""

from urllib.parse import urlsplit, urlunsplit


def as_user(name: str, database_url: str) -> str:
    """The same address; the server of the tests asks nobody for a password."""
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{name}@{place}"))
