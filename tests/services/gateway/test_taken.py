"""Which leads were given to somebody, as Kommo's list of events tells it (F79)."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.kommo.history import Event
from services.gateway.taken import ENTRIES, HANDOVER, taken

LEAD = 900_001
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def event(kind: str, minute: int, entity_type: str = "lead") -> Event:
    return Event(
        type=kind,
        entity_id=LEAD,
        entity_type=entity_type,
        created_by=0,
        created_at=NOON + timedelta(minutes=minute),
    )


@pytest.mark.parametrize("entry", ENTRIES)
def test_F79_who_is_made_responsible_after_the_entry_has_the_lead(entry: str) -> None:
    assert taken([event(entry, 1), event(HANDOVER, 2)]) == {LEAD}
    assert taken([event(HANDOVER, 2), event(entry, 1)]) == {LEAD}


def test_F79_a_lead_that_came_in_before_the_backup_and_changed_hands_since_is_taken() -> None:
    assert taken([event(HANDOVER, 1)]) == {LEAD}


def test_F79_a_lead_that_moved_after_it_changed_hands_asks_for_somebody_again() -> None:
    events = [event("lead_added", 1), event(HANDOVER, 2), event("lead_status_changed", 3)]

    assert taken(events) == frozenset()
    assert taken([*events, event(HANDOVER, 4)]) == {LEAD}


def test_F79_move_and_handover_in_one_second_leave_the_lead_with_whoever_has_it() -> None:
    assert taken([event("lead_status_changed", 1), event(HANDOVER, 1)]) == {LEAD}


def test_F79_what_else_was_done_or_to_whom_gives_nobody_a_lead() -> None:
    assert taken([event("lead_added", 1), event("name_field_changed", 2)]) == frozenset()
    assert taken([event(HANDOVER, 1, "contact")]) == frozenset()
