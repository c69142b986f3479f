"""One browser and one Kommo for all tests of the widget; they end with the last of them."""

import tempfile
from collections.abc import AsyncIterator
from inspect import iscoroutinefunction
from pathlib import Path
from shutil import rmtree

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from services.sandbox.app import Sandbox
from tests.services.widget.in_browser.pretended import with_widget
from tests.services.widget.in_browser.site import Site
from tests.services.widget.in_browser.site import site as running_site
from tests.support.harness import chromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have all tests here on one loop: servers and browser live on it from test to test."""
    for item in items:
        is_here = "tests/services/widget/in_browser/" in item.path.as_posix()
        if is_here and iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def kommo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """A Kommo in which the private build is installed."""
    async with with_widget(tmp_path_factory.mktemp("widget")) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """The whole installation, started once."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-test-"))
    try:
        async with running_site(folder) as found:
            yield found
    finally:
        rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def wide(site: Site) -> AsyncIterator[Browser]:
    """A browser to which the hosts of Kommo, and ours, lead to it."""
    async with chromium(*site.rules) as found:
        yield found
