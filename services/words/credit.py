"""Credit in leads, with three decimals, as everything tells it."""

from decimal import Decimal

from contracts.events import LEAD


def signed(units: int) -> str:
    """Credit units as signed leads: `+0.417`."""
    told = f"{Decimal(units) / LEAD:+.3f}"
    # Of less than half a thousandth below nothing there is nothing to tell but a sign.
    return "+0.000" if told == "-0.000" else told


def unsigned(units: int) -> str:
    """Credit units as leads: `1.500`."""
    return f"{Decimal(units) / LEAD:.3f}"
