"""API v4: widgets and their installation, as documented."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, nothing
from services.sandbox.catalogue import Widget
from services.sandbox.checking import object_of
from services.sandbox.exchange import client_id_of, crm_of_request, json_of, need_admin
from services.sandbox.filters import known_filters
from services.sandbox.paging import base_url, listed
from services.sandbox.shapes import link


def widget_routes() -> list[Route]:
    """The routes of widgets."""
    return [
        Route("/api/v4/widgets", list_widgets),
        Route("/api/v4/widgets/{code}", get_widget, methods=["GET"]),
        Route("/api/v4/widgets/{code}", install, methods=["POST"]),
        Route("/api/v4/widgets/{code}", uninstall, methods=["DELETE"]),
    ]


async def list_widgets(request: Request) -> Response:
    """Answer with a page of widgets."""
    known_filters(request.query_params, ())
    widgets = list(crm_of_request(request).account.widgets.values())
    return listed(request, "widgets", widgets, partial(_written, request))


async def get_widget(request: Request) -> Response:
    """Answer with one; its settings only to the integration that it belongs to."""
    return hal(_written(request, _named(request)))


async def install(request: Request) -> Response:
    """Install a widget with its settings; every one that its template requires."""
    need_admin(request)
    widget, settings = _named(request), object_of(await json_of(request) or {})
    absent = [
        field["key"]
        for field in widget.settings_template
        if field.get("is_required") and field["key"] not in settings
    ]
    if absent:
        raise ApiProblem(400, f"Setting {absent[0]} is required")
    widget.settings = settings
    return hal({**_written(request, widget), "settings": dict(settings)})


async def uninstall(request: Request) -> Response:
    """Uninstall a widget."""
    need_admin(request)
    widget = _named(request)
    if not widget.is_active:
        raise ApiProblem(400, "Widget is not installed")
    widget.settings = None
    return nothing()


def _named(request: Request) -> Widget:
    widget = crm_of_request(request).account.widgets.get(request.path_params["code"])
    if widget is None:
        raise ApiProblem(404, "Widget not found")
    return widget


def _written(request: Request, widget: Widget) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": widget.id,
        "code": widget.code,
        "version": widget.version,
        "settings_template": [dict(field) for field in widget.settings_template],
        "is_lead_source": widget.is_lead_source,
        "is_work_with_dp": widget.is_work_with_dp,
        "client_uuid": widget.client_uuid,
        "is_active_in_account": widget.is_active,
        "pipeline_id": None,
    }
    if widget.settings is not None and client_id_of(request) == widget.client_uuid is not None:
        content["settings"] = dict(widget.settings)
    return {**content, "_links": link(f"{base_url(request)}/api/v4/widgets/{widget.code}")}
