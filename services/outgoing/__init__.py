"""Webhooks out: an account's events told, signed, to addresses that people name (A8.4)."""
