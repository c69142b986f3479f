"""What must hold when all is calm: the invariants of `docs/faults.md`, on what is durable."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from contracts.allocations import StoredDocument
from contracts.events import LeadSeen, LinkedChanged, LinkedKind, NoticeWritten
from contracts.kommo.marks import is_earlier, mark_of
from contracts.stage import CLOSED_STATUSES
from contracts.topics import INBOUND
from domain.evolve import evolve
from domain.state import Account
from projections.tasks import counts_tasks
from services.history.check import check
from services.log.allocations import read_allocation
from services.relay.relay import CONSUMER as RELAY
from services.sandbox.crm import Crm
from services.storage.events import account_source
from tests.simulation.evidence import history_of
from tests.simulation.people import People
from tests.simulation.roles import Installation
from tests.simulation.views import rebuilt

KOMMOS_SECOND_S = 5.0  # its clock and ours may differ by so much


def unsettled(ours: Installation, crms: Sequence[Crm], calm_since: float) -> list[str]:
    """What is still under way."""
    return [
        *_on_the_way_in(ours),
        *(text for account_id in ours.store.heads() for text in _to_be_done(ours, account_id)),
        *(text for crm in crms for text in _in_kommo(ours, crm, calm_since)),
    ]


def _on_the_way_in(ours: Installation) -> Iterator[str]:
    for source, records in ours.log.sources.items():
        position = ours.store.consumed.get(("allocator", source), 0)
        if position < len(records):
            yield f"{source} is read to {position} of {len(records)}"
    if ours.spool.rows:
        yield f"{len(ours.spool.rows)} rows in the spool"


def _to_be_done(ours: Installation, account_id: int) -> Iterator[str]:
    views, head = ours.views.of(account_id), ours.store.head(account_id)
    if views.position() < head:
        yield f"the projections are at {views.position()} of {head}"
    relayed = ours.store.consumed.get((RELAY, account_source(account_id)), 0)
    if relayed < head and not ours.habits.is_embedded:
        yield f"the relay is at {relayed} of {head}"
    if views.reading_rows:
        yield f"readings for {sorted(views.reading_rows)}"
    if views.lookup_rows:
        yield f"lookups of {sorted(views.lookup_rows)}"
    if views.search_rows:
        yield f"searches for what belongs to {sorted(views.search_rows)}"
    if views.transfer_rows:
        yield f"transfers of {sorted(views.transfer_rows)}"
    if views.notice_rows:
        yield f"notices of {sorted(views.notice_rows)}"
    pending = [row.lead_id for row in views.assignment_rows.values() if row.state == "pending"]
    if pending:
        yield f"pushes of {sorted(pending)}"
    now = ours.now(ours.loop.harness)()
    if any(timer.due_at <= now for timer in views.unsent_timers()):
        yield "timers that are due"


def _in_kommo(ours: Installation, crm: Crm, calm_since: float) -> Iterator[str]:
    if crm.deliveries.pending:
        yield f"{crm.deliveries.pending} hooks"
    progress = ours.sweeps.progress.get(crm.account.id)
    if progress is None or progress.watermark is None or progress.full_at is None:
        yield "the baseline"
    else:
        yield from _untold_tasks(ours, crm)
    if progress is None or progress.full_at is None:
        return
    if (progress.full_at - ours.base).total_seconds() < calm_since + KOMMOS_SECOND_S:
        yield "a full sweep"


def _untold_tasks(ours: Installation, crm: Crm) -> Iterator[str]:
    """Two lists in a row repair whatever no webhook told (D5.6)."""
    views = ours.views.of(crm.account.id)
    if views.rules is None or not counts_tasks(views.rules[1]):
        return
    true = {
        task.id: (task.responsible_user_id, datetime.fromtimestamp(task.complete_till, UTC))
        for task in crm.account.tasks.by_id.values()
        if not task.is_completed and not task.is_deleted
    }
    if views.tasks_listed_at is None or views.task_rows != true:
        yield f"open tasks, {len(true)} of them, and {len(views.task_rows)} are known"


def judge(ours: Installation, everybody: Sequence[People]) -> list[str]:
    """Everything that does not hold."""
    found = [
        f"poisonous message: {letter.reason} {letter.body!r}"
        for letter in ours.store.letters
        if letter.source.startswith(INBOUND)
    ]
    for people in everybody:
        history = history_of(ours, people)
        found += [str(violation) for violation in check(history)]
        found += _broken(ours, people.crm)
        found += _not_followed(ours, people)
        found += _told_twice(people.crm)
        found += _left_with_a_task(ours, people)
    return found


def _broken(ours: Installation, crm: Crm) -> Iterator[str]:
    account_id = crm.account.id
    events = ours.store.events[account_id]
    live, anew = ours.views.of(account_id).derived(), rebuilt(account_id, events).derived()
    for name, rows in anew.items():
        if live[name] != rows:
            yield f"I9: {name} is not what a rebuild gives"
    if not ours.habits.is_embedded:
        yield from _unheard(ours, account_id)
    account = Account(account_id)
    for recorded in events:
        evolve(account, recorded.event)
    yield from _differences(account, crm, _met_too_late(ours, account_id))


def _not_followed(ours: Installation, people: People) -> Iterator[str]:
    """I5: what followed a lead is its manager's in Kommo, unless a person changed it ever."""
    account = people.crm.account
    given: dict[tuple[LinkedKind, int], int] = {}
    for recorded in ours.store.events[account.id]:
        if isinstance(recorded.event, LinkedChanged) and recorded.event.kind != "lead":
            given[recorded.event.kind, recorded.event.entity_id] = recorded.event.manager_id
    boxes = {"contact": account.contacts, "company": account.companies, "task": account.tasks}
    for (kind, entity_id), manager_id in given.items():
        owner_id = boxes[kind].by_id[entity_id].responsible_user_id
        if (kind, entity_id) not in people.changed and owner_id != manager_id:
            yield f"I5: {kind} {entity_id} is of {owner_id} in Kommo and of {manager_id} to us"


def _told_twice(crm: Crm) -> Iterator[str]:
    """I4: each decision is told by one note and one task at most (D12.2)."""
    account = crm.account
    notes = [mark_of(each.params.get("text")) for each in account.notes.by_id.values()]
    tasks = [mark_of(each.text) for each in account.tasks.by_id.values()]
    for kind, marks in (("note", notes), ("task", tasks)):
        for order_id, times in Counter(filter(None, marks)).items():
            if times > 1:
                yield f"I4: decision {order_id} was told by {times} times a {kind}"


def _left_with_a_task(ours: Installation, people: People) -> Iterator[str]:
    """D12.2: the task of a decision is done with once the next one has ended it."""
    account = people.crm.account
    ended = [
        recorded.event
        for recorded in ours.store.events[account.id]
        if isinstance(recorded.event, NoticeWritten) and recorded.event.kind == "task_end"
    ]
    for task in account.tasks.by_id.values():
        order_id = mark_of(task.text)
        is_open = not task.is_completed and not task.is_deleted
        if order_id is None or not is_open or ("task", task.id) in people.changed:
            continue
        if any(is_earlier(order_id, event.order_id) for event in ended):
            yield f"D12.2: the task of decision {order_id} is open still"


def _unheard(ours: Installation, account_id: int) -> Iterator[str]:
    """I10: the allocations log tells of every event, first copies in order."""
    told = [read_allocation(record.value) for record in ours.allocations.of_account(account_id)]
    stored = ours.store.encoded[account_id]
    versions = list(dict.fromkeys(message.version for message in told))
    if versions != list(range(1, len(stored) + 1)):
        yield f"I10: the allocations log of account {account_id} has the events {versions}"
    for message in told:
        name, state = stored[message.version - 1]
        document = StoredDocument.model_validate_json(state)
        if (message.type, message.event) != (name, document):
            yield f"I10: the allocations log has another event {message.version}: {message.type}"


def _met_too_late(ours: Installation, account_id: int) -> set[int]:
    """Leads heard of for the first time after the last list of all leads: by a late trigger."""
    progress = ours.sweeps.progress.get(account_id)
    listed_at = progress.full_at if progress is not None else None
    return {
        recorded.event.lead_id
        for recorded in ours.store.events[account_id]
        if isinstance(recorded.event, LeadSeen)
        and recorded.event.was_stage is None
        and listed_at is not None
        and recorded.event.at > listed_at
    }


def _differences(account: Account, crm: Crm, met_too_late: set[int]) -> Iterator[str]:
    """I5: Kommo and the account agree about every open lead.

    Of one that was deleted before we heard of it the next list of all leads will tell.
    """
    true = {
        lead.id: lead
        for lead in crm.account.leads.values()
        if not lead.is_deleted and lead.status_id not in CLOSED_STATUSES
    }
    for lead_id in sorted(true.keys() - account.leads.keys()):
        yield f"I5: lead {lead_id} is open in Kommo and unknown to us"
    for lead_id in sorted(account.leads.keys() - true.keys() - met_too_late):
        is_there = lead_id in crm.account.leads
        what = crm.account.leads[lead_id] if is_there else "never there"
        yield f"I5: lead {lead_id} is open to us and in Kommo {what}"
    for lead_id in sorted(true.keys() & account.leads.keys()):
        lead, known = true[lead_id], account.leads[lead_id]
        if lead.stage != known.stage:
            yield f"I5: lead {lead_id} is at {lead.stage} in Kommo and at {known.stage} to us"
        if lead.responsible_user_id != known.responsible_id:
            yield (
                f"I5: lead {lead_id} is of {lead.responsible_user_id} in Kommo"
                f" and of {known.responsible_id} to us"
            )
