"""Orders of the control API about integrations, and the page that asks for consent."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Final

import httpx
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.catalogue import Widget
from services.sandbox.consent import consent_page, consented, granted
from services.sandbox.crm import Crm
from services.sandbox.oauth import Integration
from services.sandbox.one_time import one_time_token
from services.sandbox.orders import ControlProblem, Order, answered
from services.sandbox.tokens import uninstall_signature

# Kommo's own limit for the call that tells of an installation: it is never repeated.
_TELL_S: Final = 3.0
_AGENT: Final = {"User-Agent": "amoService-oAuth-Code-Sender/1.0"}
_DAY_S: Final = 86_400


class _Integration(Order):
    client_id: str = Field(default_factory=lambda: str(uuid.uuid4()), min_length=1)
    client_secret: str = Field(default_factory=lambda: secrets.token_urlsafe(48), min_length=1)
    redirect_uri: str = Field(pattern=r"^https?://[^/\s]+")
    uninstall_uri: str | None = Field(default=None, pattern=r"^https?://[^/\s]+")
    name: str = "Integration"
    widget_code: str | None = None


class _ForUser(Order):
    user_id: int | None = None


class _LongLived(_ForUser):
    client_id: str
    days: int = Field(default=365, ge=1, le=5 * 365)


class _Rename(Order):
    subdomain: str = Field(pattern=r"^[a-z0-9-]{1,63}$")


def integration_routes(crm: Crm) -> list[Route]:
    """The routes of one account; the integrations are those of all."""
    orders = _Orders(crm)
    one = "/sandbox/integrations/{client_id}"
    return [
        Route("/oauth", orders.ask, methods=["GET"]),
        Route("/oauth", orders.decide, methods=["POST"]),
        Route("/sandbox/integrations", orders.register, methods=["POST"]),
        Route(f"{one}/code", orders.code, methods=["POST"]),
        Route(f"{one}/install", orders.install, methods=["POST"]),
        Route(f"{one}/uninstall", orders.uninstall, methods=["POST"]),
        Route(f"{one}/one-time-token", orders.one_time_token, methods=["POST"]),
        Route("/sandbox/tokens", orders.long_lived, methods=["POST"]),
        Route("/sandbox/tokens/expire", orders.expire, methods=["POST"]),
        Route("/sandbox/subdomain", orders.rename, methods=["POST"]),
    ]


class _Orders:
    """The endpoints."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def ask(self, request: Request) -> Response:
        """Show a person what they are asked for."""
        return consent_page(self._crm, request.query_params)

    async def decide(self, request: Request) -> Response:
        """Take their answer."""
        async with request.form() as form:
            return consented(self._crm, form)

    async def register(self, request: Request) -> Response:
        """Make an integration, with a widget if it has a code; the answer tells its secret."""
        order = _Integration.model_validate_json(await request.body())
        fields = order.model_dump(exclude={"widget_code"})
        self._crm.oauth.integrations[order.client_id] = Integration(**fields)
        if order.widget_code is not None:
            widgets = self._crm.account.widgets
            widgets[order.widget_code] = Widget(
                id=701 + len(widgets), code=order.widget_code, client_uuid=order.client_id
            )
        told = {"client_id": order.client_id, "client_secret": order.client_secret}
        return answered(told, 201)

    async def code(self, request: Request) -> Response:
        """Consent as an administrator without the page; what the redirect would carry."""
        integration, user_id = self._known(request), await self._user_id(request)
        return answered(granted(self._crm, integration, user_id), 201)

    async def install(self, request: Request) -> Response:
        """Install the widget: the integration gets its code from server to server, once."""
        integration, user_id = self._known(request), await self._user_id(request)
        params = {**granted(self._crm, integration, user_id), "from_widget": "1"}
        return answered({"status": await _told(integration.redirect_uri, params)})

    async def uninstall(self, request: Request) -> Response:
        """Disable the integration: its tokens are dead, and it is told with a signature."""
        integration, account_id = self._known(request), self._crm.account.id
        self._crm.oauth.disable(integration.client_id, account_id)
        if integration.uninstall_uri is None:
            return answered({"status": None})
        signature = uninstall_signature(
            integration.client_id, account_id, integration.client_secret
        )
        params = {
            "client_uuid": integration.client_id,
            "account_id": str(account_id),
            "signature": signature,
        }
        return answered({"status": await _told(integration.uninstall_uri, params)})

    async def one_time_token(self, request: Request) -> Response:
        """Make the token that the widget's requests to its own server carry."""
        integration, user_id = self._known(request), await self._user_id(request)
        origin = f"https://{self._crm.account.subdomain}.kommo.com"
        token = one_time_token(self._crm, integration, user_id, origin=origin)
        return answered({"token": token}, 201)

    async def long_lived(self, request: Request) -> Response:
        """Make a long-lived token of a private integration; it is shown once."""
        order = _LongLived.model_validate_json(await request.body())
        if order.client_id not in self._crm.oauth.integrations:
            raise ControlProblem("no such integration")
        user_id = self._person(order.user_id)
        now = self._crm.clock.second()
        token = self._crm.oauth.long_lived(
            self._crm.account,
            order.client_id,
            user_id,
            now=now,
            expires_at=now + order.days * _DAY_S,
        )
        return answered({"token": token}, 201)

    async def expire(self, request: Request) -> Response:
        """Let every access token of the account that can be renewed be too old from now on."""
        Order.model_validate_json(await request.body())
        return answered({"expired": self._crm.oauth.expire_all(self._crm.account.id)})

    async def rename(self, request: Request) -> Response:
        """Give the account another subdomain; its old host is nobody's then."""
        order = _Rename.model_validate_json(await request.body())
        taken = {account.subdomain for account in self._crm.neighbours.values()}
        if order.subdomain in taken:
            raise ControlProblem(f"{order.subdomain} is taken")
        self._crm.account.subdomain = order.subdomain
        return answered({"subdomain": order.subdomain})

    def _known(self, request: Request) -> Integration:
        integration = self._crm.oauth.integrations.get(request.path_params["client_id"])
        if integration is None:
            raise ControlProblem("no such integration")
        return integration

    async def _user_id(self, request: Request) -> int:
        return self._person(_ForUser.model_validate_json(await request.body() or b"{}").user_id)

    def _person(self, user_id: int | None) -> int:
        if user_id is None:
            return self._crm.account.admin_id()
        if user_id not in self._crm.account.users:
            raise ControlProblem(f"no user {user_id}")
        return user_id


async def _told(address: str, params: Mapping[str, str]) -> int | None:
    """Tell an integration something, once; the status of its answer, or None for none."""
    try:
        async with httpx.AsyncClient(timeout=_TELL_S, headers=_AGENT, trust_env=False) as client:
            return (await client.get(address, params=params)).status_code
    except httpx.HTTPError:
        return None
