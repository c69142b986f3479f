"""The console as an application, to be mounted by the role `web`."""

from types import ModuleType

from fastapi import FastAPI

from services.console.failures import tell_all
from services.console.screens import (
    access,
    access_log,
    accounts,
    audit,
    connection,
    consent,
    fairness,
    files,
    from_kommo,
    gallery,
    held_deeds,
    jobs,
    keys,
    lead,
    lead_deeds,
    letters,
    live,
    looks,
    manager,
    manager_deeds,
    operations,
    orders,
    palette,
    passkeys,
    profile,
    proof,
    provider,
    proving,
    rules,
    rules_drafts,
    rules_editor,
    rules_review,
    rules_what_if,
    schedules,
    setup,
    shadow,
    signing_in,
    then,
    today,
    waiting,
    webhooks,
    why_leads,
)
from services.web.premises import Premises

SCREENS: tuple[ModuleType, ...] = (
    files,
    signing_in,
    from_kommo,
    proving,
    passkeys,
    provider,
    profile,
    accounts,
    consent,
    setup,
    connection,
    gallery,
    palette,
    # daily
    today,
    live,
    lead,
    lead_deeds,
    manager,
    manager_deeds,
    why_leads,
    waiting,
    orders,
    # planning
    schedules,
    # trust
    fairness,
    audit,
    looks,
    then,
    proof,
    shadow,
    jobs,
    # the account
    access,
    access_log,
    held_deeds,
    keys,
    webhooks,
    # the installation
    operations,
    letters,
    rules,
    rules_drafts,
    rules_editor,
    rules_review,
    rules_what_if,
)


def create_console(premises: Premises) -> FastAPI:
    """The console of an installation."""
    app = FastAPI(
        title="Fairlead",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=[route for screen in SCREENS for route in screen.router.routes],
    )
    app.state.premises = premises
    tell_all(app)
    return app
