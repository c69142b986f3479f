"""How many leads of credit somebody may name (D3.8)."""

import pytest

from contracts.events import LEAD
from services.application.corrections import units_from
from services.application.refused import Refused


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1", LEAD),
        ("-1.5", -3 * LEAD // 2),
        ("0.000000001", 1),
        ("+2", 2 * LEAD),
        ("1000", 1000 * LEAD),
    ],
)
def test_D3_8_leads_are_exact(text: str, units: int) -> None:
    assert units_from(text) == units


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "leads_not_a_number"),
        ("two", "leads_not_a_number"),
        ("nan", "leads_not_a_number"),
        ("inf", "leads_not_a_number"),
        ("1,5", "leads_not_a_number"),
        ("1e3", "leads_not_a_number"),
        ("1_000", "leads_not_a_number"),
        (" 1", "leads_not_a_number"),
        ("1\n", "leads_not_a_number"),
        ("\uff15", "leads_not_a_number"),
        ("\u0665", "leads_not_a_number"),
        ("0", "leads_out_of_bounds"),
        ("-1000.1", "leads_out_of_bounds"),
        ("0.0000000001", "leads_too_fine"),
    ],
)
def test_D3_8_no_number_of_leads_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        units_from(text)
