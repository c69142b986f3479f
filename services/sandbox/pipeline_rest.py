"""API v4: pipelines and their columns are made, changed and deleted, as documented."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.stage import CLOSED_STATUSES, LOST, WON
from services.sandbox.account_shapes import pipeline_json, status_json
from services.sandbox.answers import ApiProblem, hal, invalid, nothing
from services.sandbox.checking import (
    elements_of,
    is_flag,
    is_integer,
    is_text,
    missing,
    object_of,
    request_ids,
    typed,
)
from services.sandbox.exchange import crm_of_request, json_of, need_admin
from services.sandbox.model import INCOMING, CrmAccount, Pipeline, Status
from services.sandbox.paging import base_url

PIPELINES_MAX: Final = 50
STATUSES_MAX: Final = 100
_PATH: Final = "/api/v4/leads/pipelines"
_PIPELINE_TYPES: Final = {"name": is_text, "sort": is_integer, "is_main": is_flag}
_STATUS_TYPES: Final = {"name": is_text, "sort": is_integer, "color": is_text}


def pipeline_routes() -> list[Route]:
    """The routes of all that writes; for administrators."""
    one = f"{_PATH}/{{pipeline_id:int}}"
    status = f"{one}/statuses/{{status_id:int}}"
    return [
        Route(_PATH, post_pipelines, methods=["POST"]),
        Route(one, patch_pipeline, methods=["PATCH"]),
        Route(one, delete_pipeline, methods=["DELETE"]),
        Route(f"{one}/statuses", post_statuses, methods=["POST"]),
        Route(status, patch_status, methods=["PATCH"]),
        Route(status, delete_status, methods=["DELETE"]),
    ]


async def post_pipelines(request: Request) -> Response:
    """Make pipelines, each with the columns given, and those for won and lost."""
    need_admin(request)
    account, elements = crm_of_request(request).account, elements_of(await json_of(request))
    names = request_ids(elements)
    errors = {n: [missing("name")] for n, e in zip(names, elements, strict=True) if "name" not in e}
    if errors:
        raise invalid(errors)
    if len(account.pipelines) + len(elements) > PIPELINES_MAX:
        raise ApiProblem(422, f"Limit {PIPELINES_MAX} pipelines per account")
    base = base_url(request)
    items = []
    for name, element in zip(names, elements, strict=True):
        made = _made(account, element)
        items.append({**pipeline_json(made, account.id, base), "request_id": name})
    return hal({"_total_items": len(items), "_embedded": {"pipelines": items}})


def _made(account: CrmAccount, element: Mapping[str, Any]) -> Pipeline:
    pipeline_id = max(account.pipelines) + 1
    status_id = account.new_status_id()
    statuses = (
        [Status(id=status_id, name="Incoming leads", sort=10, type=INCOMING)]
        if element.get("is_unsorted_on", True)
        else []
    )
    embedded = element.get("_embedded")
    given = embedded.get("statuses", ()) if isinstance(embedded, dict) else ()
    closed = {WON: "Closed - won", LOST: "Closed - lost"}
    for place, each in enumerate(given):
        fields, _ = typed(each, _STATUS_TYPES)
        if each.get("id") in closed:
            closed[each["id"]] = fields.get("name", closed[each["id"]])
            continue
        sort = 20 + 10 * place
        statuses.append(
            Status(**{"name": "", "sort": sort, **fields, "id": account.new_status_id()})
        )
    statuses += [
        Status(id=status_id, name=name, sort=10_000 if status_id == WON else 11_000)
        for status_id, name in closed.items()
    ]
    fields, _ = typed(element, _PIPELINE_TYPES)
    made = Pipeline(**{"sort": pipeline_id, **fields, "id": pipeline_id}, statuses=tuple(statuses))
    account.pipelines[made.id] = made
    _keep_one_main(account, made)
    return made


def _keep_one_main(account: CrmAccount, chosen: Pipeline) -> None:
    if chosen.is_main:
        for pipeline in list(account.pipelines.values()):
            is_main = pipeline.id == chosen.id
            account.pipelines[pipeline.id] = replace(pipeline, is_main=is_main)


async def patch_pipeline(request: Request) -> Response:
    """Change a pipeline; there is always one that is the main one."""
    need_admin(request)
    account, pipeline = crm_of_request(request).account, _pipeline(request)
    fields, wrong = typed(object_of(await json_of(request)), _PIPELINE_TYPES)
    if wrong:
        raise invalid({"0": wrong})
    if pipeline.is_main:
        fields.pop("is_main", None)
    changed = replace(pipeline, **fields)
    account.pipelines[pipeline.id] = changed
    _keep_one_main(account, changed)
    return hal(pipeline_json(changed, account.id, base_url(request)))


async def delete_pipeline(request: Request) -> Response:
    """Delete a pipeline that has no leads and is not the main one."""
    need_admin(request)
    account, pipeline = crm_of_request(request).account, _pipeline(request)
    if pipeline.is_main:
        raise ApiProblem(400, "The main pipeline can not be deleted")
    if any(lead.pipeline_id == pipeline.id for lead in account.leads.values()):
        raise ApiProblem(400, "A pipeline with leads can not be deleted")
    del account.pipelines[pipeline.id]
    return nothing()


async def post_statuses(request: Request) -> Response:
    """Add columns before won and lost."""
    need_admin(request)
    account, pipeline = crm_of_request(request).account, _pipeline(request)
    elements = elements_of(await json_of(request))
    if len(pipeline.statuses) + len(elements) > STATUSES_MAX:
        raise ApiProblem(422, f"Limit {STATUSES_MAX} statuses per pipeline")
    made = []
    for place, element in enumerate(elements):
        fields, _ = typed(element, _STATUS_TYPES)
        sort = 10 * (len(pipeline.statuses) + place)
        made.append(Status(**{"name": "", "sort": sort, **fields, "id": account.new_status_id()}))
    _set_statuses(account, pipeline, [*pipeline.statuses, *made])
    base = base_url(request)
    items = [
        {**status_json(status, pipeline.id, account.id, base), "request_id": name}
        for status, name in zip(made, request_ids(elements), strict=True)
    ]
    return hal({"_total_items": len(items), "_embedded": {"statuses": items}})


async def patch_status(request: Request) -> Response:
    """Change a column; where the closed ones are stays."""
    need_admin(request)
    account, pipeline, status = (
        crm_of_request(request).account,
        _pipeline(request),
        _status(request),
    )
    fields, wrong = typed(object_of(await json_of(request)), _STATUS_TYPES)
    if wrong:
        raise invalid({"0": wrong})
    if status.type == INCOMING:
        raise ApiProblem(400, "This status can not be changed")
    if status.id in CLOSED_STATUSES:
        fields.pop("sort", None)
    changed = replace(status, **fields)
    kept = [changed if each.id == status.id else each for each in pipeline.statuses]
    _set_statuses(account, pipeline, kept)
    return hal(status_json(changed, pipeline.id, account.id, base_url(request)))


async def delete_status(request: Request) -> Response:
    """Delete a column that has no leads."""
    need_admin(request)
    account, pipeline, status = (
        crm_of_request(request).account,
        _pipeline(request),
        _status(request),
    )
    if status.type == INCOMING or status.id in CLOSED_STATUSES:
        raise ApiProblem(400, "This status can not be deleted")
    stage = (pipeline.id, status.id)
    if any((lead.pipeline_id, lead.status_id) == stage for lead in account.leads.values()):
        raise ApiProblem(400, "A status with leads can not be deleted")
    _set_statuses(account, pipeline, [each for each in pipeline.statuses if each.id != status.id])
    return nothing()


def _set_statuses(account: CrmAccount, pipeline: Pipeline, statuses: list[Status]) -> None:
    ordered = tuple(sorted(statuses, key=lambda status: status.sort))
    account.pipelines[pipeline.id] = replace(pipeline, statuses=ordered)


def _pipeline(request: Request) -> Pipeline:
    pipeline = crm_of_request(request).account.pipelines.get(request.path_params["pipeline_id"])
    if pipeline is None:
        raise ApiProblem(404, "Pipeline not found")
    return pipeline


def _status(request: Request) -> Status:
    for status in _pipeline(request).statuses:
        if status.id == request.path_params["status_id"]:
            return status
    raise ApiProblem(404, "Status not found")
