"""A draft that somebody works on: its text, what is wrong with it, who works on others."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any

from fastapi import Form, Path

from contracts.sentences import sentence
from domain.rules_preview import RulesPreview
from services.application import rules, rules_drafts
from services.console.moments import Moment, moment
from services.console.names import person_of
from services.console.rules.fields import ACCOUNT, KIND_SECTION, SECTIONS, SHARE
from services.console.rules.forms import Placed
from services.console.rules.views import RemarkView, Shower, remark_views
from services.console.seeing import SeeingAccount
from services.rules_file.amending import Unamendable, amended
from services.rules_file.yaml import Document, descend, read
from services.storage.database import borrow
from services.storage.rules_drafts import RulesDraft
from services.storage.webhook_targets import names_of
from services.web.problems import HttpProblem

# Whoever changed a draft so lately works on it.
LATELY = timedelta(minutes=10)

DraftId = Annotated[str, Path(pattern="^draft-[0-9a-f]{16}$")]
Edition = Annotated[int, Form(ge=1, le=2**31 - 1)]
RuleNumber = Annotated[int, Path(ge=0, le=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDraft:
    """A draft of somebody else.

    Attributes:
        by: Who changed it last.
        is_now: They work on it.
    """

    name: str
    href: str
    by: str
    at: Moment
    is_now: bool


@dataclass(frozen=True, kw_only=True)
class Work:
    """A draft as it is now.

    Attributes:
        preview: What it would come to with the leads that are there; None if nobody looked.
    """

    who: SeeingAccount
    draft: RulesDraft
    document: Document
    remarks: list[RemarkView]
    targets: tuple[str, ...]
    preview: RulesPreview | None = None

    @property
    def href(self) -> str:
        """Where its pages begin."""
        return f"{self.who.base}/rules/drafts/{self.draft.draft_id}"

    @property
    def rules(self) -> list[Any]:
        """Its rules, whatever they are."""
        found = self.document.at(("rules",))
        return found if isinstance(found, list) else []

    @property
    def is_readable(self) -> bool:
        """Whether forms can change it."""
        return not self.document.flaws and isinstance(self.document.data, dict)

    @property
    def problems(self) -> list[RemarkView]:
        """What keeps it from being put in force."""
        return [each for each in self.remarks if each.severity == "problem"]

    @property
    def warnings(self) -> list[RemarkView]:
        """What wants a tick."""
        return [each for each in self.remarks if each.severity == "warning"]

    @cached_property
    def shower(self) -> Shower:
        """Makes its sections ready for a page."""
        return Shower(
            who=self.who, document=self.document, remarks=self.remarks, targets=self.targets
        )

    def sections_of(self, number: int) -> list[Placed]:
        """The sections of one rule, those of its ledger included.

        Raises:
            HttpProblem: There is no such rule.
        """
        if not 0 <= number < len(self.rules):
            raise HttpProblem("not-found")
        ledger = descend(self.document.data, ("rules", number, "ledger"))
        name = str(ledger) if ledger is not None else "account"
        placed: list[Placed] = [(section, ("rules", number)) for section in SECTIONS]
        after = SECTIONS.index(SHARE) + 1
        return [*placed[:after], (KIND_SECTION, ("ledgers", name)), *placed[after:]]

    def sections_of_all(self) -> list[Placed]:
        """The sections that are about all rules."""
        return [(ACCOUNT, ())]


async def opened(who: SeeingAccount, draft_id: str, *, is_previewed: bool = False) -> Work:
    """A draft to work on.

    Raises:
        Refused: They may not, or there is none of that id.
    """
    found = await rules_drafts.draft(who.installation, who.account, who.principal, draft_id)
    return await looked_over(who, found, is_previewed=is_previewed)


async def looked_over(who: SeeingAccount, draft: RulesDraft, *, is_previewed: bool = False) -> Work:
    """The same for one that is at hand."""
    text = draft.content
    document = await asyncio.to_thread(read, text)
    checked = await rules.check(
        who.installation, who.account, who.principal, text.encode(), is_previewed=is_previewed
    )
    async with borrow(who.installation.pool) as connection:
        targets = await names_of(connection, who.account.account_id)
    return Work(
        who=who,
        draft=draft,
        document=document,
        remarks=remark_views(who, checked.remarks),
        targets=targets,
        preview=checked.preview,
    )


async def saved(work: Work, edition: int, wanted: Mapping[str, Any]) -> Work:
    """The draft with other data, if nobody else changed it since that edition.

    Raises:
        Refused: They may not, or somebody did.
        HttpProblem: The text can be changed in an editor alone.
    """
    try:
        text = await asyncio.to_thread(amended, work.draft.content, wanted)
    except Unamendable as error:
        told = work.who.words.say(sentence("console.rules.editor_only"))
        raise HttpProblem("unprocessable", told) from error
    return await saved_text(work, edition, text)


async def saved_text(work: Work, edition: int, text: str) -> Work:
    """The same with another text; one that is the same is no edition."""
    if edition == work.draft.edition and text == work.draft.content:
        return work
    changed = await rules_drafts.change(
        work.who.installation,
        work.who.account,
        work.who.principal,
        work.draft.draft_id,
        edition=edition,
        name=work.draft.name,
        text=text,
        base_revision=None,
    )
    return await looked_over(work.who, changed)


async def own_draft(who: SeeingAccount) -> RulesDraft | None:
    """The newest that whoever looks has made."""
    found = await rules_drafts.drafts(who.installation, who.account, who.principal)
    return next((each for each in found[::-1] if each.made_by == who.principal.id), None)


async def others(who: SeeingAccount, *, but: str = "") -> list[OtherDraft]:
    """The drafts beside one, the last changed first."""
    found = await rules_drafts.drafts(who.installation, who.account, who.principal)
    found = sorted(found, key=lambda each: each.changed_at, reverse=True)
    return [await _other(who, each, who.now) for each in found if each.draft_id != but]


async def _other(who: SeeingAccount, draft: RulesDraft, now: datetime) -> OtherDraft:
    is_own = draft.changed_by == who.principal.id
    return OtherDraft(
        name=draft.name,
        href=f"{who.base}/rules/drafts/{draft.draft_id}",
        by=await person_of(who, draft.changed_by),
        at=moment(who, draft.changed_at),
        is_now=not is_own and now - draft.changed_at < LATELY,
    )
