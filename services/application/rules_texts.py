"""The text of rules that were applied, with the comments that somebody wrote into it (W4.4)."""

import asyncio

from contracts.events import RulesApplied
from contracts.rules import RulesFile
from services.application.installation import Installation
from services.application.principal import Principal
from services.rules_file.amending import Unamendable, amended
from services.rules_file.file import UnusableRules, dump, load
from services.rules_file.yaml import read
from services.storage.accounts import RegisteredAccount
from services.storage.rules_texts import RulesTexts

# Of a draft, which such a text becomes.
BYTES_MAX = 262_144


async def keep_text(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    text: bytes,
    rules: RulesFile,
) -> None:
    """Keep a text whose rules are in force; JSON has nothing that the event does not keep.

    One that is too long for a draft is not kept either.

    Raises:
        services.shared.errors.Unavailable: It is not kept.
    """
    content = text.decode("utf-8-sig").replace("\r\n", "\n")
    if content.lstrip().startswith("{") or len(text) > BYTES_MAX:
        return
    plain = await asyncio.to_thread(dump, rules)
    await RulesTexts(installation.pool).keep(
        account.account_id, plain=plain, content=content, by=principal.id
    )


async def text_of(
    installation: Installation, account: RegisteredAccount, applied: RulesApplied
) -> str:
    """The rules of a revision as somebody wrote them.

    What changed without a text, such as by a trigger of the widget, is changed in the last one;
    without any there are no comments.
    """
    plain = await asyncio.to_thread(dump, applied.rules)
    kept = await RulesTexts(installation.pool).nearest(account.account_id, plain)
    if kept is None:
        return plain
    text, is_same = kept
    return text if is_same else await asyncio.to_thread(_brought_to, text, plain)


def _brought_to(text: str, plain: str) -> str:
    """The text with what a plain one says; that one if it cannot be changed in place."""
    try:
        changed = amended(text, read(plain).data)
        return changed if dump(load(changed)) == plain else plain
    except (UnusableRules, Unamendable):
        return plain
