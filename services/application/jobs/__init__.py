"""Work that takes longer than an answer may: asked for, done in a process of its own, told later.

`giving` is for whoever asks: `start`, `state`, `result`, `cancel`. `work` is the worker's.
"""
