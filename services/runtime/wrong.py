"""What a person has to mend before something can run, as one line."""


class Wrong(Exception):
    """A process cannot do its work; the message tells the person what to do."""
