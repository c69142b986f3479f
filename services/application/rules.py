"""An account's rules: looked over, put in force, shown."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.events import RulesApplied
from contracts.inbound import ApplyRules, Inbound
from contracts.rules import RulesFile
from contracts.stage import Stage
from domain.lint import Circumstances
from domain.rules_preview import RulesPreview, preview_rules
from projections import readings, requests
from services.allocator.accounts import Stores, load
from services.application.commands import Answer, Asked, Once, give, given_before
from services.application.confirmation import Assent, require_assent
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.reasons import check_reason
from services.application.refused import Refused
from services.application.rules_texts import keep_text
from services.rules_file import file as rules_file
from services.rules_file.lint import Remark, look_over
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow, borrow_to_read
from services.storage.snapshots import SnapshotStore
from services.storage.webhook_targets import names_of
from services.words.names import stage_titles

WEEK = timedelta(days=7)
SELECT_RULES = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND topic = 'rules.applied'
ORDER BY originator_version DESC LIMIT 1
"""


class RulesRefused(Refused):
    """The rules have problems; nothing was changed.

    Attributes:
        problems: In line order.
    """

    def __init__(self, problems: Sequence[rules_file.Problem]) -> None:
        super().__init__("rules_unusable", field=problems[0].field, count=len(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRules:
    """What there is to look at.

    Attributes:
        remarks: In line order.
        counted_since: Where the week was not counted because the account is younger: since when
            it is connected.
        preview: What they would come to, in force now; None if they could not be, or no account
            was asked.
    """

    remarks: list[Remark]
    counted_since: datetime | None = None
    preview: RulesPreview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRules:
    """What putting rules in force came to.

    Attributes:
        revision: The new one; None unless it is done.
    """

    answer: Answer
    revision: int | None
    rules: int


async def check_alone(text: bytes) -> CheckedRules:
    """Look at rules without an account that could be asked about people, stages and leads."""
    remarks = await asyncio.to_thread(look_over, text, at=datetime.now(UTC), timezone="UTC")
    return CheckedRules(remarks=remarks)


async def check(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    text: bytes,
    *,
    is_previewed: bool = True,
) -> CheckedRules:
    """Look at rules with an account's people and stages, and the leads of its last week.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        text: Of the rules file.
        is_previewed: Whether it is told what they come to, which takes longer than all the rest.

    Raises:
        Refused: They may not.
    """
    remarks, counted_since = await _remarks(installation, account, principal, text)
    is_usable = all(each.severity != "problem" for each in remarks)
    return CheckedRules(
        remarks=remarks,
        counted_since=counted_since,
        preview=await _preview_of(installation, account, principal, text)
        if is_usable and is_previewed
        else None,
    )


async def check_in_force(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    applied: RulesApplied,
) -> list[Remark]:
    """The same of rules in force; they give out nothing at once, and lines tell their order alone.

    Raises:
        Refused: They may not look.
    """
    remarks, _ = await _remarks(installation, account, principal, applied.rules)
    return remarks


async def _remarks(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    rules: bytes | Mapping[str, Any],
) -> tuple[list[Remark], datetime | None]:
    """What there is to look at; and since when leads are counted, if that is less than a week."""
    principal.require("rules")
    now = datetime.now(UTC)
    is_young = account.connected_at > now - WEEK
    inflow = None if is_young else await _inflow(installation, account, now - WEEK)
    async with borrow(installation.pool) as connection:
        targets = await names_of(connection, account.account_id)

    stages, users = stages_of(account), users_of(account)

    def looked_over() -> list[Remark]:
        return look_over(
            rules
            if isinstance(rules, bytes)
            else rules_file.judge_in_force(rules, known_stages=stages, known_users=users),
            at=now,
            timezone=account.timezone,
            known_stages=stages,
            known_users=users,
            inflow=inflow,
            targets=targets,
            circumstances=_circumstances(account),
        )

    remarks = await asyncio.to_thread(looked_over)
    return remarks, account.connected_at if is_young else None


async def _inflow(
    installation: Installation, account: RegisteredAccount, since: datetime
) -> Mapping[Stage, int]:
    async with borrow(installation.pool) as connection:
        return await requests.inflow(connection, account.account_id, since=since)


async def apply(  # noqa: PLR0913 - each says another thing of it
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    text: bytes,
    *,
    base_revision: int | None,
    once: Once,
    assent: Assent,
    asked: Asked | None = None,
    note: str = "",
) -> AppliedRules:
    """Check rules against the account, as a whole, and put them in force.

    Args:
        installation: Where.
        account: Whose.
        principal: Who applies them.
        text: Of the rules file.
        base_revision: The one they were made from, 0 for none; they are refused when another one
            is in force by now. None: whatever is in force.
        once: The key, and how long to wait.
        assent: Who they are, and how many leads they say that the rules move (S32).
        asked: What makes it the same once more; None for the rules themselves.
        note: Why, in their own words.

    Raises:
        RulesRefused: They have problems.
        Refused: They may not, the note cannot be kept, the account refused, they do not say the
            number of leads, or it is held.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require("rules")
    check_reason(note)
    rules = await asyncio.to_thread(draft_of, text, account)
    body = replace(_command(rules, principal, base_revision), note=note.strip())
    asked = asked or {"command": "apply_rules", "rules": body.rules}
    # A repeat of what took effect finds another revision in force, and is the same nevertheless.
    answer = await given_before(installation, account.account_id, principal, once, asked=asked)
    if answer is None:
        await require_assent(
            assent,
            account.account_id,
            what="rules",
            leads=(await _previewed(installation, account, body)).moves,
            asked=asked,
            once=once,
        )
        answer = await give(installation, account.account_id, principal, [body], once, asked=asked)
    await keep_text(installation, account, principal, text, rules)
    return replace(applied_by(answer), rules=len(rules.rules))


def _command(rules: RulesFile, principal: Principal, base_revision: int | None) -> ApplyRules:
    data = rules.model_dump(mode="json", by_alias=True, exclude_unset=True)
    data["trust_webhooks"] = rules.trust_webhooks
    return ApplyRules(rules=data, by=principal.id, base_revision=base_revision)


async def _preview_of(
    installation: Installation, account: RegisteredAccount, principal: Principal, text: bytes
) -> RulesPreview:
    rules = await asyncio.to_thread(draft_of, text, account)
    return await _previewed(installation, account, _command(rules, principal, None))


async def _previewed(
    installation: Installation, account: RegisteredAccount, body: ApplyRules
) -> RulesPreview:
    """What rules come to with the leads that are there; the weeks to come are for what-if."""
    stores = Stores(installation.events, SnapshotStore(installation.pool))
    state = await load(stores, account.account_id)
    at = datetime.now(UTC)
    message = Inbound(account_id=account.account_id, message_id="preview", at=at, body=body)
    # A long backlog takes seconds.
    return await asyncio.to_thread(preview_rules, state, message)


def applied_by(answer: Answer) -> AppliedRules:
    """What an answer tells of the rules that it put in force."""
    applied = next((each for each in answer.events if isinstance(each, RulesApplied)), None)
    return AppliedRules(
        answer=answer,
        revision=applied.revision if applied is not None else None,
        rules=len(applied.rules.get("rules", ())) if applied is not None else 0,
    )


def draft_of(text: bytes, account: RegisteredAccount) -> RulesFile:
    """The rules in a file, which could be put in force.

    Raises:
        RulesRefused: They have problems.
    """
    try:
        return rules_file.load(text, known_stages=stages_of(account), known_users=users_of(account))
    except rules_file.UnusableRules as error:
        raise RulesRefused(error.problems) from error


async def in_force(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> RulesApplied:
    """The rules in force, with who applied them and when.

    Raises:
        Refused: They may not look, or none were ever applied.
    """
    applied = await newest(installation, account, principal)
    if applied is None:
        raise Refused("no_rules")
    return applied


async def newest(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> RulesApplied | None:
    """The same, None if none were ever applied.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow(installation.pool) as connection:
        version = await connection.fetchval(SELECT_RULES, account.account_id)
    if version is None:
        return None
    (recorded,) = await installation.events.stream(account.account_id, version - 1, limit=1)
    event = recorded.event
    assert isinstance(event, RulesApplied), "selected by its name"  # noqa: S101
    return event


async def names_of_rules(
    installation: Installation, account: RegisteredAccount
) -> Mapping[str, str]:
    """What the rules in force are called, by id, of those that have a name.

    Whoever is told of a rule by its id may know its name.
    """
    async with borrow_to_read(installation.pool) as connection:
        return (await readings.named(connection, account.account_id)).names


def stages_of(account: RegisteredAccount) -> dict[Stage, str] | None:
    """The account's stages with names for people, None while they are not known."""
    return stage_titles(account.directory) or None


def _circumstances(account: RegisteredAccount) -> Circumstances:
    stages = [
        (Stage(pipeline["id"], stage["id"]), pipeline, stage)
        for pipeline in account.directory.get("pipelines", [])
        for stage in pipeline["stages"]
    ]
    return Circumstances(
        incoming=frozenset(each for each, _, stage in stages if stage.get("is_incoming")),
        archived=frozenset(each for each, pipeline, _ in stages if pipeline.get("is_archive")),
        left=left_users_of(account),
    )


def left_users_of(account: RegisteredAccount) -> frozenset[int]:
    """Those of the account's users whom Kommo lets in no more."""
    users = account.directory.get("users", [])
    return frozenset(user["id"] for user in users if not user.get("is_active", True))


def users_of(account: RegisteredAccount) -> dict[int, str] | None:
    """The account's users by id, those who left included; None while they are not known."""
    return {user["id"]: user["name"] for user in account.directory.get("users", [])} or None
