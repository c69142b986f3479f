"""The inbound log: one small port, and its implementations."""
