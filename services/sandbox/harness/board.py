"""The pipelines as a board: which triggers of the widget are on their stages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from contracts.stage import CLOSED_STATUSES, Stage
from services.sandbox.harness.setting import Harness
from services.sandbox.model import Pipeline, Trigger
from services.sandbox.orders import Order, need_stage


class _TriggerDraft(Order):
    id: int | None = None
    status_id: int
    settings: dict[str, str]


class BoardOrder(Order):
    """All triggers of the widget on the stages of a pipeline, as they are to be from now on."""

    triggers: list[_TriggerDraft] = Field(max_length=200)


def on_board(harness: Harness, pipeline_id: int) -> list[Trigger]:
    """The widget's triggers in a pipeline."""
    return [
        each
        for each in harness.crm.account.triggers.values()
        if each.kind == "widget" and each.stage.pipeline_id == pipeline_id
    ]


def save(harness: Harness, pipeline_id: int, order: BoardOrder) -> None:
    """Put the triggers of an order in the place of those that were there.

    Raises:
        ControlProblem: One is on no stage.
    """
    account = harness.crm.account
    for each in order.triggers:
        need_stage(harness.crm, Stage(pipeline_id, each.status_id))
    for trigger in on_board(harness, pipeline_id):
        del account.triggers[trigger.id]
    for each in order.triggers:
        stage = Stage(pipeline_id, each.status_id)
        trigger_id = account.new_hook_id() if each.id is None else each.id
        account.triggers[trigger_id] = _trigger(harness, trigger_id, stage, each.settings)


def copy(harness: Harness, pipeline_id: int) -> Pipeline:
    """Make a pipeline like another one; its triggers have the same settings to the letter."""
    account, old = harness.crm.account, harness.crm.account.pipelines[pipeline_id]
    ids = {
        each.id: each.id if each.id in CLOSED_STATUSES else account.new_status_id()
        for each in old.statuses
    }
    new = replace(
        old,
        id=max(account.pipelines) + 1,
        name=f"{old.name} (copy)",
        sort=max(each.sort for each in account.pipelines.values()) + 1,
        is_main=False,
        statuses=tuple(replace(each, id=ids[each.id]) for each in old.statuses),
    )
    account.pipelines[new.id] = new
    for trigger in on_board(harness, pipeline_id):
        trigger_id = account.new_hook_id()
        stage = Stage(new.id, ids[trigger.stage.status_id])
        account.triggers[trigger_id] = _trigger(harness, trigger_id, stage, trigger.settings)
    return new


def _trigger(
    harness: Harness, trigger_id: int, stage: Stage, settings: Mapping[str, str]
) -> Trigger:
    return Trigger(
        id=trigger_id,
        stage=stage,
        destination=harness.destination(),
        kind="widget",
        settings=dict(settings),
    )


def drawn(harness: Harness, pipeline_id: int) -> list[dict[str, Any]]:
    """The triggers of a pipeline as the board draws them."""
    return [
        {"id": each.id, "status_id": each.stage.status_id, "settings": dict(each.settings)}
        for each in on_board(harness, pipeline_id)
    ]
