"""All that the document allows and forbids, tried by each role on a served account (A14)."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from services.access.roles import ROLES, Role
from services.api.app import create_api
from tests.services.api.hall import Hall, hall
from tests.support.campaign import rounds
from tests.support.fuzz import FuzzForm, fuzzed
from tests.support.postgres import TestServer

# The same cases each time, so that it fails for the change; in a campaign others, and more.
SHORTEST = FuzzForm(examples=1, phases="fuzzing", is_repeatable=True)
SHORT = FuzzForm(examples=2, phases="fuzzing,stateful", is_repeatable=True)
LONG = FuzzForm(examples=20, phases="examples,fuzzing,stateful", is_repeatable=False)
WHO_MAY_MOST: Role = "administrator"
NOWHERE: Any = SimpleNamespace(installation=None)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server, "off-hours") as found:
        yield found


@pytest.mark.fault
@pytest.mark.parametrize("role", list(ROLES))
async def test_A14_1_A11_1_all_that_the_document_allows_and_forbids_is_answered_as_it_says(
    it: Hall, tmp_path: Path, role: Role
) -> None:
    form = LONG if rounds() > 1 else SHORT if role == WHO_MAY_MOST else SHORTEST

    went = await fuzzed(
        create_api(NOWHERE).openapi(),
        form,
        account_id=it.account_id,
        address=it.address,
        key=it.keys[role],
        where=tmp_path,
    )

    assert went.status == 0, went.said[-8_000:]
