"""Applying and showing an account's rules."""

import asyncio
import getpass
from pathlib import Path
from typing import Any

from contracts.events import RulesApplied
from contracts.inbound import ApplyRules
from contracts.rules import RulesFile
from contracts.stage import Stage
from services import rules_file
from services.cli.installation import Installation, Wrong
from services.cli.order import order
from services.cli.people import KEPT
from services.storage.accounts import Account
from services.storage.database import borrow

SELECT_RULES = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND topic = 'rules.applied'
ORDER BY originator_version DESC LIMIT 1
"""


async def apply(installation: Installation, account: Account, file: Path) -> str:
    """Check the file against the account and put it in force; what to tell the person.

    Raises:
        Wrong: The file has problems, all of which the message lists, or was refused.
    """
    rules = await asyncio.to_thread(_load, file, account)
    data = rules.model_dump(mode="json", by_alias=True, exclude_unset=True)
    answer = await order(
        installation, account.account_id, ApplyRules(rules=data, by=getpass.getuser())
    )
    if answer is None:
        return KEPT
    for event in answer:
        if isinstance(event, RulesApplied):
            return f"Revision {event.revision} is in force: {len(rules.rules)} rule(s)."
    return "These rules are in force already."


def _load(file: Path, account: Account) -> RulesFile:
    try:
        return rules_file.load(
            file.read_bytes(), known_stages=stages_of(account), known_users=users_of(account)
        )
    except OSError as error:
        raise Wrong(f"{file}: {error.strerror}") from error
    except rules_file.UnusableRules as error:
        raise Wrong(f"{file} is not applied:\n{error}") from error


async def show(installation: Installation, account: Account) -> str:
    """The rules in force as YAML.

    Raises:
        Wrong: None were ever applied.
    """
    async with borrow(installation.pool) as connection:
        version = await connection.fetchval(SELECT_RULES, account.account_id)
    if version is None:
        raise Wrong("no rules are in force yet; apply some: fairlead rules apply FILE")
    (recorded,) = await installation.events.stream(account.account_id, version - 1, limit=1)
    event = recorded.event
    assert isinstance(event, RulesApplied)  # noqa: S101 - selected by its name
    head = f"# Revision {event.revision}, applied by {event.by} on {event.at:%Y-%m-%d %H:%M} UTC\n"
    return head + rules_file.dump(event.rules)


def stages_of(account: Account) -> dict[Stage, str] | None:
    """The account's stages with names for people, None while they are not known."""
    pipelines: list[dict[str, Any]] = account.directory.get("pipelines", [])
    if not pipelines:
        return None
    return {
        Stage(pipeline["id"], stage["id"]): f"{pipeline['name']} / {stage['name']}"
        for pipeline in pipelines
        for stage in pipeline["stages"]
    }


def users_of(account: Account) -> dict[int, str] | None:
    """The account's users by id, None while they are not known."""
    return {user["id"]: user["name"] for user in account.directory.get("users", [])} or None
