"""Schedules as somebody sees or changes them: of their draft of the rules, or those in force."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from contracts.events import RulesApplied
from contracts.rules import RulesFile, ScheduleSection
from contracts.sentences import sentence
from services.application import rules, rules_drafts
from services.application.commands import Once
from services.application.rules import stages_of, users_of
from services.application.rules_texts import text_of
from services.application.schedule_edits import schedule_in, schedules_in
from services.console.rules.work import own_draft
from services.console.seeing import SeeingAccount
from services.rules_file.amending import EMPTY, Unamendable, amended
from services.rules_file.file import Problem, dump, judge, judge_in_force
from services.storage.rules_drafts import RulesDraft
from services.web.problems import HttpProblem


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rules that somebody looks at.

    Attributes:
        draft: Their own, that they look at and change; None for the rules in force.
        applied: The rules in force; None before the first.
        data: Whatever is in it.
        file: The rules without what cannot be used; None if too little is left.
        problems: Of all of it.
    """

    who: SeeingAccount
    draft: RulesDraft | None
    applied: RulesApplied | None
    data: Mapping[str, Any]
    file: RulesFile | None
    problems: list[Problem]
    is_readable: bool

    @property
    def revision(self) -> int:
        """Of the rules in force, or that the draft was made from; 0 for none."""
        if self.draft is not None:
            return self.draft.base_revision
        return 0 if self.applied is None else self.applied.revision

    @property
    def text(self) -> str:
        """Of all of it; writing that of the rules in force takes a moment."""
        if self.draft is not None:
            return self.draft.content
        return EMPTY if self.applied is None else dump(self.applied.rules)

    @property
    def may_change(self) -> bool:
        """Whether whoever looks may."""
        return self.who.principal.may("rules") and self.is_readable

    @property
    def edition(self) -> int:
        """Of the draft; 0 for none."""
        return 0 if self.draft is None else self.draft.edition

    @property
    def draft_href(self) -> str:
        """Where the draft is looked over and applied."""
        return "" if self.draft is None else f"{self.who.base}/rules/drafts/{self.draft.draft_id}"

    @property
    def names(self) -> list[str]:
        """Of its schedules, in its order."""
        return [*schedules_in(self.data)]

    @cached_property
    def zone_name(self) -> str:
        """Of whoever has none of their own."""
        zone = self.data.get("timezone")
        return zone if isinstance(zone, str) and self.file else self.who.account.timezone

    def section(self, name: str) -> ScheduleSection | None:
        """A schedule; None while it has problems.

        Raises:
            Refused: There is none of that name.
        """
        if any(each.field.startswith(f"schedules.{name}") for each in self.problems):
            return None
        try:
            return ScheduleSection.model_validate(schedule_in(self.data, name))
        except ValidationError:
            return None

    def users_of(self, name: str) -> list[int]:
        """Whoever takes leads or has duty on a schedule in any rule, by id."""
        if self.file is None:
            return []
        is_default = self.file.default_schedule == name
        found: set[int] = set()
        for rule in self.file.rules:
            if not rule.participants and is_default:
                found |= {*(users_of(self.who.account) or {})}
            for part in rule.participants:
                if part.schedule == name or (part.schedule is None and is_default):
                    found.add(part.manager)
            for entry in rule.duty.rota or () if rule.duty else ():
                if entry.schedule == name:
                    found.add(entry.manager)
        return sorted(found)


async def plan_of(who: SeeingAccount) -> Plan:
    """What they look at: their newest draft if they have one, else the rules in force."""
    draft = await own_draft(who) if who.principal.may("rules") else None
    applied = await rules.newest(who.installation, who.account, who.principal)
    return await asyncio.to_thread(_read, who, draft, applied)


async def changed(plan: Plan, *, edition: int, wanted: Mapping[str, Any], key: str) -> RulesDraft:
    """Their draft with other data; one is made if they have none.

    Args:
        plan: What they looked at when they were asked last.
        edition: Of the draft that they saw; 0 for none.
        wanted: The data.
        key: Of the form.

    Raises:
        Refused: They may not, or the draft is another one by now.
        HttpProblem: The text can be changed in an editor alone.
    """
    who = plan.who
    who.require("rules")
    text = await _amended(plan, wanted)
    if plan.draft is None:
        made, _ = await rules_drafts.make(
            who.installation,
            who.account,
            who.principal,
            name=who.words.say(sentence("console.schedules.draft_name", at=who.now)),
            text=text,
            base_revision=plan.revision,
            once=Once(key=key),
        )
        return made
    return await rules_drafts.change(
        who.installation,
        who.account,
        who.principal,
        plan.draft.draft_id,
        edition=edition,
        name=plan.draft.name,
        text=text,
        base_revision=None,
    )


async def _amended(plan: Plan, wanted: Mapping[str, Any]) -> str:
    """The text with other data, in the words of whoever wrote it if it can be."""
    who = plan.who
    if plan.draft is None and plan.applied is not None:
        written = await text_of(who.installation, who.account, plan.applied)
        with suppress(Unamendable):
            return await asyncio.to_thread(amended, written, wanted)
    try:
        return await asyncio.to_thread(lambda: amended(plan.text, wanted))
    except Unamendable as error:
        told = who.words.say(sentence("console.schedules.editor_only"))
        raise HttpProblem("unprocessable", told) from error


def _read(who: SeeingAccount, draft: RulesDraft | None, applied: RulesApplied | None) -> Plan:
    stages, users = stages_of(who.account), users_of(who.account)
    if draft is None and applied is not None:
        judged = judge_in_force(applied.rules, known_stages=stages, known_users=users)
    else:
        text = EMPTY if draft is None else draft.content
        judged = judge(text, known_stages=stages, known_users=users)
    data = judged.document.data
    is_readable = not judged.document.flaws and isinstance(data, dict)
    return Plan(
        who=who,
        draft=draft,
        applied=applied,
        data=data if is_readable else {},
        file=judged.usable,
        problems=judged.problems,
        is_readable=is_readable,
    )
