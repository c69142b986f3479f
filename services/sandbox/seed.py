"""The account to start with, as a file: the sample, and what differs from it."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from contracts.stage import LOST, WON, Stage
from services.sandbox.catalogue import Widget
from services.sandbox.knobs import Knobs
from services.sandbox.model import (
    INCOMING,
    CrmAccount,
    Pipeline,
    Status,
    Subscription,
    Trigger,
    User,
)
from services.sandbox.oauth import Integration
from services.sandbox.sample import sample_account


class _SeedPart(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UserSeed(_SeedPart):
    """A user."""

    id: int
    name: str
    email: str = ""
    is_admin: bool = False
    is_active: bool = True
    is_free: bool = False
    sees_no_leads: bool = False
    hidden_stages: tuple[tuple[int, int], ...] = ()


class StatusSeed(_SeedPart):
    """A column; won and lost are added by themselves."""

    id: int
    name: str
    is_incoming: bool = False


class PipelineSeed(_SeedPart):
    """A pipeline; the first one is the main one."""

    id: int
    name: str
    statuses: list[StatusSeed] = Field(min_length=1)


class WebhookSeed(_SeedPart):
    """An account webhook."""

    destination: str
    settings: list[str]


class TriggerSeed(_SeedPart):
    """A trigger on a stage."""

    pipeline_id: int
    status_id: int
    url: str
    kind: Literal["plain", "widget"] = "plain"
    settings: dict[str, str] = Field(default_factory=dict)


class IntegrationSeed(_SeedPart):
    """An integration that accounts can install; its widget too, if it has a code."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)
    redirect_uri: str
    uninstall_uri: str | None = None
    name: str = "Integration"
    widget_code: str | None = None


class Seed(_SeedPart):
    """Everything a sandbox can start with; users and pipelines replace the sample's.

    Attributes:
        account_id: By default the sample's.
        has_ids_of_first: Users, pipelines and leads have the ids that those of the first account
            have, for programs with fixed ids; on Kommo those of no two accounts are the same.
        subdomain: The account's; by default the sample's.
        timezone: IANA name of the account's zone, by default the sample's.
        integrations: Of all accounts.
        neighbours: More accounts of the same Kommo; of these `integrations` are not read.
    """

    account_id: int | None = Field(default=None, ge=1)
    has_ids_of_first: bool = False
    subdomain: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,63}$")
    timezone: str | None = None
    integrations: list[IntegrationSeed] = Field(default_factory=list)
    neighbours: list["Seed"] = Field(default_factory=list, max_length=100)

    leads: int = Field(default=0, ge=0, le=200_000)
    users: list[UserSeed] | None = None
    pipelines: list[PipelineSeed] | None = None
    webhooks: list[WebhookSeed] = Field(default_factory=list)
    triggers: list[TriggerSeed] = Field(default_factory=list)
    knobs: Knobs = Field(default_factory=Knobs)


def build(
    seed: Seed, token: str, *, clock: Callable[[], float] = time.time, place: int = 0
) -> CrmAccount:
    """Build one account.

    Args:
        seed: What it starts with.
        token: Of its administrator.
        clock: The time of day.
        place: Which of several accounts of one Kommo.

    Raises:
        ValueError: Leads are asked for, but the sample's Inbox was replaced, or a trigger is on
            no stage, or there is no administrator.
    """
    apart = 0 if seed.has_ids_of_first else place
    account = sample_account(0 if seed.pipelines else seed.leads, token=token, place=apart)
    if seed.account_id is not None:
        account.id = seed.account_id
    if seed.subdomain is not None:
        account.subdomain = seed.subdomain
    if seed.timezone is not None:
        offset = datetime.fromtimestamp(clock(), ZoneInfo(seed.timezone)).isoformat()[-6:]
        account.timezone, account.timezone_offset = seed.timezone, offset
    if seed.pipelines:
        if seed.leads:
            raise ValueError("leads of the sample need the pipelines of the sample")
        account.pipelines = {
            pipeline.id: _pipeline(place, pipeline)
            for place, pipeline in enumerate(seed.pipelines, 1)
        }
    if seed.users:
        account.users = {user.id: User(**user.model_dump()) for user in seed.users}
        if not any(user.is_admin for user in seed.users):
            raise ValueError("an account has at least one administrator")
        account.tokens = {token: account.admin_id()}
    _add_hooks(account, seed, int(clock()))
    return account


def integrations_of(seed: Seed) -> dict[str, Integration]:
    """The integrations by client id."""
    return {
        each.client_id: Integration(**each.model_dump(exclude={"widget_code"}))
        for each in seed.integrations
    }


def add_widgets(account: CrmAccount, seed: Seed) -> None:
    """Offer the integrations' widgets in an account."""
    for each in seed.integrations:
        if each.widget_code is not None:
            account.widgets[each.widget_code] = Widget(
                id=701 + len(account.widgets), code=each.widget_code, client_uuid=each.client_id
            )


def _pipeline(place: int, seed: PipelineSeed) -> Pipeline:
    ordinary = [
        Status(
            id=status.id,
            name=status.name,
            sort=10 * number,
            type=INCOMING if status.is_incoming else 0,
        )
        for number, status in enumerate(seed.statuses, 1)
    ]
    closed = [
        Status(id=WON, name="Closed - won", sort=10_000),
        Status(id=LOST, name="Closed - lost", sort=11_000),
    ]
    return Pipeline(
        id=seed.id,
        name=seed.name,
        sort=place,
        is_main=place == 1,
        statuses=(*ordinary, *closed),
    )


def _add_hooks(account: CrmAccount, seed: Seed, now: int) -> None:
    for webhook in seed.webhooks:
        account.subscriptions[webhook.destination] = Subscription(
            id=account.new_hook_id(),
            destination=webhook.destination,
            settings=tuple(webhook.settings),
            created_at=now,
            updated_at=now,
            created_by=account.admin_id(),
        )
    for trigger in seed.triggers:
        stage = Stage(trigger.pipeline_id, trigger.status_id)
        if not account.has_stage(stage):
            raise ValueError(f"no status {stage.status_id} in pipeline {stage.pipeline_id}")
        trigger_id = account.new_hook_id()
        account.triggers[trigger_id] = Trigger(
            id=trigger_id,
            stage=stage,
            destination=trigger.url,
            kind=trigger.kind,
            settings=trigger.settings,
        )
