"""A manager's account of leads, at all and in a range."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LEAD
from projections import decisions, fairness
from services.access.roles import ROLES, SCOPES
from services.application import statement as module
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import Span
from services.application.statement import Statement, statement, whole_statement
from tests.projections.history import story
from tests.projections.kit import ACCOUNT, NINE, assigned, later, moved, recorded
from tests.services.application.kit import account_of, between, lived

TESTER = Principal(id="cli:tester", scopes=SCOPES)
ACME = account_of(ACCOUNT)
HALF = LEAD // 2
# Every ten minutes: they get one, somebody else does, a correction.
LOG = recorded(
    assigned(1, at=NINE),
    assigned(2, manager_id=502, at=later(10)),
    moved((501, LEAD), (502, -LEAD), by="person:7", note="ill", at=later(20)),
    assigned(3, at=later(30)),
)


def told(found: Statement) -> list[tuple[int, int, int]]:
    lines = [each.movement for each in found.lines]
    return [(each.version, each.units, each.balance_units) for each in lines]


async def ask(ours: Any, *, span: Span | None = None, limit: int = 9) -> Statement:
    return await statement(ours, ACME, TESTER, 501, ledger="account", limit=limit, span=span)


@pytest.mark.parametrize(
    ("first", "last", "opening", "versions"),
    [
        (0, 60, 0, [1, 2, 3, 4]),
        (5, 25, -HALF, [2, 3]),
        (10, 20, -HALF, [2]),
        (25, 29, LEAD, []),
        (40, 60, HALF, []),
        (-60, 0, 0, []),
    ],
)
async def test_D3_8_a_range_begins_and_ends_with_its_balance(
    pool: Any, first: int, last: int, opening: int, versions: list[int]
) -> None:
    ours = await lived(pool, LOG, (decisions, fairness))

    found = await ask(ours, span=between(later(first), later(last)))

    balances = {1: -HALF, 2: 0, 3: LEAD, 4: HALF}
    assert found.opening_units == opening
    assert [version for version, *_ in told(found)] == versions
    assert found.closing_units == (balances[versions[-1]] if versions else opening)
    assert not found.has_older


@pytest.mark.parametrize("piece", [1, 2, 7, 1_000])
async def test_D3_8_the_balance_runs_through_every_line_of_every_range(
    pool: Any, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    log = story(seed=2, messages=300).log
    ours = await lived(pool, log)
    whole = await whole_statement(ours, ACME, TESTER, 501, ledger="account")
    times = [each.movement.at for each in whole.lines]
    spans = [
        between(times[0], times[-1]),
        between(times[len(times) // 3], times[len(times) // 2] + timedelta(minutes=1)),
    ]
    assert told(whole)[-1][2] == whole.share.credit_units == whole.closing_units
    for span in spans:
        found = await whole_statement(ours, ACME, TESTER, 501, ledger="account", span=span)
        expected = [each for each in whole.lines if span.start <= each.movement.at < span.end]
        assert found.lines == expected
        balance = found.opening_units
        for _, units, after in told(found):
            balance += units
            assert balance == after


async def test_D3_8_the_newest_are_shown_and_the_balance_before_them(pool: Any) -> None:
    found = await ask(await lived(pool, LOG, (decisions, fairness)), limit=2)

    assert told(found) == [(3, LEAD, LEAD), (4, -HALF, HALF)]
    assert (found.opening_units, found.has_older) == (0, True)
    assert (found.lines[0].by, found.lines[0].note) == ("person:7", "ill")


async def test_D3_8_what_is_too_long_for_a_file_is_refused(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINES_MAX", 3)
    ours = await lived(pool, LOG, (decisions, fairness))

    with pytest.raises(Refused, match="too_many_movements"):
        await whole_statement(ours, ACME, TESTER, 501, ledger="account")


async def test_S8_a_manager_reads_their_own_statement_and_no_other(pool: Any) -> None:
    ours = await lived(pool, LOG, (decisions, fairness))
    own = Principal(id="kommo:502", scopes=ROLES["manager"], manager_id=502)

    found = await statement(ours, ACME, own, 502, ledger="account", limit=9)

    assert len(found.lines) == 4
    with pytest.raises(Refused, match="not_allowed"):
        await statement(ours, ACME, own, 501, ledger="account", limit=9)
