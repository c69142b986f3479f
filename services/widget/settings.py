"""The settings page: who is there, who may what, and the switches (D9)."""

import secrets
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, Field

from contracts.rules import ActivitySection
from services.application import pauses
from services.application.commands import Once
from services.application.people.inviting import address_of
from services.application.reasons import CHARACTERS_MAX
from services.application.team import member
from services.application.widget.activity import switch_activity
from services.application.widget.standing import colleagues, myself
from services.web.models import Input, Output
from services.widget.resource import PREFIX
from services.widget.shapes import (
    ActivityShape,
    ManagerShape,
    MeShape,
    manager_shape,
    me_shape,
)
from services.widget.visiting import Visiting, WidgetVisit

router = APIRouter(prefix=PREFIX)

ManagerId = Annotated[int, Path(ge=1, lt=2**53)]


class AccountShape(Output):
    """The account; `rules_revision` is 0 before any rules."""

    id: int
    connected: bool
    zone: str
    rules_revision: int


class LinksShape(Output):
    """Where to go on: the console in a tab, its pages in a frame."""

    console: str
    frame: str


class ScheduleShape(Output):
    """A schedule, by its name in the rules."""

    id: str
    label: str


class SettingsBootstrap(Output):
    """All that the settings page shows."""

    account: AccountShape
    me: MeShape
    activity: ActivityShape
    links: LinksShape
    schedules: list[ScheduleShape]
    managers: list[ManagerShape]


class PauseInWidgetBody(Input):
    """Whom, how long, and why."""

    manager_id: int = Field(ge=1, lt=2**53)
    until: Annotated[AwareDatetime | None, Field(strict=False)] = None
    reason: str = Field(default="", max_length=CHARACTERS_MAX)


class ManagerAnswer(Output):
    """A colleague as they stand now."""

    manager: ManagerShape


class ActivityBody(Input):
    """How it shall be."""

    enabled: bool
    managers_may_change: bool


async def settings_of(visit: WidgetVisit) -> SettingsBootstrap:
    """Everything at once."""
    now = visit.premises.now()
    place = (visit.installation, visit.account, visit.principal)
    found = await colleagues(*place, now=now)
    state = await visit.premises.present.account(visit.account.account_id)
    rules, revision, activity = (
        state.rules_data or {},
        state.revision,
        state.configuration.activity,
    )
    me = await myself(*place, state, role=visit.session.role, now=now)
    return SettingsBootstrap(
        account=AccountShape(
            id=visit.account.account_id,
            connected=visit.account.suspended_at is None,
            zone=visit.account.timezone,
            rules_revision=revision,
        ),
        me=me_shape(me),
        activity=ActivityShape(**activity.model_dump()),
        links=links_of(visit),
        schedules=schedules_of(rules),
        managers=[manager_shape(each) for each in found],
    )


@router.put("/pause", operation_id="pause_in_widget", summary="Pause oneself, or somebody")
async def pause_in_widget(visit: Visiting, body: PauseInWidgetBody) -> ManagerAnswer:
    """They take no leads until then."""
    await pauses.pause(
        visit.installation,
        visit.account,
        visit.principal,
        body.manager_id,
        until=body.until,
        reason=body.reason,
        once=once(),
    )
    return await _standing(visit, body.manager_id)


@router.delete("/pause/{manager_id}", operation_id="resume_in_widget", summary="End a pause")
async def resume_in_widget(visit: Visiting, manager_id: ManagerId) -> ManagerAnswer:
    """They take leads again."""
    await pauses.resume(visit.installation, visit.account, visit.principal, manager_id, once=once())
    return await _standing(visit, manager_id)


@router.put("/activity", operation_id="switch_activity", summary="Say whether people may be paused")
async def put_activity(visit: Visiting, body: ActivityBody) -> ActivityShape:
    """For administrators."""
    state = await visit.premises.present.account(visit.account.account_id)
    await switch_activity(
        visit.installation,
        visit.account,
        visit.principal,
        state,
        ActivitySection(enabled=body.enabled, managers_may_change=body.managers_may_change),
        once=once(),
    )
    return ActivityShape(enabled=body.enabled, managers_may_change=body.managers_may_change)


def once() -> Once:
    """A key that nobody used, for what says how things shall be (A5)."""
    return Once(key=f"once-{secrets.token_hex(16)}")


def links_of(visit: WidgetVisit) -> LinksShape:
    """Where to go on."""
    address, account_id = address_of(visit.installation), visit.account.account_id
    return LinksShape(
        console=f"{address}/a/{account_id}",
        frame=f"{address}{PREFIX}/frame?account={quote(str(account_id))}",
    )


def schedules_of(rules: dict[str, object]) -> list[ScheduleShape]:
    """The schedules of the rules in force."""
    named = rules.get("schedules")
    names = named if isinstance(named, dict) else {}
    return [ScheduleShape(id=each, label=each.replace("_", " ")) for each in names]


async def _standing(visit: WidgetVisit, manager_id: int) -> ManagerAnswer:
    found = await member(
        visit.installation,
        visit.account,
        visit.principal,
        manager_id,
        now=visit.premises.now(),
    )
    return ManagerAnswer(manager=manager_shape(found))
