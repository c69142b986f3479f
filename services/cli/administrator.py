"""Who gives a command, as it is kept with what the command does."""

import getpass


def administrator() -> str:
    """Whoever may give commands here, by the name of the system's account."""
    return f"administrator {getpass.getuser()}"
