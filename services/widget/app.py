"""What the widget calls, as an application to be mounted by the role `web`."""

from types import ModuleType

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.application.widget.pages import active, origins_of
from services.storage.tenancy import Reach, confine
from services.web.answers import handle
from services.web.premises import Premises
from services.widget import bootstrap, lead, login_code, session, settings, trigger
from services.widget.cors import CrossOrigin, KnownOrigins
from services.widget.table import ROUTES
from services.widget.visiting import words_of

RESOURCES: tuple[ModuleType, ...] = (session, bootstrap, settings, lead, trigger, login_code)


def create_widget(premises: Premises) -> ASGIApp:
    """What the widget of an installation calls.

    Raises:
        KeyError: A route has no entry in the table, or an entry has no route: a bug.
    """
    routes = [route for module in RESOURCES for route in module.router.routes]
    named = {route.operation_id for route in routes}
    if named != set(ROUTES):
        raise KeyError(f"routes and table differ: {sorted(named ^ set(ROUTES), key=str)}")
    app = FastAPI(
        title="Fairlead in Kommo",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=routes,
    )
    app.state.premises = premises
    handle(app, words_of)

    async def origins() -> frozenset[str]:
        confine(Reach(account_id=None, statement_ms=premises.settings.statement_ms))
        found = active(await premises.installation.accounts.all())
        return frozenset(
            origin for each in found for origin in origins_of(premises.installation, each)
        )

    return CrossOrigin(app, KnownOrigins(origins))
