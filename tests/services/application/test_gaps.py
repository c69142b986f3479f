"""Where somebody may let a partition go on (F22)."""

import pytest

from services.application.gaps import offset_from
from services.application.refused import Refused


def test_F22_an_offset_is_a_number_or_the_earliest() -> None:
    assert offset_from("earliest") is None
    assert offset_from("0") == 0
    assert offset_from("123456789012345678") == 123456789012345678


@pytest.mark.parametrize("text", ["latest", "", "-1", "1.5", " 1", "\uff11", "\u0661", "9" * 5_000])
def test_F22_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="offset_not_a_number"):
        offset_from(text)
