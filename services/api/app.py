"""The API as an application, to be mounted by the role `web`."""

from collections.abc import Iterable
from types import ModuleType

from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.api.routes import (
    accounts,
    books,
    corrections,
    decisions,
    erasures,
    feed,
    held_deeds,
    installation,
    jobs,
    keys,
    lead_deeds,
    leads,
    managers,
    me,
    mending,
    operations,
    orders,
    past,
    pauses,
    people,
    requests,
    rule_changes,
    rules,
    rules_drafts,
    schedules,
    statements,
    webhooks,
)
from services.api.table import ROUTES
from services.web.answers import handle
from services.web.premises import Premises

RESOURCES: tuple[ModuleType, ...] = (
    me,
    accounts,
    feed,
    # commands
    operations,
    pauses,
    orders,
    corrections,
    lead_deeds,
    # what is read
    books,
    decisions,
    installation,
    mending,
    leads,
    managers,
    past,
    requests,
    rules,
    schedules,
    statements,
    rule_changes,
    rules_drafts,
    jobs,
    # who may
    people,
    keys,
    erasures,
    held_deeds,
    webhooks,
)


def create_api(premises: Premises) -> FastAPI:
    """The API of an installation.

    Raises:
        KeyError: A route has no entry in the table, or an entry has no route: a bug.
    """
    routes = [route for module in RESOURCES for route in module.router.routes]
    check(routes)
    app = FastAPI(
        title="Fairlead",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=routes,
    )
    app.state.premises = premises
    handle(app)
    return app


def check(routes: Iterable[APIRoute]) -> None:
    """See that routes and table are the same (S8, S25).

    Raises:
        KeyError: They are not: a bug.
    """
    named = {route.operation_id for route in routes}
    if named != set(ROUTES):
        raise KeyError(f"routes and table differ: {sorted(named ^ set(ROUTES), key=str)}")
