"""Commands given once, whatever dies or goes away in the middle, and where they stand (A5)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.events import (
    LEAD,
    CommandRepeated,
    CreditMoved,
    DistributionOrdered,
    ManagerPaused,
)
from contracts.inbound import LeadObserved
from projections import pauses
from services.access.roles import ROLES, SCOPES
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.application import operations, orders
from services.application.callers import at_the_machine
from services.application.commands import Answer, Once, OutcomeUnknown, operation_id_of
from services.application.confirmation import Assent
from services.application.corrections import correct
from services.application.pauses import pause, resume
from services.application.principal import Principal
from services.application.refused import Refused
from services.log.port import Entry
from services.log.postgres import PostgresLogWriter
from services.projector.registry import PROJECTIONS
from services.projector.run import Projector
from services.projector.schema import prepare
from services.storage.events import EventStore
from tests.domain.scenario import ANN, BOB, NOON, WORK
from tests.services.allocator.kit import ACCOUNT, Desk, drain
from tests.support.faulty_log import FaultyLog
from tests.support.vault import VAULT
from tests.support.waiting import lasting, until

TESTER = Principal(id="cli:tester", scopes=SCOPES)
ONCE = Once(key="k1", wait_s=30.0)
AT_ONCE = Once(key="k1", wait_s=0.0)
RETIRE = "UPDATE kept_commands SET given_at = now() - interval '7 days'"

Publish = Callable[[Sequence[Entry]], Awaitable[None]]


@dataclass
class Office:
    """An account that people give commands to, and what becomes of them."""

    pool: Any
    desk: Desk
    log: FaultyLog
    installation: Any
    account: Any = field(default_factory=lambda: SimpleNamespace(account_id=ACCOUNT))

    async def correct(self, once: Once = ONCE, *, by: Principal = TESTER, units: int = LEAD) -> Any:
        return await correct(
            self.installation,
            self.account,
            by,
            ANN,
            units,
            ledger="account",
            reason="sick",
            once=once,
        )

    async def operation(self, by: Principal = TESTER, key: str = "k1") -> operations.Operation:
        operation_id = operation_id_of(ACCOUNT, TESTER, Once(key=key))
        return await operations.operation(self.installation, self.account, by, operation_id)

    async def happened(self, kind: type) -> int:
        return sum(isinstance(recorded.event, kind) for recorded in await self.desk.log())

    async def project(self, *names: str) -> None:
        """Bring these tables up to date, all if none is named."""
        chosen = [each for each in PROJECTIONS if not names or each.NAME in names]
        await self._projector(chosen).catch_up()

    def _projector(self, projections: Any = PROJECTIONS) -> Projector:
        return Projector(
            self.pool, EventStore(self.pool), wait=lambda _: lasting(0.01), projections=projections
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Allocator and projector run."""
        roles = [
            asyncio.create_task(self.desk.allocator().run()),
            asyncio.create_task(self._projector().run()),
        ]
        try:
            yield
        finally:
            for role in roles:
                role.cancel()
            await asyncio.gather(*roles, return_exceptions=True)


@pytest.fixture
async def office(pool: Any) -> Office:
    desk, log = Desk(pool), FaultyLog(PostgresLogWriter(pool))
    await prepare(pool)
    await desk.open()
    await drain(desk.allocator())
    installation = SimpleNamespace(
        pool=pool,
        events=desk.events,
        log=log,
        accounts=SimpleNamespace(vault=VAULT),
        is_at_rest=lambda: False,
    )
    return Office(pool, desk, log, installation)


def _pause(office: Office, once: Once, reason: str = "ill") -> Awaitable[Answer]:
    return pause(
        office.installation, office.account, TESTER, ANN, until=None, reason=reason, once=once
    )


async def test_A5_2_whoever_gives_what_is_under_way_is_told_so_and_answered_later(
    office: Office,
) -> None:
    first = asyncio.create_task(_pause(office, ONCE))
    await until(lambda: office.log.published == 1)

    with pytest.raises(Refused) as second:
        await _pause(office, ONCE)
    with pytest.raises(Refused) as different:
        await _pause(office, ONCE, "on holiday")
    assert (second.value.code, different.value.code) == ("key_under_way", "key_reused")
    assert office.log.published == 1

    async with office.working():
        answer = await first
    again = await _pause(office, ONCE)
    assert (answer.is_replayed, again.is_replayed) == (False, True)
    assert again.events == answer.events


async def test_A5_2_of_two_who_come_at_once_one_is_answered(office: Office) -> None:
    came = asyncio.gather(*(_pause(office, ONCE) for _ in range(5)), return_exceptions=True)
    await until(lambda: office.log.published == 1)
    async with office.working():
        answers = await came

    refused = [each.code for each in answers if isinstance(each, Refused)]
    answered = [each for each in answers if isinstance(each, Answer)]
    assert refused == ["key_under_way"] * (5 - len(answered))
    # Whoever came when it was decided was answered as well.
    assert sum(not each.is_replayed for each in answered) == 1
    assert await office.happened(ManagerPaused) == 1


async def test_A5_2_a_call_that_died_holds_up_the_next_one_for_a_moment_only(
    office: Office,
) -> None:
    died = asyncio.create_task(_pause(office, ONCE))
    await until(lambda: office.log.published == 1)
    await office.pool.execute("UPDATE kept_commands SET under_way_until = now()")

    async with office.working():
        answer = await _pause(office, ONCE)
        await died
    assert answer.effect == "done"


async def test_A5_2_a_call_that_was_given_up_leaves_it_to_the_next(office: Office) -> None:
    given_up = asyncio.create_task(_pause(office, ONCE))
    await until(lambda: office.log.published == 1)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up

    async with office.working():
        assert (await _pause(office, ONCE)).effect == "done"


async def test_what_is_answered_is_shown(office: Office) -> None:
    async with office.working():
        answer = await pause(
            office.installation, office.account, TESTER, ANN, until=None, reason="ill", once=ONCE
        )
        (paused,) = await pauses.of_account(office.pool, ACCOUNT)

    assert (answer.effect, answer.is_shown, answer.is_replayed) == ("done", True, False)
    assert (paused.manager_id, paused.ordered_by) == (ANN, "cli:tester")
    assert paused.by_administrator


async def test_whoever_pauses_themselves_is_no_administrator(office: Office) -> None:
    """It follows from what they may, not from who they say they are."""
    ann = Principal(id=f"kommo:{ANN}", scopes=ROLES["manager"], manager_id=ANN)
    async with office.working():
        await pause(office.installation, office.account, ann, ANN, until=None, reason="", once=ONCE)

    (event,) = [r.event for r in await office.desk.log() if isinstance(r.event, ManagerPaused)]
    assert (event.by, event.by_administrator) == (f"kommo:{ANN}", False)


async def test_what_nobody_decides_yet_is_accepted_and_decided_later(office: Office) -> None:
    late = await office.correct(AT_ONCE)
    accepted = await office.operation()
    await drain(office.desk.allocator())
    await office.project()
    decided = await office.operation()

    assert late.answer.effect == "late"
    assert (accepted.standing, accepted.version) == ("accepted", None)
    assert (decided.standing, decided.is_shown) == ("decided", True)
    assert late.answer.operation_id == decided.operation_id


async def test_what_is_decided_and_not_shown_is_told_as_that(office: Office) -> None:
    await office.correct(AT_ONCE)
    await drain(office.desk.allocator())
    await office.project("commands")
    version = (await office.desk.log())[-1].version

    again = await office.correct(AT_ONCE)

    assert (again.answer.effect, again.answer.is_shown) == ("done", False)
    with pytest.raises(operations.Behind) as behind:
        await operations.wait_until_shown(office.installation, ACCOUNT, version, wait_s=0.0)
    assert behind.value.sentence.arguments == {"wanted": version, "shown": 0}
    await office.project()
    assert await operations.wait_until_shown(office.installation, ACCOUNT, version) == version


async def test_I3_the_same_key_gives_the_first_answer(office: Office) -> None:
    async with office.working():
        first, again = await office.correct(), await office.correct()

    assert again.movements == first.movements != ()
    assert (first.answer.is_replayed, again.answer.is_replayed) == (False, True)
    assert again.answer.version == first.answer.version
    assert office.log.published == 1
    assert await office.happened(CreditMoved) == 1


async def test_I3_the_first_answer_is_given_whatever_happened_since(office: Office) -> None:
    def put_back(key: str) -> Awaitable[Answer]:
        once = Once(key=key, wait_s=30.0)
        return resume(office.installation, office.account, TESTER, BOB, once=once)

    async with office.working():
        first = await put_back("r")
        await pause(
            office.installation, office.account, TESTER, BOB, until=None, reason="", once=ONCE
        )
        again = await put_back("r")

    assert (first.effect, again.effect) == ("unchanged", "unchanged")
    assert len(await pauses.of_account(office.pool, ACCOUNT)) == 1


async def test_I3_what_was_refused_is_refused_again(office: Office) -> None:
    async with office.working():
        replayed = []
        for _ in range(2):
            with pytest.raises(Refused, match="correction_out_of_bounds") as refused:
                await office.correct(units=2_000 * LEAD)
            replayed.append(refused.value.is_replayed)
        operation = await office.operation()

    assert replayed == [False, True]
    assert operation.standing == "refused"


async def test_a_key_for_something_else_is_refused_and_anothers_key_is_another(
    office: Office,
) -> None:
    async with office.working():
        await office.correct()
        with pytest.raises(Refused, match="key_reused"):
            await office.correct(units=2 * LEAD)
        await office.correct(by=Principal(id="person:8", scopes=SCOPES), units=2 * LEAD)

    assert await office.happened(CreditMoved) == 2


@pytest.mark.parametrize(
    "faults",
    [
        ["refused"],
        ["took it and did not say so"],
        ["refused", "refused", "took it and did not say so", "refused"],
        ["took it and did not say so"] * 3,
    ],
    ids=lambda faults: "-".join(fault[:4] for fault in faults),
)
async def test_F11_an_unknown_outcome_is_told_and_its_repeats_have_one_effect(
    office: Office, faults: list[str]
) -> None:
    office.log.faults = list(faults)
    async with office.working():
        for _ in faults:
            with suppress(OutcomeUnknown):
                answer = await office.correct()
                assert answer.answer.is_replayed  # decided between two tries
        done = await office.correct()

    assert done.answer.effect == "done"
    assert await office.happened(CreditMoved) == 1


async def test_F11_an_unknown_outcome_names_the_key_to_repeat_with(office: Office) -> None:
    office.log.faults = ["refused"]

    with pytest.raises(OutcomeUnknown) as unknown:
        await office.correct()

    assert (unknown.value.code, unknown.value.key) == ("outcome_unknown", "k1")


async def test_F11_an_allocator_that_dies_before_it_answers_has_decided_once(
    office: Office,
) -> None:
    """Its events and position are stored together; the repeat finds them, or is dropped."""
    await office.correct(AT_ONCE)
    await drain(office.desk.allocator())  # and nobody was told
    late = await office.correct(AT_ONCE)  # the tables know nothing: it goes into the log again
    async with office.working():
        done = await office.correct()

    assert (late.answer.effect, done.answer.effect) == ("late", "done")
    assert await office.happened(CommandRepeated) >= 1
    assert await office.happened(CreditMoved) == 1


async def test_operations_are_told_to_who_gave_them_and_to_who_may_see_who_did_what(
    office: Office,
) -> None:
    await office.correct(AT_ONCE)

    assert (await office.operation(TESTER)).given_by == "cli:tester"
    viewer = Principal(id="person:8", scopes=ROLES["viewer"])
    assert (await office.operation(viewer)).given_by == "cli:tester"
    stranger = Principal(id="person:9", scopes=ROLES["manager"], manager_id=ANN)
    for by, key in ((stranger, "k1"), (TESTER, "never")):
        with pytest.raises(Refused, match="operation_unknown"):
            await office.operation(by, key)


async def test_I3_a_key_whose_week_is_over_here_and_not_for_the_account_is_refused(
    office: Office,
) -> None:
    async with office.working():
        await office.correct()
        await office.pool.execute(RETIRE)
        with pytest.raises(Refused, match="key_reused"):
            await office.correct(units=2 * LEAD)

    assert await office.happened(CreditMoved) == 1


async def test_D1_6_an_order_over_many_leads_is_cut_and_repeated_as_it_was(
    office: Office,
) -> None:
    """Planned again after half of it was decided, its parts would be others under the same ids."""
    count = 2 * orders.PART + 1
    await office.desk.tell(
        *(
            LeadObserved(
                lead_id=number,
                stage=WORK,
                responsible_id=BOB,
                modified_at=NOON - timedelta(days=1),
                created_at=NOON - timedelta(days=1),
                reason="baseline",
            )
            for number in range(1, count + 1)
        )
    )
    await drain(office.desk.allocator())

    async def order(lead_ids: Sequence[int]) -> orders.GivenOrder:
        planned = await orders.plan_distribution(
            office.installation, office.account, TESTER, stage=WORK
        )
        assert planned.lead_ids == tuple(lead_ids)
        return await orders.carry_out(
            office.installation,
            office.account,
            TESTER,
            planned,
            once=ONCE,
            assent=Assent(
                access=Access(office.pool, VAULT, AccessSettings()),
                who=at_the_machine(TESTER),
                confirmed=count,
            ),
        )

    async with office.working():
        office.log.faults = ["took it and did not say so"]
        with pytest.raises(OutcomeUnknown):
            await order(range(1, count + 1))
        given = await order(range(1, count + 1))
        asked = orders.asked_to_distribute(stage=WORK)
        before = await orders.carried_out_before(
            office.installation, office.account, TESTER, asked, once=ONCE
        )

    assert given.answer.effect == "done"
    assert before is not None
    assert before.answer.events == given.answer.events
    parts = [r for r in await office.desk.log() if isinstance(r.event, DistributionOrdered)]
    assert [recorded.cause.rpartition("/")[2] for recorded in parts] == ["1", "2", "3"]
