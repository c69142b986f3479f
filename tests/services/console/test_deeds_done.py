"""After a deed that took effect: what the pages tell, and how it is put back (W3.5, W4.3)."""

import csv
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from io import StringIO
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from contracts.events import ManagerPaused, ManagerResumed
from tests.services.api.office import Office, open_office
from tests.services.console.rules_kit import RULES, Visitor, text_of, visiting

pytestmark = pytest.mark.server

ANNA = 501
FORM = re.compile(r'<form method="post" action="([^"]+)">')


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


def receipt_in(page: httpx.Response) -> str:
    """Its markup."""
    return page.text.split('class="verdict receipt')[1].split("</div>")[0]


def undo_in(page: httpx.Response) -> list[str]:
    """Where the receipt of a page puts it back."""
    return FORM.findall(receipt_in(page))


async def applied(visitor: Visitor, text: str) -> str:
    """Where putting rules in force leads to."""
    where = await visitor.begin(text)
    page = await visitor.get(f"{where}/review")
    seen = re.findall(r'name="seen" value="([0-9a-f]+)"', page.text)
    draft = await visitor.draft(where)
    pairs = [("edition", str(draft.edition)), ("key", f"apply-{draft.draft_id}")]
    answer = await visitor.post(f"{where}/apply", pairs + [("seen", each) for each in seen])
    return answer.headers["location"]


async def test_W3_5_a_pause_says_who_and_when_and_is_undone_by_one_click(office: Office) -> None:
    place = f"/a/{office.account_id}/managers/{ANNA}"
    async with office.working(), visiting(office) as ana:
        await applied(ana, RULES)
        done = await ana.post(f"{place}/pause", [("length", "30m"), ("key", "lunch")])
        page = await ana.get(done.headers["location"])
        async with visiting(office, "viewer") as viewer:
            others = await viewer.get(done.headers["location"])
        (undo,) = undo_in(page)
        undone = await ana.post(undo, [("key", "back")])
        after = await ana.get(undone.headers["location"])
        again = await ana.get(done.headers["location"])

    receipt = text_of(f"<div {receipt_in(page)}")
    assert undo == f"{place}/resume"
    assert re.search(r"Recorded as event \d+\. Ana Lima · .*\d\d:\d\d", receipt), receipt
    assert " Undo " in receipt
    # Whoever gets the link later sees what may be seen, and is offered nothing.
    assert not undo_in(others)
    assert "told=done" in undone.headers["location"]
    assert not undo_in(after)
    assert not undo_in(again)
    assert await office.happened(ManagerPaused) == await office.happened(ManagerResumed) == 1


async def test_W3_5_rules_that_were_put_in_force_are_undone_by_a_draft_of_those_before(
    office: Office,
) -> None:
    async with office.working(), visiting(office) as ana:
        page = await ana.get(await applied(ana, RULES.replace("max: 20", "max: 30")))
        (undo,) = undo_in(page)
        draft = await ana.draft((await ana.post(undo, [("key", "back")])).headers["location"])

    assert "Undo: begin a draft of revision" in text_of(page.text)
    assert draft.content == RULES


async def test_D3_8_every_ledger_has_its_statement_and_its_corrections(office: Office) -> None:
    """Nothing was moved in that of the rule before the first correction."""
    place = f"/a/{office.account_id}/managers/{ANNA}"
    own = RULES.replace("limit: {max: 20}", "ledger: vip")
    typed = {"leads": "1", "reason": "A fair", "ledger": "vip"}
    async with office.working(), visiting(office) as ana:
        await applied(ana, own)
        foretold = await ana.get(f"{place}/correction?{urlencode(typed)}")
        for ledger in ("account", "vip"):
            pairs = [*(typed | {"ledger": ledger}).items(), ("key", f"correct-{ledger}")]
            await ana.post(f"{place}/correction", pairs)
        page = await ana.get(f"{place}?ledger=vip")
        sheet = await ana.get(f"{place}/statement.csv?ledger=vip")

    assert "Ledger vip" in text_of(foretold.text)
    assert 'name="ledger" value="vip"' in foretold.text
    statement = page.text.split('id="statement"')[1].split("</section>")[0]
    assert 'aria-current="page">Ledger vip</a>' in statement
    assert re.findall(r">([^<>]+)</a>", statement.split("</nav>")[0])[1] == "Ledger vip"
    assert '<option value="vip" selected>' in page.text
    assert "A fair · Ana Lima" in text_of(statement)
    rows = list(csv.DictReader(StringIO(sheet.text)))
    assert [(row["movement"], Decimal(row["leads"])) for row in rows] == [("corrected", 1)]
