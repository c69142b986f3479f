"""Each user of the database does all that its role ever does, the rare things too (S27).

What a role does every day, the system tests do under its own user.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from projections import assignments, linked, lookups, notices, readings, touches
from services.access.settings import AccessSettings
from services.access.sign_in_log import Caller
from services.access.tidying import AccessTidying
from services.access.wiring import Access
from services.allocator.linking import link_old_events
from services.clock.app import PostgresTimers
from services.gateway.leases import PostgresLeases, SharedLeases
from services.gateway.postgres import (
    PostgresSweeps,
    RegisteredAccounts,
    names_of_rules,
    rules_in_force,
    work_list,
)
from services.gateway.starts import SET_BACK, SharedStarts
from services.gateway.stops import all_stops, end
from services.gateway.sweep import Progress
from services.gateway.trail import EVENTS
from services.history.our_side import SNAPSHOTS
from services.ops.tables import STORE_READINGS, read_tables
from services.outgoing.post import Attempt
from services.outgoing.work import WebhookWork
from services.projector.watch import look
from services.runtime.database import prepare_at
from services.shared.secrets import Vault
from services.shared.wall_clock import utc_now
from services.storage.accounts import AccountRegistry, Admission
from services.storage.asked_sweeps import AskedSweeps
from services.storage.consent_states import AskedConsent, ConsentStates
from services.storage.consents import Consents
from services.storage.database import open_pool
from services.storage.dead_letters import DeadLetter, DeadLetters, DeadLetterSettings
from services.storage.events import EventStore
from services.storage.integrations import Integrations
from services.storage.jobs import HeldJob, Jobs, NewJob
from services.storage.restorations import Restorations
from services.storage.resumption import Resumption
from services.storage.roles import ENGINE
from services.storage.signing import SigningKeys
from services.storage.snapshots import Snapshot, SnapshotStore
from services.storage.webhook_deliveries import NewDelivery, WebhookDeliveries
from services.storage.webhook_targets import WebhookTargets
from tests.services.access.kit import grant, somebody
from tests.services.storage.conformance import append
from tests.support.samples import assigned
from tests.support.users import as_user
from tests.support.vault import VAULT

SECRET = SecretStr("of an address")
NEW_VAULT = Vault((b"n" * 32, *VAULT.keys))
SMALL = DeadLetterSettings(per_account_max=1)
STORED = """
INSERT INTO timers.timers (account_id, timer_id, generation, due_at)
VALUES (1, 'a', 1, now() - interval '1 hour')
"""

Work = Callable[[Any], Awaitable[object]]


def letter(account_id: int = 1) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        source="webhook",
        position=None,
        reason="odd",
        content_type="",
        body=b"{}",
    )


async def keep_letters(pool: Any) -> None:
    """Two where one is let: the older goes."""
    await DeadLetters(pool, VAULT, SMALL).keep([letter(), letter()])


async def connect(pool: Any) -> None:
    registry = AccountRegistry(pool, VAULT)
    for _ in range(2):
        await registry.add(
            1,
            subdomain="acme",
            base_url="https://acme.kommo.com",
            token=SecretStr("token"),
            webhook_secret=SECRET,
            timezone="UTC",
        )
    await let_in(pool, registry)
    await registry.admit(1, SecretStr("another"), for_s=60)
    await registry.rotate(1, SecretStr("third"), overlap_s=60)
    assert await AccountRegistry(pool, NEW_VAULT).reseal() == 1
    targets = WebhookTargets(pool, VAULT)
    secret, url = SecretStr("whsec_AAAA"), "https://hooks.example.com/"
    assert await targets.add(1, "crm", url=url, events=(), secret=secret, made_by="us", most=1)
    await targets.rotate(1, "crm", secret, overlap=timedelta(days=1))
    assert await WebhookTargets(pool, NEW_VAULT).reseal() == 1
    ping = NewDelivery(message_id="ping-1", version=0, type="ping", body="{}")
    await WebhookDeliveries(pool).add(1, "crm", ping)
    await WebhookDeliveries(pool).send_again(1, "crm", "ping-1")
    await SharedStarts(pool).take(7)
    async with pool.acquire() as connection:
        await end(connection, 1)
        assert await all_stops(connection) == {}


async def let_in(pool: Any, registry: AccountRegistry) -> None:
    """As whoever connects does it, and lets it in again after it was suspended."""
    known, consents = Integrations(pool, VAULT), Consents(pool, VAULT)
    for client_id in ("client-1", "client-2"):
        await known.put(client_id, name="", secret=SECRET, redirect_uri="", made_by="us")
    assert await known.remove("client-2")
    assert await Integrations(pool, NEW_VAULT).reseal() == 1
    by = Admission(token=SECRET, client_id="client-1", refresh=SECRET)
    await registry.admit_by(1, by, subdomain="acme", base_url="https://acme.kommo.com", timezone="")
    assert await consents.suspend(1, "client-1")
    await registry.admit_by(1, by, subdomain="acme", base_url="https://acme.kommo.com", timezone="")
    assert await Consents(pool, NEW_VAULT).reseal() == 1
    states = ConsentStates(pool)
    asked = AskedConsent(client_id="client-1", asked_by="us", account_id=None)
    await states.add(SECRET, SECRET, asked, for_s=60)
    assert await states.spend(SECRET, SECRET) == asked


async def renew(pool: Any) -> None:
    """As the gateway does it, to the end of a consent."""
    consents = Consents(pool, NEW_VAULT)
    assert await consents.due(60.0) == []
    assert await consents.claim(1, lease_s=0) == 1
    await consents.release(1, 1)
    assert await consents.claim(1, lease_s=0) == 2
    assert await consents.store(1, 2, access=SECRET, refresh=SECRET, for_s=60.0)
    assert await consents.claim(1, lease_s=0) == 3
    await consents.put_off(1, 3, first_s=0, max_s=0)
    assert await consents.claim(1, lease_s=0) == 4
    await consents.move(1, base_url="https://acme.kommo.com", subdomain="acme")
    assert await consents.refuse(1, 4, "spent")
    assert await Integrations(pool, NEW_VAULT).with_secret("client-1") is not None
    assert await consents.present(1) is not None


async def receive(pool: Any) -> None:
    assert {owner.account_id for owner in (await owners(pool)).values()} == {1}
    await keep_letters(pool)


async def owners(pool: Any) -> Any:
    return await AccountRegistry(pool, VAULT).webhook_owners()


async def allocate(pool: Any) -> None:
    store, snapshots = EventStore(pool), SnapshotStore(pool)
    await append(store, assigned(1, 1), position=1, dead=[letter()])
    await append(store, assigned(1, 2, attempt=2), position=2)
    await link_old_events(pool)
    for version in (1, 2, 2):
        state = Snapshot(account_id=1, version=version, revision=1, digest=b"d", state=b"s")
        await snapshots.save(state)
    await snapshots.newest(1, [1])
    await snapshots.prune(1, keep=1)
    for reason in ("a gap", "another"):
        assert await AskedSweeps(pool).ask(lambda _: True, reason) == [1]
    assert await store.moved("relay") != []
    await store.stored({1: 0}, limit=10)
    await store.advance("relay", {1: 1})


async def project(pool: Any) -> None:
    await pool.execute(STORED)
    await DeadLetters(pool, VAULT, SMALL).tidy()
    await keep_letters(pool)
    await look(pool, {}, utc_now())
    await AccessTidying(pool).tidy()


async def act_on_kommo(pool: Any) -> None:
    sweeps, starts = PostgresSweeps(pool), SharedStarts(pool)
    for _ in range(2):
        await sweeps.save(Progress(account_id=1, watermark=utc_now()))
    await sweeps.load(1)
    leases = SharedLeases(PostgresLeases(pool), "a gateway", 4)
    assert await leases._take([0, 1]) == {0: 1, 1: 1}
    assert await leases._take([0, 1]) == {0: 1, 1: 1}
    await starts.take(7)
    await starts.pause(0.01)
    await pool.execute(SET_BACK)
    registered = RegisteredAccounts(AccountRegistry(pool, NEW_VAULT))
    (account,) = await registered.connected()
    await renew(pool)
    await registered.describe(account.account_id, {"users": {}})
    lists: tuple[Any, ...] = (
        linked.to_find,
        linked.to_set,
        lookups.pending,
        lookups.unknown,
        notices.pending,
        readings.pending,
        touches.pending,
    )
    for read in lists:
        assert await work_list(pool, read)(10, None, []) == []
    await rules_in_force(pool)(1)
    assert await names_of_rules(pool)(1) == {}
    await tell_others(pool)
    async with pool.acquire() as connection:
        assert await assignments.heads(connection) == {}
    asked = AskedSweeps(pool)
    for account_id, asked_at in (await asked.open()).items():
        await asked.settle(account_id, asked_at)
    await pool.fetch(EVENTS, "account-1", [1])
    await keep_letters(pool)


async def tell_others(pool: Any) -> None:
    work, now = WebhookWork(pool), utc_now() + timedelta(minutes=1)
    (behind,) = await work.behind(9)
    scanned = await EventStore(pool).stream(1, after=behind.position)
    assert await work.list_events(behind, scanned, [])
    (due,) = await work.due(now, limit=1)
    assert await WebhookTargets(pool, NEW_VAULT).secrets(1, "crm") != ()
    failed = Attempt(failure="gone", status=410)
    await work.not_taken(due.delivery, failed, at=now, next_at=now, off_after=timedelta(days=3))
    assert await work.orphans(1) == []
    await work.taken(due.delivery, Attempt(failure=None, status=200), at=now)
    await WebhookDeliveries(pool).forget()


async def tick(pool: Any) -> None:
    timers = PostgresTimers(pool, owns=lambda _: True)
    due = await timers.due(utc_now() + timedelta(hours=1), limit=10)
    assert len(due) == 1
    await timers.mark_emitted(due)
    assert await timers.next_due_at() is None
    await keep_letters(pool)


async def command(pool: Any) -> None:
    letters = DeadLetters(pool, NEW_VAULT)
    (kept, *_) = await letters.page()
    assert await letters.settle(kept.id, "dismissed", by="cli:root", why="a test")
    assert await letters.reseal() > 0
    assert await letters.dropped() != []
    await SigningKeys(pool, VAULT).own()
    assert await SigningKeys(pool, NEW_VAULT).reseal() == 1
    await Restorations(pool).record("a person")
    moved = await Resumption(pool).move(
        "allocator", "inbound/9", before=0, after=5, letters_of="webhook", by="a person"
    )
    assert moved
    assert len(await Resumption(pool).last(9)) == 1
    assert await AskedSweeps(pool).ask(lambda _: True, "a person") == [1]
    await pool.fetch(SNAPSHOTS, 1, 1)
    await decide_about_people(Access(pool, VAULT, AccessSettings()))
    newer = Access(pool, NEW_VAULT, AccessSettings())
    for sealed in (newer.digests, newer.people, newer.invitations, newer.codes):
        assert await sealed.reseal() == 1
    await have_jobs(pool)
    targets = WebhookTargets(pool, NEW_VAULT)
    assert len(await WebhookDeliveries(pool).page(1, limit=9)) == 1
    assert await targets.remove(1, "crm")
    await AccountRegistry(pool, NEW_VAULT).remove(1)


async def have_jobs(pool: Any) -> None:
    """What `fairlead jobs` does at the machine."""
    jobs = Jobs(pool)
    new = NewJob(
        account_id=1,
        job_id="job-1",
        kind="replay",
        parameters={},
        given_by="cli:root",
        scopes=["audit"],
        whence="terminal",
        request_id="",
    )
    await jobs.add(new, under_way_max=1, lately_max=1)
    claimed = await jobs.claim("here:1:a")
    assert claimed is not None
    assert await HeldJob(pool, claimed, "here:1:a").add_part(0, b"{}")
    assert len(await jobs.newest(1)) == 1
    assert await jobs.cancel(1, "job-1")
    await jobs.forget()


async def decide_about_people(access: Access) -> None:
    """What `fairlead access` does at the machine; who serves people is tried by their own tests."""
    person = await somebody(access, grant("viewer"), grant("operator", None))
    assert await access.codes.begin(person.id, person.login) is not None
    await access.invitations.make("invited", given_by="cli:root", name="Ivo")
    key, _ = await access.keys.make(
        label="x", account_id=1, scopes=["read"], person_id=None, made_by="cli:root"
    )
    await access.keys.rotate(key)
    assert await access.keys.revoke(key, by="cli:root")
    await access.log.note("granted", Caller(principal="cli:root"), person_id=person.id)
    assert len(await access.log.of_person(person.id, limit=9)) == 1
    assert await access.people.revoke(person.id, grant("viewer"))
    assert await access.sessions.end_all(person.id) == 0


# In this order: each finds what the ones before have left.
WORK: tuple[tuple[str, Work], ...] = (
    ("commands", connect),
    ("ingress", receive),
    ("allocator", allocate),
    ("projector", project),
    ("gateway", act_on_kommo),
    ("clock", tick),
    ("commands", command),
)


async def test_S27_every_user_may_do_what_its_role_does_seldom(
    database_url: str, pool: Any
) -> None:
    await prepare_at(SecretStr(database_url))
    assert {f"fairlead_{name}" for name, _ in WORK} == {*ENGINE}

    for name, work in WORK:
        mine = await open_pool(as_user(f"fairlead_{name}", database_url), size_max=3)
        try:
            await work(mine)
            assert await read_tables(mine, STORE_READINGS) != []
        finally:
            await mine.close()

    assert await pool.fetchval("SELECT count(*) FROM accounts") == 0
