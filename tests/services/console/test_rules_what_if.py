"""What a draft would have done with the demo's week, as a page tells it (W4.4)."""

from datetime import timedelta

import pytest

from projections import requests
from services.access.roles import SCOPES
from services.application.jobs.computed import RECORDS
from services.application.jobs.work import JobWorker
from services.application.principal import Principal
from services.application.whatif.looked_back import looked_back
from services.storage.database import borrow
from tests.services.console.rules_kit import text_of
from tests.services.console.site import Site

pytestmark = pytest.mark.server


async def test_W4_4_a_draft_tells_who_got_and_who_would_get_how_many(site: Site) -> None:
    async with site.signed_in("administrator") as ana:
        begun = await ana.post(f"{site.base}/rules/drafts", data={"key": "try"})
        where = begun.headers["location"]
        asked = await ana.post(f"{where}/what-if", data={"key": "try"})
        await JobWorker(site.installation, RECORDS).work(idle_s=0)
        page = await ana.get(asked.headers["location"])

    told = text_of(page.text)
    assert page.status_code == 200
    assert "Bruno: got 25, would get " in told
    assert "a handover takes the leads that the manager would have had" in told
    assert page.text.count('class="got"') == told.count(", would get ") > 1
    assert "http-equiv" not in page.text
    assert "style=" not in page.text


async def test_W4_4_it_looks_at_thirty_days_or_at_the_last_leads(site: Site) -> None:
    account = await site.installation.account(site.account_id)
    asked = (site.installation, account, Principal(id="cli:ana", scopes=SCOPES))

    whole = await looked_back(*asked, now=site.at)
    bounded = await looked_back(*asked, now=site.at, leads_max=100)

    async with borrow(site.installation.pool) as connection:
        seen = await requests.inflow(connection, site.account_id, since=bounded.start)
    assert whole.end - whole.start == timedelta(days=30)
    assert (sum(seen.values()), bounded.end) == (100, site.at)
