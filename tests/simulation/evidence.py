"""What a seed leaves behind, as the history checker wants it."""

from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from contracts.events import RulesApplied
from contracts.rules import RulesFile
from contracts.stage import Stage
from contracts.topics import INBOUND
from domain import snapshot
from services.history.kommos_side import from_kommo
from services.history.our_side import ID
from services.history.record import History, KeptSnapshot, Row, StageEntry, Tables
from services.sandbox.crm import Crm
from services.shared.codec import decode_inbound
from tests.simulation.people import People
from tests.simulation.roles import Installation
from tests.simulation.views import Views

GRACE_S = 60.0
# From the last look at the work list to the arrival at Kommo, in the worst weather.
UNDER_WAY_S = 60.0
# Kommo's last repeat, and what weather adds: a decision may answer a change as old as that.
HOOKS_LATE = timedelta(hours=3)


def history_of(ours: Installation, people: People) -> History:
    """Both sides of one account, when all is calm."""
    account_id = people.crm.account.id
    entries = _entries(ours, people)
    theirs: History = _result(from_kommo(_Window(people.crm), account_id, entries))
    covered = _always_covered(ours, account_id)
    letters = [letter for letter in ours.store.letters if letter.account_id == account_id]
    under_way_s = UNDER_WAY_S + ours.late_max_s + ours.frozen_s + ours.skew_max_s
    return replace(
        theirs,
        # A trigger in doubt is answered by a reading, and a reading asks only where a rule is.
        hooks=tuple(h if h.stage in covered else replace(h, stage=None) for h in theirs.hooks),
        events=tuple(ours.store.events[account_id]),
        inbound=tuple(decode_inbound(each.value) for each in ours.log.of_account(account_id)),
        quarantined_ids=tuple(
            decode_inbound(letter.body).message_id
            for letter in letters
            if letter.source.startswith(INBOUND)
        ),
        set_aside_lead_ids=tuple(
            int(number)
            for letter in letters
            if not letter.source.startswith(INBOUND)
            for number in ID.findall(letter.body)
        ),
        snapshots=tuple(
            KeptSnapshot(version=each.version, digest=each.digest, state=each.state)
            for _, each in sorted(ours.store.snapshots[account_id].items())
            if each.revision == snapshot.REVISION
        ),
        tables=_tables(ours.views.of(account_id)),
        under_way=timedelta(seconds=under_way_s),
        clock_skew=timedelta(seconds=ours.skew_max_s),
        hooks_late=HOOKS_LATE,
    )


def _tables(views: Views) -> Tables:
    return Tables(
        requests=tuple(map(_flat, views.request_rows.values())),
        assignments=tuple(map(asdict, views.assignment_rows.values())),
        open_leads=tuple(
            {"manager_id": manager_id, **stage._asdict(), "open_leads": count}
            for (manager_id, stage), count in views.load_rows.items()
        ),
        shares=tuple(map(asdict, views.share_rows.values())),
        kind_shares=tuple(map(asdict, views.kind_share_rows.values())),
        timers=tuple(
            {"timer_id": timer_id, "generation": row.generation, "due_at": row.due_at}
            for timer_id, row in views.timer_rows.items()
        ),
    )


def _flat(request: Any) -> Row:
    row = asdict(request)
    return {**row, **request.stage._asdict()}


def _entries(ours: Installation, people: People) -> Iterator[StageEntry]:
    """Entries into stages that every revision of the rules covers, since we knew all leads."""
    account_id = people.crm.account.id
    covered = _always_covered(ours, account_id)
    known_from_s = ours.sweeps.baseline_at.get(account_id)
    if known_from_s is None:
        return
    early = {
        (entry.lead_id, entry.stage)
        for at, entry in people.entries
        if at < known_from_s + GRACE_S or at < ours.rules_at.get(account_id, 0.0) + GRACE_S
    }
    for _, entry in people.entries:
        if entry.stage in covered and (entry.lead_id, entry.stage) not in early:
            yield entry


def _always_covered(ours: Installation, account_id: int) -> set[Stage]:
    revisions = [
        RulesFile.model_validate(recorded.event.rules)
        for recorded in ours.store.events[account_id]
        if isinstance(recorded.event, RulesApplied)
    ]
    if not revisions:
        return set()
    each = [{s.as_stage() for rule in rules.rules for s in rule.stages} for rules in revisions]
    return set.intersection(*each)


@dataclass
class _Window:
    """`services.history.kommos_side.Window` on a Kommo in the same process."""

    crm: Crm

    async def get(self, path: str, **_: str | int) -> dict[str, Any]:
        if path == "/triggers":
            return {
                "triggers": [
                    {"id": each.id, **each.stage._asdict()}
                    for each in self.crm.account.triggers.values()
                ]
            }
        leads = self.crm.account.leads.values()
        return {
            "leads": [
                (lead.id, *lead.stage, lead.responsible_user_id, lead.updated_at, lead.is_deleted)
                for lead in leads
            ]
        }

    async def rows(self, journal: str, **wanted: str | int) -> list[dict[str, Any]]:
        rows: list[Mapping[str, Any]] = list(map(asdict, getattr(self.crm.journal, journal)))
        return [
            dict(row)
            for row in rows
            if all(str(row[name]).startswith(str(value)) for name, value in wanted.items())
        ]


def _result(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it was to answer at once")
