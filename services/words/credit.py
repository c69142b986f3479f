"""Credit in leads, with three decimals, as logs and the demo tell it."""

from decimal import Decimal

from contracts.events import LEAD


def signed(units: int) -> str:
    """Credit units as signed leads: `+0.417`."""
    return f"{Decimal(units) / LEAD:+.3f}"


def unsigned(units: int) -> str:
    """Credit units as leads: `1.500`."""
    return f"{Decimal(units) / LEAD:.3f}"
