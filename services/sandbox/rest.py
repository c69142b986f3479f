"""API v4 as one application; each resource has a module of its own."""

from starlette.applications import Starlette

from services.sandbox.account_rest import account_routes
from services.sandbox.answers import ApiProblem, api_problem, unknown_path, wrong_method
from services.sandbox.call_rest import call_routes
from services.sandbox.card_rest import card_routes
from services.sandbox.complex_rest import complex_routes
from services.sandbox.crm import Crm
from services.sandbox.events_rest import event_routes
from services.sandbox.field_group_rest import field_group_routes
from services.sandbox.field_rest import field_routes
from services.sandbox.lead_rest import lead_routes
from services.sandbox.link_rest import link_routes
from services.sandbox.list_rest import list_routes
from services.sandbox.note_rest import note_routes
from services.sandbox.oauth_rest import oauth_routes
from services.sandbox.pipeline_rest import pipeline_routes
from services.sandbox.tag_rest import tag_routes
from services.sandbox.task_rest import task_routes
from services.sandbox.unsorted_rest import unsorted_routes
from services.sandbox.user_rest import user_routes
from services.sandbox.webhook_rest import webhook_routes
from services.sandbox.widget_rest import widget_routes


def rest_app(crm: Crm) -> Starlette:
    """Build the API; tokens, limits and faults are the gate's."""
    routes = [
        *oauth_routes(),
        *account_routes(),
        *pipeline_routes(),
        *user_routes(),
        *note_routes(),
        *link_routes(),
        *tag_routes(),
        *field_group_routes(),
        *field_routes(),
        *list_routes(),
        *unsorted_routes(),
        *complex_routes(),
        *lead_routes(),
        *card_routes(),
        *task_routes(),
        *event_routes(),
        *call_routes(),
        *widget_routes(),
        *webhook_routes(),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={ApiProblem: api_problem, 404: unknown_path, 405: wrong_method},
    )
    app.router.redirect_slashes = False
    app.state.crm = crm
    return app
