"""API v4: tasks, as documented."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import hal, nothing
from services.sandbox.card_query import find_cards
from services.sandbox.card_shapes import task_json
from services.sandbox.checking import elements_of, object_of, request_ids
from services.sandbox.exchange import author_of, crm_of_request, json_of, user_id_of
from services.sandbox.paging import base_url, listed
from services.sandbox.shapes import link, made_json, written_json
from services.sandbox.task_input import task_drafts_of, task_patches_of


def task_routes() -> list[Route]:
    """The routes of tasks."""
    return [
        Route("/api/v4/tasks", list_tasks, methods=["GET"]),
        Route("/api/v4/tasks", post_tasks, methods=["POST"]),
        Route("/api/v4/tasks", patch_tasks, methods=["PATCH"]),
        Route("/api/v4/tasks/{task_id:int}", get_task, methods=["GET"]),
        Route("/api/v4/tasks/{task_id:int}", patch_task, methods=["PATCH"]),
    ]


async def list_tasks(request: Request) -> Response:
    """Answer with a page of tasks."""
    account = crm_of_request(request).account
    found = find_cards(account, "tasks", request.query_params)
    return listed(request, "tasks", found, partial(task_json, account.id, base_url(request)))


async def get_task(request: Request) -> Response:
    """Answer with one task; 204 when there is none."""
    account = crm_of_request(request).account
    task = account.tasks.shown(request.path_params["task_id"])
    return nothing() if task is None else hal(task_json(account.id, base_url(request), task))


async def post_tasks(request: Request) -> Response:
    """Make tasks."""
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    drafts = task_drafts_of(crm.account, crm.knobs, elements, user_id_of(request))
    tasks = crm.desk.add_tasks(drafts, author_of(request))
    base = base_url(request)
    items = [
        {"id": task.id, "request_id": name, "_links": link(f"{base}/api/v4/tasks/{task.id}")}
        for task, name in zip(tasks, request_ids(elements), strict=True)
    ]
    return hal(made_json(base, "tasks", items))


async def patch_tasks(request: Request) -> Response:
    """Change tasks, all or none; unlike leads, they are answered with their request ids."""
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    patches = task_patches_of(crm.account, crm.knobs, elements)
    tasks = crm.desk.change_tasks(patches, author_of(request))
    base = base_url(request)
    items = [
        written_json(base, "tasks", task, name)
        for task, name in zip(tasks, request_ids(elements), strict=True)
    ]
    return hal(made_json(base, "tasks", items))


async def patch_task(request: Request) -> Response:
    """Change one task."""
    crm, element = crm_of_request(request), object_of(await json_of(request))
    element = {**element, "id": request.path_params["task_id"]}
    patches = task_patches_of(crm.account, crm.knobs, [element])
    (task,) = crm.desk.change_tasks(patches, author_of(request))
    return hal(written_json(base_url(request), "tasks", task, element.get("request_id")))
