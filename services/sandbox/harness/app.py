"""Kommo's pages and what their scripts ask for, in one account."""

import secrets
from importlib import resources
from typing import Final

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.sandbox.answers import problem
from services.sandbox.catalogue import Widget
from services.sandbox.harness import board
from services.sandbox.harness.archive import media_type
from services.sandbox.harness.cookies import COOKIE
from services.sandbox.harness.pages import first_page, policy, shell
from services.sandbox.harness.setting import Harness, HarnessOrder, Look
from services.sandbox.harness.state import listed, state
from services.sandbox.model import Author, LeadPatch
from services.sandbox.one_time import one_time_token
from services.sandbox.orders import ControlProblem, Order, answered, known_leads, routes_of

# Those that no page of the sandbox has had before.
PREFIXES: Final = (
    "/harness",
    "/sandbox/harness",
    "/ajax/",
    "/upl/",
    "/settings/",
    "/leads/detail/",
    "/widget_page/",
)
TOKEN_KEPT_S: Final = 25 * 60
_SEE_OTHER: Final = 303
_FOLDERS: Final = ("vendor", "static", "controls")


class _Saved(Order):
    """A press on Install, Save or Uninstall in the settings of the widget."""

    active: bool
    settings: dict[str, str]


class _Move(Order):
    pipeline_id: int
    status_id: int


class _NotSignedIn(Exception):
    """Nobody has said who is looking."""


def harness_app(harness: Harness) -> Starlette:
    """Build the pages."""
    desk = _Desk(harness)
    app = Starlette(
        routes=[
            Route("/harness", desk.first_page),
            Route("/harness/enter", desk.enter),
            Route("/harness/{folder}/{name:path}", desk.file),
            Route("/upl/{code}/widget/{path:path}", desk.of_widget),
            Route("/ajax/v2/integrations/{client_id}/disposable_token", desk.token),
            *routes_of(
                {
                    "/sandbox/harness": {"PUT": desk.show},
                    "/ajax/widgets/list": {"POST": desk.widgets},
                    "/ajax/widgets/edit": {"POST": desk.edit},
                    "/ajax/state": {"GET": desk.state},
                    "/ajax/pipelines/{pipeline_id:int}": {"POST": desk.save},
                    "/ajax/pipelines/{pipeline_id:int}/copy": {"POST": desk.copy},
                    "/ajax/leads/{lead_id:int}/move": {"POST": desk.move},
                }
            ),
            Route("/{path:path}", desk.page),
        ],
        exception_handlers={
            ControlProblem: _impossible,
            ValidationError: _impossible,
            _NotSignedIn: _nobody,
        },
    )
    app.router.redirect_slashes = False
    return app


async def _impossible(_: Request, error: Exception) -> Response:
    return problem(409, str(error))


async def _nobody(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/harness", _SEE_OTHER)


class _Desk:
    """The endpoints."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness

    async def show(self, request: Request) -> Response:
        """Show another widget, and offer it in the account."""
        order = HarnessOrder.model_validate_json(await request.body())
        self._harness.show(order)
        widgets = self._harness.crm.account.widgets
        if order.code not in widgets:
            widgets[order.code] = Widget(
                id=701 + len(widgets), code=order.code, client_uuid=order.client_id
            )
        return answered({"version": self._harness.widget.version})

    async def first_page(self, _: Request) -> Response:
        """Ask who is looking."""
        return HTMLResponse(first_page(self._harness))

    async def enter(self, request: Request) -> Response:
        """Sign somebody in, as they want to see it."""
        params = request.query_params
        look = Look(
            **{  # type: ignore[arg-type]  # choices of the form, or of a test
                **{key: params[key] for key in ("theme", "language", "marker") if key in params},
                "user_id": int(params["user_id"]),
                "knobs": tuple(params.getlist("knobs")),
            }
        )
        key = secrets.token_urlsafe(32)
        self._harness.looks[key] = look
        self._harness.crm.account.tokens[key] = look.user_id
        answer = RedirectResponse(params.get("to", "/settings/widgets/"), _SEE_OTHER)
        answer.set_cookie(COOKIE, key, httponly=True, samesite="lax")
        return answer

    async def file(self, request: Request) -> Response:
        """Answer with one of the pages' own files."""
        folder, name = request.path_params["folder"], request.path_params["name"]
        found = resources.files("services.sandbox.harness") / folder / name
        if folder not in _FOLDERS or ".." in name or not found.is_file():
            return problem(404, "No such file")
        return Response(found.read_bytes(), media_type=media_type(name))

    async def of_widget(self, request: Request) -> Response:
        """Answer with a file of the archive."""
        path = request.path_params["path"]
        content = self._harness.widget.files.get(path)
        if content is None or request.path_params["code"] != self._harness.code:
            return problem(404, "No such file")
        return Response(content, media_type=media_type(path))

    async def page(self, request: Request) -> Response:
        """Answer with the document of all screens."""
        look = self._look(request)
        content = shell(self._harness, look)
        return HTMLResponse(content, headers={"Content-Security-Policy": policy(self._harness)})

    async def widgets(self, request: Request) -> Response:
        """Tell the loader which widgets there are in an area."""
        return answered(listed(self._harness, self._look(request)))

    async def state(self, request: Request) -> Response:
        """Tell the screens how things stand."""
        return answered(state(self._harness, self._look(request)))

    async def token(self, request: Request) -> Response:
        """Make the one-time token; as is reported of Kommo, the same one for 25 minutes."""
        look, integration = self._look(request), self._harness.integration
        if integration is None or request.path_params["client_id"] != integration.client_id:
            return problem(404, "Integration not found")
        now = self._harness.crm.clock.second()
        known, until = self._harness.tokens.get(look.user_id, ("", 0))
        if now >= until or "fresh_token" in look.knobs:
            host = request.headers["host"]
            scheme = "http" if ":" in host or host == "localhost" else "https"
            origin = f"{scheme}://{host}"
            known = one_time_token(self._harness.crm, integration, look.user_id, origin=origin)
            self._harness.tokens[look.user_id] = (known, now + TOKEN_KEPT_S)
        return answered({"token": known})

    async def edit(self, request: Request) -> Response:
        """Keep the widget's settings, or take it out of the account."""
        order = _Saved.model_validate_json(await request.body())
        self._need_admin(request)
        widget = self._harness.crm.account.widgets[self._harness.code]
        widget.settings = order.settings if order.active else None
        return answered({"status": "ok"})

    async def save(self, request: Request) -> Response:
        """Keep the triggers of a pipeline."""
        order = board.BoardOrder.model_validate_json(await request.body())
        self._need_admin(request)
        board.save(self._harness, request.path_params["pipeline_id"], order)
        return answered({"status": "ok"})

    async def copy(self, request: Request) -> Response:
        """Copy a pipeline with its triggers."""
        self._need_admin(request)
        made = board.copy(self._harness, request.path_params["pipeline_id"])
        return answered({"pipeline_id": made.id}, 201)

    async def move(self, request: Request) -> Response:
        """Move a lead as whoever is looking."""
        order = _Move.model_validate_json(await request.body())
        crm, look = self._harness.crm, self._look(request)
        (lead_id,) = known_leads(crm, [request.path_params["lead_id"]])
        patch = LeadPatch(lead_id, order.model_dump())
        crm.change([patch], Author("human", look.user_id))
        return answered({"lead_id": lead_id})

    def _look(self, request: Request) -> Look:
        look = self._harness.looks.get(request.cookies.get(COOKIE, ""))
        if look is None:
            raise _NotSignedIn
        return look

    def _need_admin(self, request: Request) -> None:
        look = self._look(request)
        if not self._harness.crm.account.users[look.user_id].is_admin:
            raise ControlProblem("only an administrator can do this")
