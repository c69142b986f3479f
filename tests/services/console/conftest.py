"""One week, one server for it and one browser, however many tests look."""

from collections.abc import AsyncIterator, Iterator
from inspect import iscoroutinefunction

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from services.storage.embedded.database import EmbeddedDatabase
from tests.services.cli.week import KeptWeek, kept_week
from tests.services.console.browser import opened
from tests.services.console.site import Site, week_site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have all tests here on one loop: server and browser live on it from test to test."""
    for item in items:
        is_here = "tests/services/console/" in item.path.as_posix()
        if is_here and iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def week() -> Iterator[KeptWeek]:
    with kept_week() as kept:
        # As long as somebody uses the server, it is not started anew by each test.
        database = EmbeddedDatabase(kept.data, exclusive=False)
        database.start()
        try:
            yield kept
        finally:
            database.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(week: KeptWeek) -> AsyncIterator[Site]:
    async with week_site(week.data) as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with opened() as found:
        yield found
