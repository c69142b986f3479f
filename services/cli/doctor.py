"""Is everything in order? Each finding says what to do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from domain.explain import leads_of
from domain.schedule import tzdata_version
from projections import assignments, fairness, requests, stalls, stranded
from services.cli.doctor_kafka import examine_kafka
from services.cli.doctor_sweeps import sweep_of
from services.cli.finding import Finding
from services.cli.installation import Installation
from services.errors import Unavailable
from services.ingress.spool_file import SPOOL_FILE, look
from services.projector.run import lag
from services.storage.accounts import Account
from services.storage.database import borrow
from services.wall_clock import utc_now

PUSHED_WITHIN = timedelta(minutes=5)
SPOOLED_WITHIN = timedelta(seconds=30)


async def examine(installation: Installation) -> AsyncIterator[Finding]:
    """Look at everything, the most basic first."""
    async with borrow(installation.pool) as connection:
        version = await connection.fetchval("SHOW server_version")
    where = f", {installation.data}" if installation.kafka is None else ""
    yield Finding("database", f"PostgreSQL {version}{where}")
    yield Finding("time zones", f"tzdata {tzdata_version()}")
    if installation.kafka is None:
        yield _process(installation)
    else:
        async for finding in examine_kafka(installation, installation.kafka):
            yield finding
    accounts = await installation.accounts.all()
    listed = ", ".join(f"{account.account_id} ({account.subdomain})" for account in accounts)
    yield Finding(
        "accounts",
        listed or "none is connected",
        "" if accounts else "connect one: fairlead connect ADDRESS",
    )
    for account in accounts:
        yield webhooks_of(account)
        yield await sweep_of(installation, account, utc_now())
    yield await _projections(installation)
    yield await _requests(installation)
    yield await _pushes(installation)
    async for finding in _ledgers(installation):
        yield finding
    async for finding in _stalls(installation):
        yield finding
    async for finding in _stranded(installation):
        yield finding
    yield await _dead_letters(installation)
    yield await asyncio.to_thread(_spool, installation)


def _process(installation: Installation) -> Finding:
    runtime = installation.running()
    if runtime is None:
        return Finding("process", "not running", "start it: fairlead up")
    found = f"{runtime['pid']}, receives at {runtime['address']}"
    if "ops" in runtime:  # not of a release before it
        found += f", health and metrics at {runtime['ops']}"
    return Finding("process", found)


def webhooks_of(account: Account) -> Finding:
    """What the gateway found when it read the subscription, at most an hour ago while up."""
    subject, state = f"webhooks of {account.account_id}", account.directory.get("webhooks")
    again = f"connect again: fairlead connect {account.base_url}"
    match state:
        case "on":
            return Finding(subject, "subscribed")
        case "disabled":
            return Finding(subject, "switched off by Kommo", again)
        case "missing":
            return Finding(subject, "not subscribed any more", again)
        case _:
            return Finding(subject, "not known yet")


async def _projections(installation: Installation) -> Finding:
    behind = {name: events for name, events in (await _lag(installation)).items() if events}
    found = ", ".join(f"{name} {events} events behind" for name, events in behind.items())
    advice = "normal for a moment; if it stays, read the log" if behind else ""
    return Finding("projections", found or "up to date", advice)


async def _lag(installation: Installation) -> dict[str, int]:
    return await lag(installation.pool, installation.events)


async def _requests(installation: Installation) -> Finding:
    async with borrow(installation.pool) as connection:
        lost = await requests.unaccounted(connection, limit=10)
        states = await requests.standing(connection)
    found = ", ".join(f"{states.get(s, 0)} {s}" for s in ("assigned", "waiting", "closed"))
    if not lost:
        return Finding("requests", found)
    named = ", ".join(request.request_id for request in lost)
    return Finding("requests", found, f"in none of these states, report it: {named}")


async def _pushes(installation: Installation) -> Finding:
    async with borrow(installation.pool) as connection:
        backlog = await assignments.backlog(connection)
    if not backlog:
        return Finding("pushes to Kommo", "nothing is pending")
    leads = sum(part.leads for part in backlog)
    oldest = datetime.now(UTC) - min(part.oldest_at for part in backlog)
    late = oldest > PUSHED_WITHIN
    return Finding(
        "pushes to Kommo",
        f"{leads} leads pending, the oldest for {oldest.total_seconds():.0f} s",
        "Kommo does not take them; read the log for the reason" if late else "",
    )


async def _ledgers(installation: Installation) -> AsyncIterator[Finding]:
    async with borrow(installation.pool) as connection:
        unbalanced = await fairness.unbalanced(connection)
        widest = await fairness.widest_deviations(connection)
        beyond = await fairness.beyond(connection)
    yield Finding(
        "ledgers",
        "each adds up to 0" if not unbalanced else f"{len(unbalanced)} do not add up to 0",
        "rebuild and report it: fairlead projections rebuild fairness" if unbalanced else "",
    )
    for account_id, units in widest.items():
        far = [share for owner, share in beyond if owner == account_id]
        yield _fairness(account_id, units, far)


def _fairness(account_id: int, ever_units: int, far: list[fairness.Share]) -> Finding:
    ever = f"never more than {leads_of(ever_units).lstrip('+')} leads from the fair share"
    if not far:
        was = " (over 2, but not now)" if ever_units >= fairness.DEVIATION_MAX_UNITS else ""
        return Finding(f"fairness of {account_id}", ever + was)
    named = ", ".join(
        f"manager {share.manager_id} by {leads_of(share.meter_units).lstrip('+')}" for share in far
    )
    return Finding(
        f"fairness of {account_id}",
        f"more than 2 leads from the fair share: {named}",
        f"report it; look at: fairlead statement {far[0].manager_id}",
    )


async def _stalls(installation: Installation) -> AsyncIterator[Finding]:
    async with borrow(installation.pool) as connection:
        stalled = await stalls.present(connection)
    for stall in stalled:
        yield Finding(
            f"rule {stall.rule_id} of {stall.account_id}",
            f"leads wait since {stall.stalled_at:%Y-%m-%d %H:%M} UTC, no shift within 14 days",
            "give its people shifts, or name others: fairlead rules apply FILE",
        )


async def _stranded(installation: Installation) -> AsyncIterator[Finding]:
    async with borrow(installation.pool) as connection:
        found = await stranded.by_rule(connection)
    for lying in found:
        yield Finding(
            f"passes of rule {lying.rule_id} of {lying.account_id}",
            f"leads that nobody worked on, with the last manager: {lying.leads}, as"
            f" {lying.example_id}, the longest since {lying.since:%Y-%m-%d %H:%M} UTC",
            "name a duty manager in the rule, or somebody for them in Kommo",
        )


async def _dead_letters(installation: Installation) -> Finding:
    kept = await installation.dead_letters.count()
    advice = "look at them: fairlead dead list" if kept else ""
    return Finding("dead letters", f"{kept} kept", advice)


def _spool(installation: Installation) -> Finding:
    folder = installation.data
    try:
        state = look(folder)
    except Unavailable as error:
        advice = f"start fairlead: it sets {folder / SPOOL_FILE} aside and makes a new one"
        return Finding("spool", f"cannot be read: {error}", advice)
    if state is None:
        return Finding("spool", "none yet")
    found, advice = "empty", ""
    if state.oldest_at is not None:
        age = datetime.now(UTC) - state.oldest_at
        found = f"{state.rows} messages, {state.size} bytes, oldest {age.total_seconds():.0f} s"
        if installation.is_at_rest():
            advice = "start it, they are sent on then: fairlead up"
        elif age > SPOOLED_WITHIN:
            advice = "the log does not take them; read the log for spool_not_drained"
    if state.set_aside:
        found += f"; damaged, set aside: {', '.join(state.set_aside)}"
        advice = f"{advice}; " if advice else ""
        advice += (
            f"leads in a damaged spool are found by the sweep; look at it with"
            f" sqlite3 and .recover, then move it out of {folder}"
        )
    return Finding("spool", found, advice)
