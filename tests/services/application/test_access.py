"""Who may see who looked."""

from typing import Any, get_args

import pytest

from services.access.roles import ROLES, Role
from services.application.access import accesses
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.access_log import Sight
from services.storage.jobs import JobKind
from services.words.source import JOBS, SIGHTS

NOTHING: Any = None  # nobody gets that far


@pytest.mark.parametrize("role", ["manager", "operator"])
async def test_S8_who_may_not_audit_does_not_see_who_looked(role: Role) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await accesses(NOTHING, NOTHING, principal, NOTHING, limit=1)


def test_A9_3_whatever_is_looked_at_has_its_word() -> None:
    assert get_args(Sight) == SIGHTS


def test_whatever_is_done_beside_has_its_word() -> None:
    assert get_args(JobKind) == JOBS
