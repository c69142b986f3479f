"""A local Kommo: a real HTTP server with the documented shapes, limits, hooks and bad days.

Run by tests, by the demo and by developers, in a process of its own or inside a test's loop.
Everything it does is decided by its state, its knobs and a seed, and is written to a journal.
"""
