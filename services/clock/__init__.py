"""Durable timers: those that came due become inbound messages."""
