"""What a person did wrong, or has to mend, as one line."""


class Wrong(Exception):
    """A command cannot be carried out; the message tells the person what to do."""
