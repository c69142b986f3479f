"""Turns the events of every account into tables that can be asked."""
