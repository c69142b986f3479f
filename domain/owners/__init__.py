"""Owners first: who is the owner of a lead, and whether they get it."""
