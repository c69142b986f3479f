"""Sweep, lookups and directory before a real HTTP server."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from contracts.events import Access
from contracts.inbound import DescribeAccount, Inbound, LeadMissing, LeadObserved, LeadsListed
from contracts.kommo.rest import Webhook
from contracts.stage import Stage
from projections.lookups import Lookup
from services.gateway.connections import Connection
from services.gateway.directory import Directory
from services.gateway.failures import Failures
from services.gateway.lookups import look_up, read_unknown
from services.gateway.ports import ConnectedAccount, Untold
from services.gateway.rounds import Rounds
from services.gateway.settings import DirectorySettings, SweepSettings
from services.gateway.sweep import Progress, Sweeper
from services.gateway.sweep_budget import SweepBudget
from services.kommo.errors import Unreachable
from services.kommo.subscription import ours_of, state_of
from services.sandbox.knobs import Knobs
from services.sandbox.sample import ACCOUNT_ID, ADMIN_ID, MANAGER_IDS
from services.shared.secrets import digest_of
from tests.services.gateway.world import PERSON, OneAccount, World, running, utc_now, world
from tests.support.waiting import more, until

pytestmark = pytest.mark.server

ANA = 501
ACCOUNT_BEGAN = datetime.fromtimestamp(1_700_000_000, UTC)
SECRET = "s3cr3t-of-acme-4f1e9d0c2b7a68559e31"  # noqa: S105 - opens nothing
# Nobody listens there.
HOOK = f"http://127.0.0.1:9/kommo/{SECRET}/"


@dataclass
class Memory:
    """Progress of sweeps in memory."""

    progress: Progress = field(default_factory=lambda: Progress(account_id=ACCOUNT_ID))
    saved: list[Progress] = field(default_factory=list)

    async def load(self, account_id: int) -> Progress:
        assert account_id == ACCOUNT_ID
        return self.progress

    async def save(self, progress: Progress) -> None:
        self.progress = progress
        self.saved.append(progress)


@dataclass
class SweepsAsked:
    """Full sweeps that were asked for, in memory."""

    asked_at: dict[int, datetime] = field(default_factory=dict)
    settled: list[int] = field(default_factory=list)
    readings: int = 0

    async def open(self) -> dict[int, datetime]:
        self.readings += 1
        return dict(self.asked_at)

    async def settle(self, account_id: int, asked_at: datetime) -> None:
        if self.asked_at.get(account_id) == asked_at:
            del self.asked_at[account_id]
            self.settled.append(account_id)


async def known_already(connection: Connection) -> None:
    """The account was described before."""


def sweeper(
    here: World,
    store: Memory,
    asked: SweepsAsked | None = None,
    introduce: Callable[[Connection], Awaitable[None]] = known_already,
    **settings: Any,
) -> Sweeper:
    return Sweeper(
        connections=here.connections,
        store=store,
        asked=asked or SweepsAsked(),
        introduce=introduce,
        publisher=here.books,
        now=utc_now,
        settings=SweepSettings(**settings),
        timing=here.timing,
    )


def directory_of(
    here: World,
    accounts: OneAccount | None = None,
    settings: DirectorySettings | None = None,
    untold: Untold | None = None,
) -> Directory:
    return Directory(
        accounts=accounts or here.accounts,
        connections=here.connections,
        publisher=here.books,
        now=utc_now,
        settings=settings,
        timing=here.timing,
        untold=untold,
    )


def queries(here: World) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(row.path).query) for row in here.requests("GET")]


async def test_F30_the_first_sweep_is_a_baseline_over_all_leads() -> None:
    async with world(600) as here:
        store = Memory()
        async with running(sweeper(here, store).run()):
            await until(lambda: store.progress.watermark is not None)

        seen = here.books.bodies(LeadObserved)
        assert [each.lead_id for each in seen] == here.lead_ids
        assert {each.reason for each in seen} == {"baseline"}
        assert [query["page"] for query in queries(here)] == [["1"], ["2"], ["3"]]
        assert here.books.calls == 3


async def test_F30_a_later_sweep_reads_what_changed_since_with_overlap_and_no_upper_bound() -> None:
    async with world(30) as here:
        watermark = utc_now() - timedelta(minutes=5)
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=watermark, full_at=utc_now()))
        changed = here.lead_ids[3:6]
        here.person_takes(changed, ANA)
        began = utc_now().replace(microsecond=0)
        async with running(sweeper(here, store).run()):
            await until(lambda: bool(store.saved))

        seen = here.books.bodies(LeadObserved)
        assert [(each.lead_id, each.responsible_id) for each in seen] == [
            (lead_id, ANA) for lead_id in changed
        ]
        assert {each.reason for each in seen} == {"sweep"}
        (query,) = queries(here)
        assert query["filter[updated_at][from]"] == [str(int(watermark.timestamp()) - 60)]
        assert "filter[updated_at][to]" not in query
        assert store.progress.watermark is not None
        assert began <= store.progress.watermark <= utc_now()


class OwnClock:
    """The clock of one reader: only its own sleeping lets it go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        self.now += seconds
        await asyncio.sleep(0)
        return event.is_set()


async def test_F30_F49_a_page_that_cannot_be_published_is_read_again_soon_then_more_rarely() -> (
    None
):
    clock = OwnClock()
    failed_at: list[float] = []

    class Deaf:
        async def publish(self, _: Sequence[Inbound]) -> None:
            failed_at.append(clock.now)
            raise Unreachable("away", may_have_happened=False)

    async with world(3, rate_per_s=600.0) as here:
        store = Memory()
        here.books = Deaf()  # type: ignore[assignment]
        here.timing = clock  # type: ignore[assignment]
        async with running(sweeper(here, store, retry_s=64.0).run()):
            await until(lambda: len(failed_at) >= 7)

        assert store.saved == []
        pauses = [later - at for at, later in pairwise(failed_at[:7])]
        assert pauses == [4, 8, 16, 32, 64, 64]


def test_F49_after_a_success_pauses_begin_anew_and_each_account_has_its_own() -> None:
    failures = Failures(64.0)
    pauses = [failures.pause_s(1), failures.pause_s(1), failures.pause_s(2)]
    failures.over(1)
    pauses += [failures.pause_s(1), failures.pause_s(2)]

    assert pauses == [4.0, 8.0, 4.0, 4.0, 8.0]


async def test_F30_a_giant_account_goes_on_where_it_stopped_even_after_a_restart() -> None:
    async with world(1_000) as here:
        store = Memory()
        first = sweeper(here, store, pages_max=1, interval_s=9_999)
        async with running(first.run()):
            await until(lambda: store.progress.next_page is not None)
        async with running(sweeper(here, store, pages_max=1, interval_s=9_999).run()):
            await until(lambda: store.progress.watermark is not None)

        seen = {each.lead_id for each in here.books.bodies(LeadObserved)}
        assert seen == set(here.lead_ids)
        assert len(here.requests()) <= 6


async def test_F30_a_sweep_spends_no_more_requests_than_its_account_has_and_goes_on_later() -> None:
    clock = OwnClock()
    read_at: list[tuple[float, str]] = []

    async with world(1_000, rate_per_s=600.0) as here:
        here.timing = clock  # type: ignore[assignment]
        store = Memory()
        sweeping = Sweeper(
            connections=here.connections,
            store=store,
            asked=SweepsAsked(),
            introduce=known_already,
            publisher=here.books,
            now=utc_now,
            settings=SweepSettings(
                requests_at_once_max=2, requests_per_hour_max=60, interval_s=86_400
            ),
            timing=clock,  # type: ignore[arg-type]
            on_requested=lambda kind, requests: read_at.extend([(clock.now, kind)] * requests),
        )
        async with running(sweeping.run()):
            await until(lambda: store.progress.watermark is not None)

        # Two at once, then one a minute, looked for once a second.
        assert [kind for _, kind in read_at] == ["baseline"] * 4
        assert [round(at / 60) for at, _ in read_at] == [0, 0, 1, 2]
        assert len(here.requests()) == 4
        assert (store.progress.full_requests, store.progress.window_requests) == (4, None)
        assert [each.lead_id for each in here.books.bodies(LeadObserved)] == here.lead_ids


async def test_F30_what_the_last_sweeps_took_is_kept_through_the_next_ones() -> None:
    async with world(300) as here:
        old = utc_now() - timedelta(days=2)
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=utc_now(), full_at=old))
        async with running(sweeper(here, store, interval_s=1.0).run()):
            await until(lambda: store.progress.window_requests is not None)

        assert (store.progress.full_requests, store.progress.window_requests) == (2, 1)


def test_F30_what_an_account_spent_too_much_it_has_less_later_and_others_have_theirs() -> None:
    clock = OwnClock()
    budget = SweepBudget(per_hour=3_600, at_once=10, timing=clock)  # type: ignore[arg-type]
    budget.spend(1, 15)

    assert (budget.wait_s(1), budget.wait_s(2)) == (6.0, 0.0)
    clock.now += 6
    assert budget.wait_s(1) == 0.0
    clock.now += 10_000
    budget.spend(1, 10)
    assert budget.wait_s(1) == 1.0
    budget.keep(frozenset({2}))
    assert budget.wait_s(1) == 0.0


async def test_F79_after_a_restored_backup_all_is_read_and_what_was_given_since_is_taken() -> None:
    async with world(600) as here:
        watermark = utc_now() - timedelta(minutes=5)
        store = Memory(
            Progress(
                account_id=ACCOUNT_ID,
                watermark=watermark,
                full_at=watermark,
                kind="window",
                started_at=watermark,
                next_page="https://acme.kommo.com/of-before-the-backup",
            )
        )
        given = [here.lead_ids[3], here.lead_ids[500]]
        here.person_takes(given, ANA)
        await here.restore_backup()
        async with running(sweeper(here, store, interval_s=1.0).run()):
            await until(lambda: len(here.books.bodies(LeadObserved)) > 600)

        seen = here.books.bodies(LeadObserved)
        first, later = seen[:600], seen[600:]
        assert [each.lead_id for each in first] == here.lead_ids
        assert [each.lead_id for each in first if each.is_taken] == given
        assert len(here.books.bodies(LeadsListed)) == 3
        # The next sweeps are as ever: whoever is given a lead by now is known to us.
        assert {each.lead_id for each in later} <= {*given}
        assert not any(each.is_taken for each in later)


async def test_F79_without_a_restored_backup_nobody_asks_who_was_given_a_lead() -> None:
    async with world(3) as here:
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=utc_now(), full_at=utc_now()))
        here.person_takes(here.lead_ids, ANA)
        async with running(sweeper(here, store).run()):
            await until(lambda: bool(store.saved))

        assert not any(each.is_taken for each in here.books.bodies(LeadObserved))
        assert len(here.requests()) == 1


async def test_D11_2_a_full_sweep_tells_page_by_page_which_leads_there_are() -> None:
    async with world(600) as here:
        old = utc_now() - timedelta(days=2)
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=utc_now(), full_at=old))
        async with running(sweeper(here, store, pages_max=1).run()):
            await until(lambda: store.progress.full_at != old)

        ids = here.lead_ids
        assert here.books.bodies(LeadsListed)[:3] == [
            LeadsListed(after_id=0, up_to_id=ids[249], lead_ids=tuple(ids[:250])),
            LeadsListed(after_id=ids[249], up_to_id=ids[499], lead_ids=tuple(ids[250:500])),
            LeadsListed(after_id=ids[499], up_to_id=None, lead_ids=tuple(ids[500:])),
        ]


async def test_D11_2_a_window_tells_nothing_of_what_is_not_in_it() -> None:
    async with world(5) as here:
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=utc_now(), full_at=utc_now()))
        here.person_takes(here.lead_ids[:2], ANA)
        async with running(sweeper(here, store).run()):
            await until(lambda: bool(store.saved))

        assert len(here.books.bodies(LeadObserved)) == 2
        assert here.books.bodies(LeadsListed) == []


async def test_D11_2_a_list_that_is_out_of_order_is_no_proof() -> None:
    async with world(3) as here:
        store = Memory(Progress(account_id=ACCOUNT_ID, kind="full", started_at=utc_now()))
        store.progress = replace(store.progress, listed_to=here.lead_ids[1])
        async with running(sweeper(here, store).run()):
            await until(lambda: store.progress.kind is None)

        assert len(here.books.bodies(LeadObserved)) == 3
        assert here.books.bodies(LeadsListed) == []


async def test_F30_a_full_comparison_runs_daily_and_may_open_requests() -> None:
    async with world(5) as here:
        old = utc_now() - timedelta(days=2)
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=utc_now(), full_at=old))
        async with running(sweeper(here, store).run()):
            await until(lambda: bool(store.saved))

        assert len(here.books.bodies(LeadObserved)) == 5
        assert {each.reason for each in here.books.bodies(LeadObserved)} == {"sweep"}
        assert store.progress.full_at is not None
        assert store.progress.full_at > old


async def test_F22_a_full_sweep_that_is_asked_for_begins_at_once_and_is_done_once() -> None:
    async with world(5) as here:
        store = Memory(Progress(account_id=ACCOUNT_ID, watermark=utc_now(), full_at=utc_now()))
        asked = SweepsAsked()
        async with running(sweeper(here, store, asked, interval_s=9_999).run()):
            await until(lambda: len(store.saved) == 1)
            assert here.books.bodies(LeadObserved) == []
            asked.asked_at[ACCOUNT_ID] = utc_now()
            await until(lambda: asked.settled == [ACCOUNT_ID])
            await more(lambda: asked.readings)

        assert [each.lead_id for each in here.books.bodies(LeadObserved)] == here.lead_ids
        assert {each.reason for each in here.books.bodies(LeadObserved)} == {"sweep"}
        assert len(store.saved) == 2


async def test_F22_a_sweep_from_before_the_asking_does_not_count() -> None:
    async with world(500) as here:
        store = Memory(
            Progress(account_id=ACCOUNT_ID, watermark=utc_now(), kind="full", started_at=utc_now())
        )
        asked = SweepsAsked({ACCOUNT_ID: utc_now()})
        async with running(sweeper(here, store, asked, interval_s=9_999).run()):
            await until(lambda: asked.settled == [ACCOUNT_ID])

        assert len(here.books.bodies(LeadObserved)) == 2 * len(here.lead_ids)


async def test_F61_a_stored_page_of_another_address_starts_the_sweep_again() -> None:
    async with world(3) as here:
        stale = Progress(
            account_id=ACCOUNT_ID,
            kind="baseline",
            started_at=utc_now(),
            next_page="https://old.kommo.com/api/v4/leads?page=9",
        )
        store = Memory(stale)
        async with running(sweeper(here, store, retry_s=1.0).run()):
            await until(lambda: store.progress.watermark is not None)

        assert len(here.books.bodies(LeadObserved)) == 3


@dataclass
class Asked:
    """Requested lookups in memory; an answer settles them, if it may."""

    here: World
    rows: list[Lookup] = field(default_factory=list)
    settles: bool = True
    readings: int = 0

    async def pending(
        self, limit: int, after: Lookup | None, but_for: Sequence[int]
    ) -> Sequence[Lookup]:
        if ACCOUNT_ID in but_for:
            return []
        self.readings += 1
        answered = {
            message.body.lead_id
            for message in self.here.books.messages
            if isinstance(message.body, LeadObserved | LeadMissing)
        }
        rows = [row for row in self.rows if not self.settles or row.lead_id not in answered]
        return [row for row in rows if after is None or row.lead_id > after.lead_id][:limit]

    def ask(self, lead_ids: Sequence[int], *, at: datetime, reason: str = "same_second") -> None:
        self.rows += [
            Lookup(
                account_id=ACCOUNT_ID,
                lead_id=lead_id,
                reason=reason,
                asked_version=number,
                asked_at=at,
            )
            for number, lead_id in enumerate(lead_ids, 1)
        ]


def reader(here: World, asked: Asked, **settings: Any) -> Rounds[Lookup]:
    act = partial(look_up, publisher=here.books, now=utc_now)
    return here.rounds(asked.pending, act, **settings)


async def test_F28_lookups_are_read_250_at_a_time() -> None:
    async with world(300) as here:
        asked = Asked(here)
        gone = here.lead_ids[10:12]
        here.sandbox.crm.delete(gone, PERSON)
        asked.ask([*here.lead_ids, 42], at=utc_now())
        async with running(reader(here, asked).run()):
            await until(lambda: len(here.books.messages) == 301)

        assert len(here.requests()) == 2
        missing = [each.lead_id for each in here.books.bodies(LeadMissing)]
        assert sorted(missing) == [42, *gone]
        assert {each.reason for each in here.books.bodies(LeadObserved)} == {"lookup"}
        assert all(message.at >= asked.rows[0].asked_at for message in here.books.messages)


async def test_S2_where_too_many_unknown_leads_are_told_a_sweep_follows_at_once() -> None:
    async with world(30) as here:
        asked, store = Asked(here), Memory()
        swept = sweeper(here, store, interval_s=9_999)
        act = partial(read_unknown, publisher=here.books, now=utc_now, sweep_soon=swept.hasten)
        async with running(swept.run()):
            await until(lambda: store.progress.watermark is not None)
            asked.ask([1_001, 1_002], at=utc_now())
            async with running(here.rounds(asked.pending, act).run()):
                await until(lambda: len(here.books.bodies(LeadMissing)) == 2)
                calm = len(here.requests("GET"))
                here.person_takes(here.lead_ids[:2], ANA)
                asked.ask([1_003], at=utc_now(), reason="crowded")
                await until(lambda: len(here.books.bodies(LeadObserved)) == 32)

        kinds = [type(message.body) for message in here.books.messages]
        assert kinds[-3:] == [LeadMissing, LeadObserved, LeadObserved]
        assert len(here.requests("GET")) == calm + 2


async def test_F30_a_sweep_that_is_asked_for_during_another_follows_it_once() -> None:
    async with world(600) as here:
        store, asked = Memory(), SweepsAsked()
        swept = sweeper(here, store, asked, interval_s=9_999)
        async with running(swept.run()):
            await until(lambda: store.progress.next_page is not None)
            swept.hasten(ACCOUNT_ID)
            await until(lambda: any("filter[updated_at][from]" in each for each in queries(here)))
            await more(lambda: asked.readings)

        assert len(queries(here)) == 4


async def test_F28_an_answer_is_given_once_until_it_is_asked_again() -> None:
    async with world(2) as here:
        asked = Asked(here, settles=False)
        asked.ask(here.lead_ids, at=utc_now())
        async with running(reader(here, asked, settle_s=3_600).run()):
            await until(lambda: len(here.books.messages) == 2)
            await more(lambda: asked.readings)
            assert len(here.requests()) == 1
            asked.rows[0] = replace(asked.rows[0], asked_version=9)
            await until(lambda: len(here.books.messages) == 3)

    assert len(here.requests()) == 2


async def test_F28_an_answer_that_was_overlooked_is_given_again() -> None:
    async with world(2) as here:
        asked = Asked(here, settles=False)
        asked.ask(here.lead_ids, at=utc_now())
        async with running(reader(here, asked, settle_s=5).run()):
            await until(lambda: len(here.books.messages) >= 4)

    assert len(here.requests()) >= 2


async def test_F49_lookups_survive_failures() -> None:
    async with world(2) as here:
        here.sandbox.knobs.turn({"error_next": 2})
        asked = Asked(here)
        asked.ask(here.lead_ids, at=utc_now())
        async with running(reader(here, asked).run()):
            await until(lambda: len(here.books.messages) == 2)

        assert [row.status for row in here.requests()] == [503, 503, 200]


async def test_D2_1_the_directory_tells_zone_active_users_and_names() -> None:
    async with world() as here:
        here.sandbox.account.users[ANA].is_active = False
        directory = directory_of(here)
        async with running(directory.run()):
            await until(lambda: bool(here.books.messages))

        active = tuple(sorted({ADMIN_ID, *MANAGER_IDS} - {ANA}))
        assert here.books.bodies(DescribeAccount) == [
            DescribeAccount(
                timezone="America/Sao_Paulo", active_user_ids=active, began_at=ACCOUNT_BEGAN
            )
        ]
        users = {user["id"]: user for user in here.accounts.directory["users"]}
        assert users[502] == {
            "id": 502,
            "name": "Bruno Carvalho",
            "is_active": True,
            "is_admin": False,
            "group_id": 0,
            "leads": {"view": "A", "edit": "A"},
        }
        assert here.accounts.directory["groups"] == [{"id": 0, "name": "Sales Office"}]
        assert here.accounts.directory["pipelines"][0]["stages"][1]["name"] == "Inbox"


async def test_D2_1_who_is_deleted_in_kommo_keeps_their_name_and_is_known_to_be_gone() -> None:
    async with world(rate_per_s=600.0, scale=2_000.0) as here:
        async with running(directory_of(here).run()):
            await until(lambda: bool(here.books.messages))
            del here.sandbox.account.users[ANA]
            await until(lambda: len(here.books.messages) > 1)

        (ana,) = [each for each in here.accounts.directory["users"] if each["id"] == ANA]
        assert ana["name"].startswith("Ana")
        assert (ana["is_active"], ana["is_gone"]) == (False, True)
        assert ANA not in here.books.bodies(DescribeAccount)[-1].active_user_ids


async def test_D2_2_the_directory_tells_what_users_may_not_see() -> None:
    async with world() as here:
        users = here.sandbox.account.users
        users[ADMIN_ID].hidden_stages = ((7_000_001, 61_000_003),)  # administrators see everything
        users[501].hidden_stages = ((7_000_001, 61_000_003), (7_000_001, 61_000_002))
        users[502].sees_no_leads = True
        users[503].is_free = True
        users[504].is_active, users[504].is_free = False, True
        async with running(directory_of(here).run()):
            await until(lambda: bool(here.books.messages))

        (described,) = here.books.bodies(DescribeAccount)
        inbox, request = Stage(7_000_001, 61_000_002), Stage(7_000_001, 61_000_003)
        assert described.limited == (
            Access(501, hidden_stages=(inbox, request)),
            Access(502, sees_no_leads=True),
            Access(503, is_free=True),
        )


async def test_F30_the_baseline_waits_until_the_account_was_described() -> None:
    async with world(3, rate_per_s=600.0) as here:
        here.sandbox.knobs.turn({"error_next": 2})
        store = Memory()
        directory = directory_of(here)
        async with running(sweeper(here, store, introduce=directory.introduce).run()):
            await until(lambda: store.progress.watermark is not None)

        kinds = [type(message.body) for message in here.books.messages]
        assert kinds.index(DescribeAccount) < kinds.index(LeadObserved)
        assert [row.status for row in here.requests()][:3] == [503, 503, 200]


async def test_F30_an_account_that_refuses_its_description_has_a_baseline_all_the_same() -> None:
    async with world(3, rate_per_s=600.0) as here:
        store = Memory()

        async def introduce(connection: Connection) -> None:
            here.sandbox.knobs.turn({"error_next": 1, "error_status": 403})
            await directory.introduce(connection)

        directory = directory_of(here)
        async with running(sweeper(here, store, introduce=introduce).run()):
            await until(lambda: store.progress.watermark is not None)

        assert here.books.bodies(DescribeAccount) == []
        assert len(here.books.bodies(LeadObserved)) == 3


async def test_the_directory_is_read_again_each_hour() -> None:
    async with world(rate_per_s=600.0, scale=2_000.0) as here:
        directory = directory_of(here)
        async with running(directory.run()):
            await until(lambda: len(here.books.messages) == 2)
            await asyncio.sleep(0)

        times = [row.monotonic for row in here.requests() if "account" in row.path]
        assert (times[1] - times[0]) * 2_000 >= 3_600


class WithSecret(OneAccount):
    """A registry that knows the account's webhook secret."""

    async def connected(self) -> Sequence[ConnectedAccount]:
        digest = digest_of(SecretStr(SECRET))
        return [replace(each, webhook_digest=digest) for each in await super().connected()]


async def with_secret(here: World) -> tuple[WithSecret, Directory]:
    """The same account in another registry, in the same connections, which the world closes."""
    accounts = WithSecret(here.accounts.base_url, here.accounts.token)
    here.connections._accounts = accounts
    await here.connections.reload()
    return accounts, directory_of(here, accounts, DirectorySettings(interval_s=100.0))


async def subscribe(here: World) -> None:
    (connection,) = here.connections.all()
    await connection.client.subscribe(SecretStr(HOOK), ("update_lead", "responsible_lead"))


async def test_F31_a_hook_that_kommo_switched_off_is_told_and_subscribed_again() -> None:
    knobs = Knobs(requests_per_second=1_000_000, disable_after=0)
    async with world(1, knobs=knobs, rate_per_s=600.0) as here:
        accounts, directory = await with_secret(here)
        await subscribe(here)
        with capture_logs() as lines:
            async with running(directory.run()):
                await until(lambda: accounts.directory.get("webhooks") == "on")
                assert accounts.directory["subscribed_again_at"] is None
                here.person_takes(here.lead_ids, ANA)
                await until(lambda: accounts.directory["subscribed_again_at"] is not None)

        assert accounts.directory["webhooks"] == "on"
        (hook,) = here.sandbox.account.subscriptions.values()
        assert (hook.destination, hook.disabled) == (HOOK, False)
        assert {"add_lead", "responsible_lead", "add_unsorted"} <= set(hook.settings)
        told = [line["event"] for line in lines if line["event"].startswith("webhooks_")]
        assert told[:2] == ["webhooks_switched_off", "webhooks_subscribed_again"]
        assert SECRET not in f"{lines} {accounts.directory}"


async def test_F31_a_subscription_that_failed_half_way_is_made_at_the_next_reading() -> None:
    knobs = Knobs(requests_per_second=1_000_000, disable_after=0)
    async with world(1, knobs=knobs, rate_per_s=600.0) as here:
        accounts, directory = await with_secret(here)
        await subscribe(here)
        here.person_takes(here.lead_ids, ANA)
        hooks = here.sandbox.account.subscriptions
        await until(lambda: hooks[HOOK].disabled)
        others = {f"https://{n}.test/": replace(hooks[HOOK], destination="") for n in range(100)}
        hooks |= others  # as many as Kommo allows, but for ours
        async with running(directory.run()):
            await until(lambda: accounts.directory.get("webhooks") == "disabled")
            assert HOOK not in hooks
            hooks.clear()
            await until(lambda: accounts.directory["webhooks"] == "on")

        (hook,) = hooks.values()
        assert (hook.destination, hook.disabled) == (HOOK, False)


async def test_F31_an_account_whose_leads_only_a_sweep_found_is_read_at_once() -> None:
    found = {ACCOUNT_ID: 3}

    async def untold() -> dict[int, int]:
        return found

    async with world(rate_per_s=600.0, scale=2_000.0) as here:
        directory = directory_of(here, untold=untold)
        async with running(directory.run()):
            await until(lambda: len(here.books.messages) == 1)
            found[ACCOUNT_ID] = 4
            await until(lambda: len(here.books.messages) == 2)

        first, second = [row.monotonic for row in here.requests() if "account" in row.path][:2]
        assert (second - first) * 2_000 < 600


async def test_F31_a_hook_that_is_gone_is_told_too() -> None:
    async with world() as here:
        accounts, directory = await with_secret(here)
        with capture_logs() as lines:
            async with running(directory.run()):
                await until(lambda: bool(here.books.messages))

        assert accounts.directory["webhooks"] == "missing"
        assert "webhooks_switched_off" in {line["event"] for line in lines}


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        ([], "missing"),
        ([("https://x.test/kommo/other/", False)], "missing"),
        ([("http://[", False), ("", False)], "missing"),
        ([(HOOK, False)], "on"),
        ([(HOOK.rstrip("/"), True)], "disabled"),
        ([(HOOK, True), ("https://x.test/kommo/other/", False)], "disabled"),
        ([(HOOK, True), (HOOK.replace(":9", ":10"), False)], "on"),
    ],
)
def test_F31_ours_is_told_by_its_secret(hooks: list[tuple[str, bool]], expected: str) -> None:
    webhooks = [Webhook(destination=address, disabled=disabled) for address, disabled in hooks]

    assert state_of(ours_of(webhooks, digest_of(SecretStr(SECRET)))) == expected
