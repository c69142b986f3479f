"""Sorts out a batch that Kommo refused as a whole: the good ones go out, the bad ones are told.

What a refusal says of an element is a hint: its place in the batch is at times wrong. Before a
decision is given up, its lead was sent alone; and before a manager is, the users were read: what
Kommo says of a lead with a manager says something about the pair (F52, F59).
"""

from collections.abc import Sequence

import structlog

from contracts.inbound import InboundBody
from services.gateway import results
from services.gateway.board import Push
from services.gateway.flight import Flight, Refusal
from services.gateway.splitter import isolate
from services.gateway.staff import Staff
from services.kommo.errors import Rejected
from services.kommo.limiter import Priority

log = structlog.get_logger(__name__)

_NAMED_ROUNDS_MAX = 10
# More are left for another flight: other accounts wait for turns, too.
_PROOFS_MAX = 20


class Sorting:
    """What becomes of one refused batch."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._board = flight.board
        self._settings = flight.crew.settings
        self._staff = Staff(flight.client, Priority.PUSH)

    async def sort_out(self, refusal: Refusal) -> None:
        """Send the good ones, and publish what is wrong with the others."""
        if len(refusal.pushes) == 1:
            await self._condemn([(refusal.pushes[0], refusal.rejected)])
            return
        rest = await self._without_named(refusal)
        if rest:
            await self._search(rest)

    async def _without_named(self, refusal: Refusal) -> list[Push]:
        """Send what the complaints do not point at; what is left when they are of no use."""
        for _ in range(_NAMED_ROUNDS_MAX):
            named, rest = _split(refusal)
            if not named:
                return rest
            if _is_first_only(refusal) and rest:
                # At times Kommo names the first one whatever is wrong: it is tried alone first.
                if await self._prove(named):
                    return rest
                named = []
            again = await self._flight.send(rest) if rest else None
            if again is None:
                await self._prove(named)
                return []
            await self._prove(named)
            refusal = again
        return list(refusal.pushes)

    async def _prove(self, named: Sequence[Push]) -> bool:
        """Send the named ones alone, one after another; whether some of them were named wrongly.

        Of a manager who is known to have left, one is enough.
        """
        kept = await self._flight.read(named) if named else []
        was_wrong = False
        bad: list[tuple[Push, Rejected]] = []
        proofs = 0
        while kept and proofs < _PROOFS_MAX:
            proofs += 1
            suspect, *kept = kept
            refusal = await self._send([suspect])
            was_wrong = was_wrong or refusal is None
            if refusal is not None:
                alike = [push for push in kept if self._shares_verdict(suspect, push, refusal)]
                kept = [push for push in kept if push not in alike]
                bad += [(push, refusal.rejected) for push in (suspect, *alike)]
        await self._give_up(bad)
        return was_wrong

    async def _search(self, rest: Sequence[Push]) -> None:
        """Nothing tells which are bad: mostly leads that are gone, and one reading tells that."""
        kept = await self._flight.read(rest)
        if kept and (len(kept) == len(rest) or await self._flight.send(kept) is not None):
            bad = await isolate(kept, self._send, shares_verdict=self._shares_verdict)
            await self._condemn([(push, refusal.rejected) for push, refusal in bad])

    async def _send(self, pushes: Sequence[Push]) -> Refusal | None:
        """Send a part; if it is a lead alone that is refused, ask whether its manager has left."""
        refusal = await self._flight.send(pushes)
        if refusal is not None and len(pushes) == 1:
            await self._learn(pushes[0], refusal.rejected)
        return refusal

    def _shares_verdict(self, found: Push, other: Push, _: Refusal) -> bool:
        manager_id = found.wanted.manager_id
        return manager_id in self._staff.left and manager_id == other.wanted.manager_id

    async def _condemn(self, bad: Sequence[tuple[Push, Rejected]]) -> None:
        """Give up what was refused alone, after a look at whether the leads exist at all."""
        kept = set(map(id, await self._flight.read([push for push, _ in bad]))) if bad else set()
        await self._give_up([(push, rejected) for push, rejected in bad if id(push) in kept])

    async def _give_up(self, bad: Sequence[tuple[Push, Rejected]]) -> None:
        """Publish why these cannot be set."""
        told: list[tuple[Push, InboundBody]] = []
        for push, rejected in bad:
            is_active = await self._learn(push, rejected)
            if push.wanted.manager_id not in self._staff.left:
                self._board.rejected.add(push.wanted.lead_id)
                if len(self._board.rejected) > self._settings.rejected_max:
                    self._park(push)
                    continue
            told.append((push, self._verdict(push, rejected, is_active=is_active)))
        if told:
            await self._flight.tell(told)
            log.warning("assignments_refused", account_id=self._board.account_id, leads=len(told))

    def _verdict(self, push: Push, rejected: Rejected, *, is_active: bool | None) -> InboundBody:
        wanted, words = push.wanted, rejected.words_about(push.wanted.lead_id)
        if is_active is False or _is_about_manager(rejected):
            return results.manager_refused(wanted, words, is_active=is_active)
        return results.rejected(wanted, words)

    async def _learn(self, push: Push, rejected: Rejected) -> bool | None:
        """Find out whether the manager is active, if that may be it."""
        if not (_is_about_manager(rejected) or _is_silent(rejected)):
            return None
        if not self._staff.is_read:
            self._flight.requests += 1
        return await self._staff.is_active(push.wanted.manager_id)

    def _park(self, push: Push) -> None:
        now = self._flight.crew.timing.monotonic()
        push.next_at = self._board.next_at = now + self._settings.parked_s
        push.sure_until = now
        log.error("pushes_refused_throughout", account_id=self._board.account_id)


def _split(refusal: Refusal) -> tuple[list[Push], list[Push]]:
    """Those that the complaints point at, by their place or by their lead, and the others."""
    complaints = refusal.rejected.complaints
    indexes = {each.index for each in complaints}
    lead_ids = {each.element_id for each in complaints}
    named: list[Push] = []
    rest: list[Push] = []
    for index, push in enumerate(refusal.pushes):
        is_named = index in indexes or push.wanted.lead_id in lead_ids
        (named if is_named else rest).append(push)
    return named, rest


def _is_first_only(refusal: Refusal) -> bool:
    complaints = refusal.rejected.complaints
    return {(each.index, each.element_id) for each in complaints} == {(0, None)}


def _is_about_manager(rejected: Rejected) -> bool:
    return any(
        each.code == "NotSupportedChoice" and each.path.endswith("responsible_user_id")
        for each in rejected.complaints
    )


def _is_silent(rejected: Rejected) -> bool:
    """Whether Kommo does not say which field it is about."""
    return not any(each.path for each in rejected.complaints)
