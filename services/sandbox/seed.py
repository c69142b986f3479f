"""The account to start with, as a file: the sample, and what differs from it."""

import time
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.stage import LOST, WON, Stage
from services.sandbox.knobs import Knobs
from services.sandbox.model import (
    INCOMING,
    Account,
    Pipeline,
    Status,
    Subscription,
    Trigger,
    User,
)
from services.sandbox.sample import sample_account


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UserSeed(_Part):
    """A user."""

    id: int
    name: str
    email: str = ""
    is_admin: bool = False
    is_active: bool = True
    is_free: bool = False


class StatusSeed(_Part):
    """A column; won and lost are added by themselves."""

    id: int
    name: str
    is_incoming: bool = False


class PipelineSeed(_Part):
    """A pipeline; the first one is the main one."""

    id: int
    name: str
    statuses: list[StatusSeed] = Field(min_length=1)


class WebhookSeed(_Part):
    """An account webhook."""

    destination: str
    settings: list[str]


class TriggerSeed(_Part):
    """A trigger on a stage."""

    pipeline_id: int
    status_id: int
    url: str
    kind: Literal["plain", "widget"] = "plain"
    settings: dict[str, str] = Field(default_factory=dict)


class Seed(_Part):
    """Everything a sandbox can start with; users and pipelines replace the sample's."""

    leads: int = Field(default=0, ge=0, le=200_000)
    users: list[UserSeed] | None = None
    pipelines: list[PipelineSeed] | None = None
    webhooks: list[WebhookSeed] = Field(default_factory=list)
    triggers: list[TriggerSeed] = Field(default_factory=list)
    knobs: Knobs = Field(default_factory=Knobs)


def build(seed: Seed, token: str, *, clock: Callable[[], float] = time.time) -> Account:
    """Build the account.

    Raises:
        ValueError: Leads are asked for, but the sample's Inbox was replaced, or a trigger is on
            no stage, or there is no administrator.
    """
    account = sample_account(0 if seed.pipelines else seed.leads, token=token)
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


def _add_hooks(account: Account, seed: Seed, now: int) -> None:
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
