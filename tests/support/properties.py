"""How many examples a property gets.

`make test` gives it the same ones each time, so that it fails for the change and not by chance;
`make campaign` gives it others, and so many times as many as it has rounds.
"""

from hypothesis import HealthCheck, settings

from tests.support.campaign import rounds

EXAMPLES = 100


def budget_examples() -> None:
    """Give every property its examples. None fails for being slow: the machine may be busy."""
    form = "short" if rounds() == 1 else "long"
    settings.register_profile(
        form,
        max_examples=EXAMPLES * rounds(),
        derandomize=rounds() == 1,
        print_blob=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(form)
