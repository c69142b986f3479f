"""Who may ask why."""

from typing import Any

import pytest

from services.access.roles import ROLES, Role
from services.application.explain import explain_lead
from services.application.principal import Principal
from services.application.refused import Refused

NOTHING: Any = None  # nobody gets that far


@pytest.mark.parametrize("role", ["manager", "operator"])
async def test_S8_who_may_not_ask_why_is_told_nothing_of_a_lead(role: Role) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await explain_lead(NOTHING, NOTHING, principal, 1)
