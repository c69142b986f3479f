"""What the feed tells of an event: ids, and never anything else (A8.1)."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any, get_type_hints

import pytest

from contracts.events import Recorded
from services.api.frames import frame
from services.shared.codec import EVENT_NAMES
from services.shared.thin import IDS, IDS_OF, thin
from tests.services.application.audit.kit import GOLDEN
from tests.support.sse import Reader

CANARY = "canary-5e1f"
IDENTIFIES: tuple[Any, ...] = (int, str, int | None, str | None)


def one_of_each() -> dict[type, Recorded]:
    """An event of every type there is, as some history has it."""
    return {
        type(recorded.event): recorded
        for golden in GOLDEN.values()
        for _, answers in golden.steps
        for recorded in answers
    }


FOUND = one_of_each()


def test_A8_1_there_is_an_event_of_every_type_to_look_at() -> None:
    assert set(FOUND) == set(EVENT_NAMES)


@pytest.mark.parametrize("shape", EVENT_NAMES, ids=EVENT_NAMES.get)
def test_A8_1_an_event_is_told_by_its_name_its_time_and_its_ids(shape: type) -> None:
    recorded = FOUND[shape]

    (told,) = Reader().feed(frame(thin(recorded)))

    event = recorded.event
    at = event.at.replace(microsecond=event.at.microsecond // 1_000 * 1_000)
    assert (told.id, told.event) == (str(recorded.version), EVENT_NAMES[shape])
    assert datetime.fromisoformat(told.data.pop("at")) == at
    assert told.data == {
        "account_id": recorded.account_id,
        "version": recorded.version,
        "type": EVENT_NAMES[shape],
        **{name: getattr(event, name, None) for name in IDS},
    }


@pytest.mark.parametrize("shape", EVENT_NAMES, ids=EVENT_NAMES.get)
def test_A8_1_what_people_wrote_and_who_they_are_is_never_told(shape: type) -> None:
    recorded = FOUND[shape]
    marks = {
        each.name: CANARY
        for each in fields(shape)
        if each.name not in (*IDS, "at") and isinstance(getattr(recorded.event, each.name), str)
    }
    marked = replace(recorded, event=replace(recorded.event, **marks), cause=CANARY)

    assert CANARY.encode() not in frame(thin(marked))


@pytest.mark.parametrize("shape", EVENT_NAMES, ids=EVENT_NAMES.get)
def test_A8_1_what_is_told_identifies_a_thing(shape: type) -> None:
    hints = get_type_hints(shape)

    assert {hints[name] for name in IDS_OF[shape]} <= set(IDENTIFIES)


def test_A8_1_every_id_that_may_be_told_is_one_of_some_event() -> None:
    assert {name for names in IDS_OF.values() for name in names} == set(IDS)
