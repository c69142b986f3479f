"""What is read of a long history for one page of it, behind both walls of the database (S5, I13).

The policies of the second wall forbid the database what it may do for others: an index is used
for a comparison only if that gives nothing away. So plans are looked at as the role `web` has
them, of the very requests that people make.
"""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from services.api.table import ROUTES
from tests.bench.console import SCREENS as MEASURED
from tests.services.api.hall import Hall, hall
from tests.services.api.kit import access_of
from tests.services.api.test_every_route import Ask
from tests.services.console.site import Site
from tests.support.grown import FIRST, grow
from tests.support.plans import EXPLAINING, Explained, Reading
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]

ROWS = 10_000
# Of one table, for one page: what a page of a list has, and what a day of a proof has.
READ_MAX = 1_000
MIDDLE = f"{FIRST + ROWS}"
# What the routes by themselves do not ask: filters that hold for few rows, pages in the middle.
FILTERED = (
    "requests?state=closed",
    "requests?state=waiting",
    "requests?reason=gone",
    f"requests?lead={MIDDLE}",
    "requests?from=2026-10-01&to=2026-10-13",
    "requests?from=2026-10-14T00:00:00Z&to=2026-10-14T06:00:00Z",
    "decisions?manager=999",
    "decisions?rule=none",
    "decisions?reason=gone",
    "decisions?kind=closed&kind=ordered",
    f"decisions?lead={MIDDLE}",
    "decisions?from=2026-10-14T00:00:00Z&to=2026-10-14T06:00:00Z",
    "decisions?kind=withdrawn&from=2026-10-01&to=2026-10-30",
    "managers/501/statement?limit=200",
    "managers/501/statement?to=2026-10-15",
    "managers/501/why-not?from=2026-10-10&to=2026-10-20",
    f"leads/{MIDDLE}",
    "leads/999999999",
)
SCREENS = (
    "",
    "/leads/1",
    "/managers/501?from=2026-10-14&to=2026-10-14",  # of a range, each lead of theirs is timed
    "/managers/501",
    "/fairness",
    "/waiting",
    "/waiting.csv",
    "/audit",
    "/proof?day=2026-10-14",
    "/connection",
    "/rules",
    "/audit/looks",
    "/access/deeds",
)
# Statements for one screen, but for those that name the account.
ASKED_AT_MOST = 10
ASKED_MAX = {"": 22, "/leads/1": 11, SCREENS[2]: 19, "/managers/501": 21, "/managers/507": 19}


class Watched:
    """The account, grown, and what its readers made the database read since the last look."""

    def __init__(self, it: Hall, log: Explained) -> None:
        self.it = it
        self._log = log

    async def all(self) -> list[Reading]:
        return await self._log.since(self.it.installation.pool)

    async def looked(self) -> tuple[list[Reading], list[str]]:
        return await self._log.looked(self.it.installation.pool)

    async def too_much(self) -> list[Reading]:
        return [each for each in await self.all() if each.rows > READ_MAX]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(postgres_server: TestServer) -> AsyncIterator[Watched]:
    async with hall(postgres_server) as it:
        owner = it.audience.pool
        await grow(owner, it.account_id, ROWS)
        await owner.execute(EXPLAINING.format(await owner.fetchval("SELECT current_database()")))
        await it.installation.pool.expire_connections()
        found = Watched(it, Explained(postgres_server.embedded.cluster))
        await found.too_much()
        yield found


async def _pages(asking: httpx.AsyncClient, path: str) -> None:
    """The first page, the one after it, and back."""
    answer = await asking.get(path)
    for way in ("next", "previous"):
        assert answer.status_code in (200, 404), answer.text
        if cursor := answer.json().get(way):
            mark = "&" if "?" in path else "?"
            answer = await asking.get(f"{path}{mark}cursor={cursor}")


async def test_I13_no_page_of_the_api_reads_the_history(watched: Watched) -> None:
    it, scans = watched.it, {}
    for operation, entry in ROUTES.items():
        ask = Ask.of(operation, account_id=it.account_id)
        if ask.method == "GET":
            async with it.anybody(
                "operator" if entry.about == "installation" else "administrator"
            ) as asking:
                await ask.by(asking)
            scans[operation] = await watched.too_much()
    async with it.asking() as asking:
        for path in FILTERED:
            await _pages(asking, path)
            scans[path] = await watched.too_much()

    assert {asked: [*map(str, found)] for asked, found in scans.items() if found} == {}


async def test_A4_1_of_a_list_that_is_known_no_row_is_read(watched: Watched) -> None:
    async with watched.it.asking() as asking:
        first = await asking.get("decisions")
        rows = {each.table for each in await watched.all()}
        again = await asking.get("decisions", headers={"if-none-match": first.headers["etag"]})
        nothing = {each.table for each in await watched.all()}

    assert again.status_code == 304
    assert "feed" in rows, sorted(rows)
    assert "feed" not in nothing, sorted(nothing)


async def test_D3_8_a_page_of_a_statement_costs_its_lines(watched: Watched) -> None:
    async with watched.it.asking() as asking:
        await watched.too_much()
        lines = (await asking.get("managers/501/statement")).json()["items"]

        assert len(lines) == 50
        assert await watched.too_much() == []


async def test_I13_no_screen_of_the_console_reads_the_history_or_asks_many_things(
    watched: Watched,
) -> None:
    it, scans, asked = watched.it, {}, {}
    site = Site(
        address=it.address,
        at=it.audience.events[-1].event.at,
        account_id=it.account_id,
        installation=it.installation,
        access=access_of(it.audience.installation),
    )
    async with site.signed_in("administrator") as browser:
        await browser.get(site.base)  # the account is in memory from here on
        await watched.looked()
        for path in (*SCREENS, *(each.format(lead=1) for each in MEASURED)):
            assert (await browser.get(site.base + path)).status_code == 200, path
            found, asked[path] = await watched.looked()
            scans[path] = [str(each) for each in found if each.rows > READ_MAX]

    assert {path: found for path, found in scans.items() if found} == {}
    too_many = {
        path: texts
        for path, texts in asked.items()
        if len(texts) > ASKED_MAX.get(path, ASKED_AT_MOST)
    }
    assert too_many == {}
