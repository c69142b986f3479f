"""Who and what an account has, names instead of ids: for people to read, and for its description.

Whoever cannot be read now stays as they were known: one user who makes no sense must neither hide
the others nor count as gone. Whoever is gone keeps their name, for what they did before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from contracts.events import Access
from contracts.inbound import DescribeAccount, Inbound
from contracts.kommo.pages import Odd, Page
from contracts.kommo.rest import Account, Pipeline, User
from contracts.stage import Stage
from services.kommo.client import KommoClient
from services.kommo.errors import AccountStopped

Names = dict[str, Any]

_NOT_FOUND = 404
INCOMING = 1
_ALONE_MAX = 10


async def read_names(client: KommoClient, known: Mapping[str, Any]) -> Names:
    """Read users and stages, as JSON data.

    Args:
        client: Of an administrator's token.
        known: What was read the last time.
    """
    users = await _settled(client, await client.users())
    before = known.get("users", ())
    pipelines = await client.pipelines()
    for kind, page in (("users", users), ("pipelines", pipelines)):
        client.tell_odd(kind, page.odd)
    return {
        "users": _with_gone(_with_kept(map(_user, users.elements), users.odd, before), before),
        "pipelines": _with_kept(
            map(_pipeline, pipelines.elements), pipelines.odd, known.get("pipelines", ())
        ),
    }


def groups_of(account: Account) -> list[Names]:
    """The account's groups of users, as JSON data."""
    return [{"id": group.id, "name": group.name} for group in account.groups]


def description(account: Account, names: Names, *, at: datetime) -> Inbound:
    """What the account's aggregate has to know of what was read."""
    users = sorted((user for user in names["users"] if user["is_active"]), key=lambda u: u["id"])
    return Inbound(
        account_id=account.id,
        message_id=f"describe/{at.isoformat()}",
        at=at,
        body=DescribeAccount(
            timezone=account.timezone,
            active_user_ids=tuple(user["id"] for user in users),
            limited=tuple(filter(None, map(_access, users))),
            began_at=account.created_at,
        ),
    )


async def _settled(client: KommoClient, users: Page[User]) -> Page[User]:
    """The users, with those who make no sense in the list read alone."""
    named = [each.id for each in users.odd if each.id is not None][:_ALONE_MAX]
    alone = {each: await _user_alone(client, each) for each in named}
    settled = (alone.get(each.id or 0, each) for each in users.items)
    return Page(tuple(each for each in settled if each is not None))


async def _user_alone(client: KommoClient, user_id: int) -> User | Odd | None:
    try:
        return await client.user(user_id)
    except AccountStopped as stopped:
        if stopped.status != _NOT_FOUND:
            raise
        return None


def _with_kept(
    read: Iterable[Names], odd: Iterable[Odd], known: Iterable[Mapping[str, Any]]
) -> list[Names]:
    """What was read, and what is known of what could not be."""
    found = {each["id"]: each for each in read}
    unread = [each.id for each in odd]
    kept = {
        each["id"]: dict(each)
        for each in known
        if each["id"] not in found and (None in unread or each["id"] in unread)
    }
    return [*found.values(), *kept.values()]


def _with_gone(users: list[Names], known: Iterable[Mapping[str, Any]]) -> list[Names]:
    """The users, and those of before whom Kommo does not list any more."""
    listed = {user["id"] for user in users}
    gone = (each for each in known if each["id"] not in listed)
    return [*users, *({**each, "is_active": False, "is_gone": True} for each in gone)]


def _user(user: User) -> Names:
    limits: Names = {}
    if user.is_free:
        limits["is_free"] = True
    if not user.is_admin and user.sees_no_leads:
        limits["sees_no_leads"] = True
    if not user.is_admin and user.hidden_stages:
        limits["hidden_stages"] = [list(stage) for stage in user.hidden_stages]
    return {
        "id": user.id,
        "name": user.name,
        "is_active": user.is_active,
        "is_admin": user.is_admin,
        "group_id": user.group_id,
        "leads": {"view": user.views_leads, "edit": user.edits_leads},
        **limits,
    }


def _access(user: Names) -> Access | None:
    """What keeps them from leads, None for nothing."""
    hidden = sorted({Stage(*stage) for stage in user.get("hidden_stages", ())})
    access = Access(
        user_id=user["id"],
        is_free=user.get("is_free", False),
        sees_no_leads=user.get("sees_no_leads", False),
        hidden_stages=tuple(hidden),
    )
    return None if access == Access(user["id"]) else access


def _pipeline(pipeline: Pipeline) -> Names:
    stages = sorted(pipeline.statuses, key=lambda each: (each.sort, each.id))
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "is_archive": pipeline.is_archive,
        "stages": [
            {"id": stage.id, "name": stage.name}
            | ({"is_incoming": True} if stage.type == INCOMING else {})
            for stage in stages
        ],
    }
