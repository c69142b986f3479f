"""API v4: the account, its users and its pipelines, as documented."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.account_shapes import account_json, pipeline_json, status_json, user_json
from services.sandbox.answers import hal, nothing, problem
from services.sandbox.exchange import crm_of_request, need_admin, parts_of, user_id_of
from services.sandbox.paging import base_url, page_links, page_of
from services.sandbox.shapes import link

_PIPELINES = "/api/v4/leads/pipelines"


def account_routes() -> list[Route]:
    """The routes of all three."""
    statuses = f"{_PIPELINES}/{{pipeline_id:int}}/statuses"
    return [
        Route("/api/v4/account", get_account),
        Route("/api/v4/users", list_users, methods=["GET"]),
        Route("/api/v4/users/{user_id:int}", get_user),
        Route(_PIPELINES, list_pipelines, methods=["GET"]),
        Route(f"{_PIPELINES}/{{pipeline_id:int}}", get_pipeline, methods=["GET"]),
        Route(statuses, list_statuses, methods=["GET"]),
        Route(f"{statuses}/{{status_id:int}}", get_status, methods=["GET"]),
    ]


async def get_account(request: Request) -> Response:
    """Answer with the account and the parts asked for."""
    account = crm_of_request(request).account
    return hal(account_json(account, base_url(request), user_id_of(request), parts_of(request)))


async def list_users(request: Request) -> Response:
    """Answer with a page of users; for administrators only."""
    need_admin(request)
    crm, page = crm_of_request(request), page_of(request)
    users = [u for u in crm.account.users.values() if u.is_active or crm.knobs.show_deactivated]
    shown = users[page.start : page.start + page.limit]
    if not shown:
        return nothing()
    base, parts = base_url(request), parts_of(request)
    return hal(
        {
            "_total_items": len(users),
            "_page": page.number,
            "_page_count": -(-len(users) // page.limit),
            "_links": page_links(request, page, has_more=page.start + page.limit < len(users)),
            "_embedded": {"users": [user_json(user, base, parts) for user in shown]},
        }
    )


async def get_user(request: Request) -> Response:
    """Answer with one user; for administrators only."""
    need_admin(request)
    user = crm_of_request(request).account.users.get(request.path_params["user_id"])
    if user is None:
        return problem(404, "User not found")
    return hal(user_json(user, base_url(request), parts_of(request)))


async def list_pipelines(request: Request) -> Response:
    """Answer with all pipelines."""
    account, base = crm_of_request(request).account, base_url(request)
    pipelines = [pipeline_json(p, account.id, base) for p in account.pipelines.values()]
    return hal(
        {
            "_total_items": len(pipelines),
            "_links": link(f"{base}/api/v4/leads/pipelines"),
            "_embedded": {"pipelines": pipelines},
        }
    )


async def get_pipeline(request: Request) -> Response:
    """Answer with one pipeline, as a bare object."""
    account = crm_of_request(request).account
    pipeline = account.pipelines.get(request.path_params["pipeline_id"])
    if pipeline is None:
        return problem(404, "Pipeline not found")
    return hal(pipeline_json(pipeline, account.id, base_url(request)))


async def list_statuses(request: Request) -> Response:
    """Answer with the columns of a pipeline."""
    account, base = crm_of_request(request).account, base_url(request)
    pipeline = account.pipelines.get(request.path_params["pipeline_id"])
    if pipeline is None:
        return problem(404, "Pipeline not found")
    statuses = [status_json(s, pipeline.id, account.id, base) for s in pipeline.statuses]
    return hal(
        {
            "_total_items": len(statuses),
            "_links": link(f"{base}{request.url.path}"),
            "_embedded": {"statuses": statuses},
        }
    )


async def get_status(request: Request) -> Response:
    """Answer with one column."""
    account, base = crm_of_request(request).account, base_url(request)
    pipeline = account.pipelines.get(request.path_params["pipeline_id"])
    for status in pipeline.statuses if pipeline else ():
        if pipeline and status.id == request.path_params["status_id"]:
            return hal(status_json(status, pipeline.id, account.id, base))
    return problem(404, "Status not found")
