"""Hooks that wait for their revision: one that nobody can read keeps no other from being read."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from services.application import dead_letters
from services.application.awaited_hooks import BY, read_due
from services.log.port import Entry
from services.shared.errors import Unavailable
from services.shared.wall_clock import utc_now
from services.storage.dead_letters import KeptLetter

NOW = utc_now()
ODD, WELL = 31, 32


def letter(id_: int, account_id: int) -> KeptLetter:
    return KeptLetter(
        id=id_,
        account_id=account_id,
        source="ingress",
        position=None,
        received_at=NOW - timedelta(seconds=30),
        reason="the trigger's rule has no revision 2 here",
        content_type="application/json",
        body=b"{}",
        size=2,
        state="kept",
    )


class Office:
    """What is read there, published, settled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.published: list[int] = []
        self.settled: list[tuple[int, str, str]] = []
        self.installation: Any = SimpleNamespace(dead_letters=self, log=self)

        async def read_again(
            _installation: object, account_id: int, _content: bytes, _content_type: str
        ) -> list[Entry]:
            if account_id == ODD:
                raise error
            return [Entry(account_id, b"told")]

        monkeypatch.setattr(dead_letters, "read_again", read_again)

    async def young(self, **_bounds: object) -> list[KeptLetter]:
        return [letter(1, ODD), letter(2, WELL), letter(3, WELL)]

    async def publish(self, entries: list[Entry]) -> None:
        self.published += [each.account_id for each in entries]

    async def settle(self, letter_id: int, state: str, *, by: str) -> None:
        self.settled.append((letter_id, state, by))


async def test_F33_a_hook_that_nobody_expected_to_fail_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(monkeypatch, RuntimeError("a bug"))

    assert await read_due(office.installation, since=None, now=NOW) == 2
    assert office.published == [WELL, WELL]
    assert office.settled == [(2, "replayed", BY), (3, "replayed", BY)]


async def test_F37_all_wait_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch, Unavailable("away"))

    with pytest.raises(Unavailable):
        await read_due(office.installation, since=None, now=NOW)
    assert (office.published, office.settled) == ([], [])
