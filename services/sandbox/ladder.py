"""When a hook that was answered badly is tried again.

Source:
    The documented table of attempts of account webhooks; for pipeline hooks "up to 4 retries
    within one hour", whose spacing is nowhere stated: 5, 15, 15, 25 minutes here.
"""

from typing import Final

from services.sandbox.knobs import Knobs
from services.sandbox.model import Subscription, Trigger

_MINUTE: Final = 60.0
_ACCOUNT_WAITS_S: Final = (5 * _MINUTE, 15 * _MINUTE, 15 * _MINUTE, 60 * _MINUTE)
_ACCOUNT_RETRIES_OF_ANY: Final = 2  # the later ones are for 499 and 5xx only
_PIPELINE_WAITS_S: Final = (5 * _MINUTE, 15 * _MINUTE, 15 * _MINUTE, 25 * _MINUTE)


def is_good(status: int) -> bool:
    """Say whether Kommo takes the answer for a success."""
    return 100 <= status < 300  # noqa: PLR2004 - the documented range


def wait_s(target: Subscription | Trigger, attempt: int, status: int, knobs: Knobs) -> float | None:
    """Tell how many documented seconds to wait after a bad answer, or None for never again.

    Args:
        target: Where the hook goes; its kind decides the table.
        attempt: The attempt that has just failed, from 1.
        status: Its answer; 0 for none.
        knobs: How often pipeline hooks are retried.
    """
    if isinstance(target, Subscription):
        if attempt > len(_ACCOUNT_WAITS_S):
            return None
        if attempt > _ACCOUNT_RETRIES_OF_ANY and not (status == 499 or 500 <= status < 600):  # noqa: PLR2004
            return None
        return _ACCOUNT_WAITS_S[attempt - 1]
    retries = knobs.dp_plain_retries if target.kind == "plain" else knobs.dp_widget_retries
    return _PIPELINE_WAITS_S[attempt - 1] if attempt <= retries else None
