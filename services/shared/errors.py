"""The families of errors a service raises on purpose; anything else is a bug.

    Malformed     not understood, and never will be: kept with its reason, the rest goes on
    Unavailable   a peer did not answer: wait (bounded, growing), then try again
    NeedsMending  no waiting helps: the process ends, and says what a person has to do

One more family, refusals, is the domain's: they are recorded as events.
"""


class Malformed(Exception):
    """The input cannot be understood; the message says what was expected where."""


class Unavailable(Exception):
    """A peer did not answer, and the outcome may be unknown; the same call may succeed later."""


class NeedsMending(Exception):
    """Only a person can help; the message says how."""
