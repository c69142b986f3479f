"""Rules that somebody works on before they are put in force; whoever changes them sees the last."""

from hashlib import blake2b

from services.application.commands import Asked, Once, given_before
from services.application.confirmation import Assent
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.rules import AppliedRules, applied_by, apply, newest
from services.application.rules_texts import BYTES_MAX
from services.storage.accounts import RegisteredAccount
from services.storage.rules_drafts import PER_ACCOUNT_MAX, RulesDraft, RulesDrafts

NAME_MAX = 100


async def drafts(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> list[RulesDraft]:
    """Those of an account, the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("rules")
    return await RulesDrafts(installation.pool).of_account(account.account_id)


async def draft(
    installation: Installation, account: RegisteredAccount, principal: Principal, draft_id: str
) -> RulesDraft:
    """One of them.

    Raises:
        Refused: They may not look, or there is none of that id.
    """
    principal.require("rules")
    found = await RulesDrafts(installation.pool).get(account.account_id, draft_id)
    if found is None:
        raise Refused("draft_unknown")
    return found


async def make(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    name: str,
    text: str,
    base_revision: int | None,
    once: Once,
) -> tuple[RulesDraft, bool]:
    """A new draft, and whether it was not made under this key before.

    Args:
        installation: Where.
        account: Whose.
        principal: Who makes it.
        name: By which people know it.
        text: The rules, which may have problems yet.
        base_revision: The one in force that it is made from, 0 for none; None for the newest.
        once: The key; what is kept is the draft, so that nothing is waited for.

    Raises:
        Refused: They may not, the name or the text cannot be kept, there are too many, or another
            draft was made under this key.
    """
    principal.require("rules")
    _check(name, text)
    stored = RulesDrafts(installation.pool)
    draft_id = _id_of(account.account_id, principal, once)
    before = await stored.get(account.account_id, draft_id)
    if before is not None and before.edition == 1 and (before.name, before.content) != (name, text):
        raise Refused("key_reused")
    if before is not None:
        return before, False
    if base_revision is None:
        in_force = await newest(installation, account, principal)
        base_revision = 0 if in_force is None else in_force.revision
    made = await stored.add(
        account.account_id,
        draft_id,
        name=name,
        base_revision=base_revision,
        content=text,
        by=principal.id,
    )
    if made is not None:
        return made, True
    same = await stored.get(account.account_id, draft_id)  # somebody came first with the same key
    if same is None:
        raise Refused("too_many_drafts", limit=PER_ACCOUNT_MAX)
    return same, False


async def change(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    draft_id: str,
    *,
    edition: int,
    name: str,
    text: str,
    base_revision: int | None,
) -> RulesDraft:
    """The next edition of a draft.

    Args:
        installation: Where.
        account: Whose.
        principal: Who changes it.
        draft_id: Which.
        edition: The one that they saw.
        name: By which people know it from now on.
        text: The rules from now on.
        base_revision: The one in force that it was brought up to; None for as before.

    Raises:
        Refused: They may not, there is no such draft, somebody else changed it, or the name or
            the text cannot be kept.
    """
    found = await draft(installation, account, principal, draft_id)
    _check(name, text)
    changed = await RulesDrafts(installation.pool).change(
        account.account_id,
        draft_id,
        edition=edition,
        name=name,
        base_revision=found.base_revision if base_revision is None else base_revision,
        content=text,
        by=principal.id,
    )
    if changed is None:
        raise await _moved(installation, account, principal, draft_id)
    return changed


async def drop(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    draft_id: str,
    *,
    edition: int,
) -> None:
    """Forget a draft.

    Raises:
        Refused: They may not, there is no such draft, or somebody else changed it.
    """
    await draft(installation, account, principal, draft_id)
    stored = RulesDrafts(installation.pool)
    if not await stored.drop(account.account_id, draft_id, edition=edition):
        raise await _moved(installation, account, principal, draft_id)


async def put_in_force(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    draft_id: str,
    *,
    edition: int,
    once: Once,
    assent: Assent,
    note: str = "",
) -> AppliedRules:
    """Apply a draft, unless other rules came in force since; once they are in force it is gone.

    Raises:
        services.application.rules.RulesRefused: It has problems.
        Refused: They may not, there is no such draft, somebody else changed it, or other rules
            are in force than it was made from; they do not say the number of leads, or it is held.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require("rules")
    asked: Asked = {"command": "apply_draft", "draft": draft_id, "edition": edition}
    before = await given_before(installation, account.account_id, principal, once, asked=asked)
    if before is not None:
        applied = applied_by(before)
    else:
        found = await draft(installation, account, principal, draft_id)
        if found.edition != edition:
            raise await _moved(installation, account, principal, draft_id)
        applied = await apply(
            installation,
            account,
            principal,
            found.content.encode(),
            base_revision=found.base_revision,
            once=once,
            assent=assent,
            asked=asked,
            note=note,
        )
    if applied.answer.effect in {"done", "unchanged"}:
        await RulesDrafts(installation.pool).drop(account.account_id, draft_id, edition=edition)
    return applied


def _id_of(account_id: int, principal: Principal, once: Once) -> str:
    """It follows from the key, so that the same key makes the same draft."""
    named = f"{account_id}\0{principal.id}\0{once.key}".encode()
    return f"draft-{blake2b(named, digest_size=8).hexdigest()}"


async def _moved(
    installation: Installation, account: RegisteredAccount, principal: Principal, draft_id: str
) -> Refused:
    """How it is said that somebody else was faster."""
    found = await draft(installation, account, principal, draft_id)
    return Refused(
        "draft_moved", edition=found.edition, principal=found.changed_by, at=found.changed_at
    )


def _check(name: str, text: str) -> None:
    if not name.strip() or len(name) > NAME_MAX or not name.isprintable():
        raise Refused("draft_name_unusable", limit=NAME_MAX)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise Refused("draft_text_unusable", limit=BYTES_MAX) from error
    if size > BYTES_MAX or "\0" in text:
        raise Refused("draft_text_unusable", limit=BYTES_MAX)
