"""Judges what happened to an account against the promises I1 to I10, from nothing but records."""
