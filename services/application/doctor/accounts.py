"""What the doctor looks at in each account: its webhooks, and when it was compared with Kommo."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import assert_never

from contracts.sentences import sentence
from services.application.doctor.finding import Diagnosis, passing, problem, well
from services.application.doctor.sweeps import sweep_of
from services.application.doctor.tokens import token_of
from services.application.installation import Installation
from services.gateway import stops, task_readings
from services.gateway.stops import Stop
from services.gateway.task_readings import TasksRefused
from services.storage import consents, gone
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow
from services.storage.gone import GoneName

# For so long a person sees that webhooks were switched off, though they are on again.
AGAIN_SHOWN = timedelta(days=1)


async def findings(installation: Installation, now: datetime) -> AsyncIterator[Diagnosis]:
    """All accounts, then each."""
    accounts = await installation.accounts.all()
    subject = sentence("doctor.accounts")
    if not accounts:
        yield problem(subject, sentence("doctor.no_accounts"), sentence("remedy.connect"))
        return
    each = tuple(
        sentence("doctor.account", account=account.account_id, name=account.subdomain)
        for account in accounts
    )
    yield well(subject, sentence("doctor.accounts_are", accounts=each))
    async with borrow(installation.pool) as connection:
        stopped = await stops.all_stops(connection)
        untold = await task_readings.all_refused(connection)
        named = await gone.gone(connection)
        refused = {each.account_id: each for each in await consents.refused(connection)}
    for account in accounts:
        if account.account_id in stopped:
            yield refused_by_kommo(account, stopped[account.account_id])
        yield token_of(account, refused.get(account.account_id), now)
        if account.disconnected_at is not None:
            continue
        yield webhooks_of(account, now)
        yield await sweep_of(installation, account, now)
        if account.account_id in untold:
            yield tasks_of(account, untold[account.account_id])
        if held := await installation.who_may().wide_deeds.held(account.account_id):
            yield held_deeds(account, len(held))
        for one in named:
            if one.account_id == account.account_id:
                yield gone_of(one)


def refused_by_kommo(account: RegisteredAccount, stop: Stop) -> Diagnosis:
    """Kommo lets us into the account no more, whatever waits for it."""
    subject, since = sentence("doctor.kommo_of", account=account.account_id), stop.since
    remedy = sentence("remedy.new_token", address=account.base_url)
    match stop.cause:
        case "unpaid":
            found, remedy = sentence("doctor.account_unpaid", since=since), sentence("remedy.pay")
        case "rights":
            found = sentence("doctor.token_lacks_rights", since=since)
        case "blocked":
            found = sentence("doctor.account_blocked", since=since)
            remedy = sentence("remedy.ask_kommo", address=account.base_url)
        case "token":
            found = sentence("doctor.token_not_valid", since=since)
        case _:
            assert_never(stop.cause)
    if stop.words:
        found = sentence("doctor.refused_with_words", found=found, words=stop.words)
    if stop.until is not None:
        found = sentence("doctor.refused_until", found=found, until=stop.until)
    return problem(subject, found, remedy)


def tasks_of(account: RegisteredAccount, refused: TasksRefused) -> Diagnosis:
    """Kommo does not show the account's tasks, so limits of tasks are not what they seem (D5.6)."""
    subject = sentence("doctor.tasks_of", account=account.account_id)
    found = sentence("doctor.tasks_refused", status=refused.status, since=refused.since)
    return problem(subject, found, sentence("remedy.tasks_refused", address=account.base_url))


def held_deeds(account: RegisteredAccount, count: int) -> Diagnosis:
    """Somebody would move many leads, and nobody else has agreed yet (S32)."""
    subject = sentence("doctor.held_deeds", account=account.account_id)
    return passing(subject, sentence("doctor.deeds_held", count=count), sentence("remedy.agree"))


def gone_of(named: GoneName) -> Diagnosis:
    """The rules name somebody or something that Kommo has no more."""
    subject = sentence("doctor.rules_of", account=named.account_id)
    name, rules = named.name or named.what, named.rule_ids
    if named.how == "left":
        found = sentence("doctor.manager_left", name=name, id=named.id, rules=rules)
        return problem(subject, found, sentence("remedy.replace_manager"))
    if named.how == "archived":
        found = sentence("doctor.stage_archived", stage=name, rules=rules)
    else:
        found = sentence("doctor.stage_deleted", stage=name, rules=rules)
    return problem(subject, found, sentence("remedy.replace_stage"))


def webhooks_of(account: RegisteredAccount, now: datetime) -> Diagnosis:
    """What the gateway found when it read the subscription, at most an hour ago while up."""
    subject = sentence("doctor.webhooks", account=account.account_id)
    again = sentence("remedy.connect_again", address=account.base_url)
    match account.directory.get("webhooks"):
        case "on" if _is_lately(account.directory.get("subscribed_again_at"), now):
            found = sentence("doctor.webhooks_again", at=account.directory["subscribed_again_at"])
            return passing(subject, found, sentence("remedy.webhooks_again"))
        case "on":
            return well(subject, sentence("doctor.webhooks_on"))
        case "disabled":
            return problem(subject, sentence("doctor.webhooks_disabled"), again)
        case "missing":
            return problem(subject, sentence("doctor.webhooks_missing"), again)
        case _:
            return well(subject, sentence("doctor.webhooks_unknown"))


def _is_lately(at: str | None, now: datetime) -> bool:
    return at is not None and now - datetime.fromisoformat(at) < AGAIN_SHOWN
