"""Orders of the control API about triggers and account webhooks."""

from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.stage import Stage
from services.sandbox.crm import Crm
from services.sandbox.journal import redacted
from services.sandbox.model import Trigger
from services.sandbox.orders import ControlProblem, Order, answered, need_stage, routes_of


class TriggerOrder(Order):
    """A trigger to put on a stage."""

    pipeline_id: int
    status_id: int
    url: str = Field(pattern=r"^https?://[^/\s]+")
    kind: Literal["plain", "widget"] = "plain"
    settings: dict[str, str] = Field(default_factory=dict)
    fire_for_present: bool = False


def hook_orders(crm: Crm) -> list[Route]:
    """The routes."""
    board = _HookBoard(crm)
    return routes_of(
        {
            "/sandbox/triggers": {"GET": board.triggers, "POST": board.add_trigger},
            "/sandbox/triggers/{trigger_id:int}": {
                "PUT": board.replace_trigger,
                "DELETE": board.delete_trigger,
            },
            "/sandbox/webhooks": {"GET": board.webhooks},
            "/sandbox/webhooks/disable": {"POST": board.disable_webhooks},
            "/sandbox/webhooks/enable": {"POST": board.enable_webhooks},
            "/sandbox/webhooks/{webhook_id:int}/enable": {"POST": board.enable_webhook},
        }
    )


class _HookBoard:
    """The endpoints."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def triggers(self, _: Request) -> Response:
        """List the triggers, their secret paths left out."""
        return answered(
            {
                "triggers": [
                    {
                        "id": trigger.id,
                        "pipeline_id": trigger.stage.pipeline_id,
                        "status_id": trigger.stage.status_id,
                        "url": redacted(trigger.destination),
                        "kind": trigger.kind,
                        "settings": dict(trigger.settings),
                    }
                    for trigger in self._crm.account.triggers.values()
                ]
            }
        )

    async def add_trigger(self, request: Request) -> Response:
        """Put a trigger on a stage."""
        order = TriggerOrder.model_validate_json(await request.body())
        trigger = self._trigger(self._crm.account.new_hook_id(), order)
        self._crm.add_trigger(trigger, fire_for_present=order.fire_for_present)
        return answered({"id": trigger.id}, 201)

    async def replace_trigger(self, request: Request) -> Response:
        """Change a trigger."""
        order = TriggerOrder.model_validate_json(await request.body())
        trigger = self._trigger(self._known_trigger_id(request), order)
        self._crm.add_trigger(trigger, fire_for_present=order.fire_for_present)
        return answered({"id": trigger.id})

    async def delete_trigger(self, request: Request) -> Response:
        """Take a trigger off its stage."""
        trigger_id = self._known_trigger_id(request)
        del self._crm.account.triggers[trigger_id]
        return answered({"id": trigger_id})

    def _trigger(self, trigger_id: int, order: TriggerOrder) -> Trigger:
        stage = Stage(order.pipeline_id, order.status_id)
        need_stage(self._crm, stage)
        return Trigger(
            id=trigger_id,
            stage=stage,
            destination=order.url,
            kind=order.kind,
            settings=order.settings,
        )

    def _known_trigger_id(self, request: Request) -> int:
        trigger_id: int = request.path_params["trigger_id"]
        if trigger_id not in self._crm.account.triggers:
            raise ControlProblem(f"no trigger {trigger_id}")
        return trigger_id

    async def webhooks(self, _: Request) -> Response:
        """List the account webhooks, their secret paths left out."""
        return answered(
            {
                "webhooks": [
                    {
                        "id": subscription.id,
                        "destination": redacted(subscription.destination),
                        "settings": list(subscription.settings),
                        "disabled": subscription.disabled,
                    }
                    for subscription in self._crm.account.subscriptions.values()
                ]
            }
        )

    async def disable_webhooks(self, _: Request) -> Response:
        """Switch all webhooks off, as Kommo does after too many bad answers."""
        return self._switched(is_disabled=True)

    async def enable_webhooks(self, _: Request) -> Response:
        """Press Save in the settings of all webhooks."""
        return self._switched(is_disabled=False)

    def _switched(self, *, is_disabled: bool) -> Response:
        switched = 0
        for subscription in self._crm.account.subscriptions.values():
            switched += subscription.disabled is not is_disabled
            if is_disabled:
                subscription.disabled = True
            else:
                self._crm.deliveries.forgive(subscription)
        return answered({"changed": switched})

    async def enable_webhook(self, request: Request) -> Response:
        """Press Save in the settings of a webhook that was switched off."""
        webhook_id: int = request.path_params["webhook_id"]
        for subscription in self._crm.account.subscriptions.values():
            if subscription.id == webhook_id:
                self._crm.deliveries.forgive(subscription)
                return answered({"id": webhook_id})
        raise ControlProblem(f"no webhook {webhook_id}")
