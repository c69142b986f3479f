"""When hooks of each kind last came is noted, seldom, and nobody waits for it (W4.11)."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_args

import pytest

from contracts.kommo.steps import at_once
from contracts.kommo.webhooks import reading
from services.ingress.hook_kinds import HookKinds, kinds_of
from services.shared.errors import Unavailable
from services.storage import hooks_heard
from services.storage.database import borrow
from services.storage.hooks_heard import Heard, HookKind, HooksHeard
from services.words.source import HOOKS
from tests.services.ingress.harness import (
    ACCOUNT,
    FORM,
    NOON,
    OTHER_ACCOUNT,
    form,
    lead,
    plain_trigger,
    widget_trigger,
)

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NOTE = {"text": "x", "note_type": 4, "element_type": 2, "element_id": 1, "id": 2, "created_by": 501}
TASK = {
    "id": 7,
    "element_id": 1,
    "element_type": 2,
    "status": 0,
    "responsible_user_id": 501,
    "created_user_id": 501,
    "created_at": 1_760_000_000,
    "updated_at": 1_760_000_000,
}


def fields(place: str, values: dict[str, Any]) -> bytes:
    return form(*((f"{place}[{name}]", value) for name, value in values.items()))


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (form(*lead("add"), *lead("delete", 1)), {"leads"}),
        (fields("leads[note][0][note]", {**NOTE, "created_at": 1_760_000_000}), {"notes"}),
        (fields("task[add][0]", TASK), {"tasks"}),
        (fields("task[delete][0]", {"id": 7}), {"tasks"}),
        (fields("unsorted[add][0]", {"uid": "u", "category": "forms", "lead_id": 1}), {"incoming"}),
        (plain_trigger(), {"triggers"}),
        (widget_trigger(), {"triggers"}),
        (fields("contacts[update][0]", {"id": 5, "type": "contact"}), {"contacts"}),
        (fields("talk[add][0]", {"talk_id": 5}), {"other"}),
        (form(*lead("add"), ("contacts[update][0][id]", 5)), {"leads", "contacts"}),
        (b"", set()),
    ],
)
def test_of_which_kinds_a_body_is(body: bytes, kinds: set[HookKind]) -> None:
    found = at_once(reading(body, FORM))

    assert kinds_of(found.notifications) == kinds


@dataclass
class MemoryHeard:
    noted: list[list[Heard]] = field(default_factory=list)
    error: Exception | None = None

    async def note(self, heard: Sequence[Heard]) -> None:
        if self.error is not None:
            raise self.error
        self.noted.append(sorted(heard))


async def test_a_kind_is_noted_once_a_minute_however_often_it_comes() -> None:
    store, now = MemoryHeard(), [NOON]
    kinds = HookKinds(store, lambda: now[0])
    kinds.hear(ACCOUNT, {"leads", "tasks"})
    await kinds.write(again_after=MINUTE)
    for _ in range(59):
        now[0] += SECOND
        kinds.hear(ACCOUNT, {"leads"})
        kinds.hear(OTHER_ACCOUNT, {"leads"})
        await kinds.write(again_after=MINUTE)
    now[0] += 2 * SECOND
    kinds.hear(ACCOUNT, {"leads"})
    await kinds.write(again_after=MINUTE)

    assert store.noted == [
        [Heard(ACCOUNT, "leads", NOON), Heard(ACCOUNT, "tasks", NOON)],
        [Heard(OTHER_ACCOUNT, "leads", NOON + SECOND)],
        [Heard(ACCOUNT, "leads", NOON + 61 * SECOND)],
    ]


@pytest.mark.parametrize("error", [Unavailable("the database is away"), RuntimeError("refused")])
async def test_F37_what_could_not_be_noted_is_noted_later_and_the_last_at_the_end(
    error: Exception,
) -> None:
    store, now = MemoryHeard(error=error), [NOON]
    kinds = HookKinds(store, lambda: now[0])
    running = asyncio.create_task(kinds.run())
    await asyncio.sleep(0)
    kinds.hear(ACCOUNT, {"leads"})
    await kinds.write(again_after=MINUTE)
    store.error = None
    await kinds.write(again_after=MINUTE)
    now[0] += SECOND
    kinds.hear(ACCOUNT, {"leads"})
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    first, last = Heard(ACCOUNT, "leads", NOON), Heard(ACCOUNT, "leads", NOON + SECOND)
    assert store.noted == [[first], [last]]


async def test_F33_a_store_that_refuses_ends_nothing_however_long_it_does() -> None:
    kinds = HookKinds(MemoryHeard(error=RuntimeError("refused")), lambda: NOON)
    running = asyncio.create_task(kinds.run())
    await asyncio.sleep(0)
    kinds.hear(ACCOUNT, {"leads"})
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_of_two_processes_the_newer_word_counts(pool: Any) -> None:
    store = HooksHeard(pool)
    await store.note([Heard(ACCOUNT, "tasks", NOON + MINUTE), Heard(ACCOUNT, "leads", NOON)])
    await store.note([Heard(ACCOUNT, "tasks", NOON), Heard(OTHER_ACCOUNT, "notes", NOON)])

    async with borrow(pool) as connection:
        found = await hooks_heard.of_account(connection, ACCOUNT)
    assert list(found.items()) == [("leads", NOON), ("tasks", NOON + MINUTE)]


def test_every_kind_has_its_words() -> None:
    assert get_args(HookKind) == HOOKS
