"""Secrets that we hand out: 256 random bits, of which only a digest is kept."""

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> str:
    """One for a cookie or a link."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of_token(token: str) -> bytes:
    """What is kept of it; being random, it needs no salt. Any text has one."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
