"""How somebody stood to every lead that was given out, and which leads these were."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LeadAssigned, Recorded
from domain.explain.why_not import STOOD, Stood, stood
from projections import decisions
from projections import why_not as why_not_counters
from services.access.roles import ROLES, SCOPES, Role
from services.application import why_not as module
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import Span
from services.application.why_not import GivenLead, Question, why_not
from services.cli.why_not import Line
from tests.projections.history import story
from tests.projections.kit import ACCOUNT, NINE, assigned, later, recorded
from tests.services.application.kit import NOTHING, account_of, between, lived

# An abridged log will do for these.
ASKED = (decisions, why_not_counters)
TESTER = Principal(id="cli:tester", scopes=SCOPES)
OWN = Principal(id="kommo:501", scopes=ROLES["manager"], manager_id=501)
ACME = account_of(ACCOUNT)
DAY = between(NINE, NINE + timedelta(days=1))


def expected(
    log: list[Recorded], manager_id: int, span: Span, rule_id: str | None
) -> list[tuple[Stood, GivenLead]]:
    """By reading every event, the newest first."""
    return [
        (
            stood(event, manager_id),
            GivenLead(
                version=each.version,
                at=event.at,
                lead_id=event.lead_id,
                rule_id=event.rule_id,
                got_by=event.manager_id,
            ),
        )
        for each in reversed(log)
        if isinstance(event := each.event, LeadAssigned)
        and span.start <= event.at < span.end
        and rule_id in (None, event.rule_id)
    ]


@pytest.mark.parametrize("rule_id", [None, "new"])
async def test_D2_2_counts_and_leads_of_any_range_are_those_of_the_events(
    pool: Any, rule_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 3)  # pages of the feed end in the midst of an hour
    log = story(seed=11, messages=700).log
    ours = await lived(pool, log)
    times = sorted({each.event.at for each in log if isinstance(each.event, LeadAssigned)})
    assert len(times) > 20, "enough for pages and hours to be cut"
    middle, odd = times[len(times) // 2], timedelta(minutes=7)
    spans = (
        between(times[0], times[-1] + odd),
        between(times[0].replace(minute=0), middle.replace(minute=0) + timedelta(hours=2)),
        between(middle, middle + odd),
        between(times[3] + odd, middle),
    )
    for manager_id in (501, 502, 503):
        for span in spans:
            asked = Question(ACME, manager_id, span, rule_id)
            events = expected(log, manager_id, span, rule_id)
            counts = Counter(each for each, _ in events)

            found = await why_not(ours, TESTER, asked)

            assert (found.given, found.counts) == (len(events), dict(counts))
            assert [*found.counts] == [*found.leads] == [each for each in STOOD if counts[each]]
            for each in counts:
                leads = [lead for one, lead in events if one == each]
                assert await every_page(ours, asked, each) == leads


async def every_page(ours: Any, asked: Question, wanted: Stood) -> list[GivenLead]:
    found: list[GivenLead] = []
    before = None
    while True:
        answer = await why_not(ours, TESTER, asked, line=wanted, limit=4, before=before)
        page = answer.leads[wanted]
        found += page.leads
        before = page.next_before
        assert (before is None) or len(page.leads) == 4
        if before is None:
            return found


async def test_S8_a_manager_sees_only_themself_and_others_without_a_name(pool: Any) -> None:
    ours = await lived(pool, recorded(assigned(1), assigned(2, manager_id=502)), ASKED)
    own = Question(ACME, 501, DAY)

    found = await why_not(ours, OWN, own)

    assert found.counts == {"got": 1, "others_owed_more": 1}
    leads = found.leads["others_owed_more"].leads
    assert [(each.lead_id, each.got_by) for each in leads] == [(2, None)]
    with pytest.raises(Refused, match="not_allowed"):
        await why_not(ours, OWN, Question(ACME, 502, DAY))


@pytest.mark.parametrize("role", ["operator"])
async def test_S8_who_may_not_read_is_told_nothing(role: Role) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await why_not(NOTHING, principal, Question(ACME, 501, DAY))


async def test_who_looked_at_somebody_else_is_kept(pool: Any) -> None:
    ours = await lived(pool, recorded(assigned(1)), ASKED)

    await why_not(ours, TESTER, Question(ACME, 501, DAY))
    await why_not(ours, OWN, Question(ACME, 501, DAY))

    kept = await pool.fetch("SELECT principal, what, ids FROM access_log")
    assert [tuple(row) for row in kept] == [("cli:tester", "why_not", [501])]


async def test_D2_2_a_rule_that_never_gave_anything_is_named(pool: Any) -> None:
    ours = await lived(pool, recorded(assigned(1)), ASKED)

    with pytest.raises(Refused, match="rule_never_gave"):
        await why_not(ours, TESTER, Question(ACME, 501, DAY, "nwe"))


async def test_D2_2_a_stranger_is_in_no_rule_and_a_quiet_time_counts_nothing(pool: Any) -> None:
    ours = await lived(pool, recorded(assigned(1)), ASKED)
    before = between(NINE - timedelta(days=2), NINE)

    stranger = await why_not(ours, TESTER, Question(ACME, 9, DAY))
    quiet = await why_not(ours, TESTER, Question(ACME, 501, before))
    counted = await why_not(ours, TESTER, Question(ACME, 501, DAY), limit=0)

    assert stranger.counts == {"not_in_rule": 1}
    assert (quiet.given, quiet.counts) == (0, {})
    assert (counted.counts, counted.leads["got"].leads) == ({"got": 1}, [])


async def test_I13_only_hours_with_such_a_lead_are_read(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lead of theirs among those of a year."""
    events = [
        assigned(n, manager_id=501 if n == 7 else 502, at=later(60 * n)) for n in range(1, 200)
    ]
    ours = await lived(pool, recorded(*events), ASKED)
    read: list[int] = []
    named = type(ours.events).named

    async def counting(self: Any, account_id: int, versions: Any) -> Any:
        read.extend(versions)
        return await named(self, account_id, versions)

    monkeypatch.setattr(type(ours.events), "named", counting)
    asked = Question(ACME, 501, between(NINE, later(60 * 300)))

    found = await why_not(ours, TESTER, asked, line="got")

    assert [each.lead_id for each in found.leads["got"].leads] == [7]
    assert read == [7]


def test_the_command_takes_every_line_there_is() -> None:
    assert tuple(Line) == STOOD
