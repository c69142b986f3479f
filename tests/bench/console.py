"""The screens of a large account by those of a small one, in turn, and their budgets (W8)."""

import gzip
import time
from pathlib import Path

import httpx

from services.access.sessions import COOKIE
from tests.bench.figures import Figure, ratio
from tests.bench.million import LARGE_ID, LARGE_TEAM, SMALL_ID, SMALL_TEAM, million
from tests.services.access.kit import grant
from tests.services.console.site import Site
from tests.support.plans import EXPLAINING, Explained

RUNS = 7
SCREENS = (
    "",
    "/leads/{lead}",
    "/managers/507",
    "/fairness",
    "/waiting",
    "/rules",
    "/schedules",
    "/audit",
    "/proof",
    "/connection",
    "/audit/looks",
    "/distribute",
    "/palette?q=50",
)
LEAD = "SELECT max(lead_id) - 100 FROM decisions.feed WHERE account_id = $1"


async def measure_console(folder: Path) -> list[Figure]:
    """Every screen that grows with the account; then what each asks of the database."""
    async with million(folder) as there:
        site = Site(
            address=there.address,
            at=there.now,
            account_id=LARGE_ID,
            installation=there.installation,
            access=there.access,
        )
        leads = {each: await there.pool.fetchval(LEAD, each) for each in (LARGE_ID, SMALL_ID)}
        roles = [grant("administrator", each) for each in leads]
        figures, sizes, packed = list[Figure](), dict[str, int](), dict[str, int]()
        async with site.stranger(cookie=f"{COOKIE}={await site.cookie_of(*roles)}") as browser:

            async def page(account_id: int, screen: str) -> tuple[float, httpx.Response]:
                path = f"/a/{account_id}{screen.format(lead=leads[account_id])}"
                started = time.perf_counter()
                answer = await browser.get(path)
                took = time.perf_counter() - started
                assert answer.status_code == httpx.codes.OK, (path, answer.status_code)
                return took, answer

            for screen in SCREENS:
                large, small = list[float](), list[float]()
                for number in range(-2, RUNS):  # some to warm up
                    (one, answer), (other, _) = (
                        await page(LARGE_ID, screen),
                        await page(SMALL_ID, screen),
                    )
                    sizes[screen] = len(answer.content)
                    packed[screen] = len(gzip.compress(answer.content))
                    if number >= 0:
                        large.append(one)
                        small.append(other)
                name = f"console: {screen or '/'}, {LARGE_TEAM} managers / {SMALL_TEAM}"
                figures.append(ratio(name, large, small))
            asked = Explained(folder / "data" / "postgres")
            await there.pool.execute(
                EXPLAINING.format(await there.pool.fetchval("SELECT current_database()"))
            )
            await there.installation.pool.expire_connections()
            counts = {}
            for screen in SCREENS:
                await page(LARGE_ID, screen)  # a connection that is new asks for types
                await asked.statements(there.installation.pool)
                await page(LARGE_ID, screen)
                counts[screen] = len(await asked.statements(there.installation.pool))
        return [
            *figures,
            *(
                Figure(f"console: {screen or '/'}, statements", [count])
                for screen, count in counts.items()
            ),
            *(
                Figure(f"console: {screen or '/'}, {packed[screen]:,} B packed", [raw], "B raw")
                for screen, raw in sizes.items()
            ),
        ]  # fmt: skip
