"""Telling people whose lead it is: a note, a task (D12.2)."""
