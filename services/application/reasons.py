"""Why somebody does something, in their own words, as it is kept with what they do."""

from services.application.refused import Refused

CHARACTERS_MAX = 500


def check_reason(reason: str) -> None:
    """See that a reason can be kept.

    Raises:
        Refused: It is no text, or too long.
    """
    try:
        reason.encode()
    except UnicodeEncodeError as error:  # what the shell passed on was no text
        raise Refused("reason_not_text") from error
    if len(reason) > CHARACTERS_MAX:
        raise Refused("reason_too_long", limit=CHARACTERS_MAX, characters=len(reason))
