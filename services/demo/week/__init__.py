"""A working week in virtual time: the real rules, a made-up Kommo, nothing to install.

`sample` has the people and the rules, `world` lets the week happen, `findings` tells what came of
it, `output` prints it.
"""
