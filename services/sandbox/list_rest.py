"""API v4: reasons of loss, sources and roles, as documented."""

from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from services.sandbox.catalogue import LeadSource, LossReason, Role
from services.sandbox.checking import (
    Fault,
    Fields,
    is_flag,
    is_integer,
    is_object,
    is_text,
    no_choice,
)
from services.sandbox.filters import known_filters
from services.sandbox.model import CrmAccount
from services.sandbox.paging import texts
from services.sandbox.resource import Resource


def list_routes() -> list[Route]:
    """The routes of all three."""
    return [*LOSS_REASONS.routes(), *SOURCES.routes(), *ROLES.routes()]


def loss_reason_json(reason: LossReason) -> dict[str, Any]:
    """Write a reason without its id and link."""
    return {
        "name": reason.name,
        "sort": reason.sort,
        "created_at": reason.created_at,
        "updated_at": reason.updated_at,
    }


def _source_json(source: LeadSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "pipeline_id": source.pipeline_id,
        "external_id": source.external_id,
        "default": source.default,
        "origin_code": source.origin_code,
        "services": [dict(service) for service in source.services],
    }


def _role_json(role: Role) -> dict[str, Any]:
    return {"name": role.name, "rights": dict(role.rights), "_embedded": {"users": []}}


def _check_source(account: CrmAccount, fields: Fields) -> list[Fault]:
    main = next(pipeline for pipeline in account.pipelines.values() if pipeline.is_main)
    pipeline_id = fields.setdefault("pipeline_id", main.id)
    return [] if pipeline_id in account.pipelines else [no_choice("pipeline_id")]


def _sources(account: CrmAccount, request: Request) -> list[LeadSource]:
    known_filters(request.query_params, ("external_id",))
    wanted = frozenset(texts(request.query_params, "filter[external_id]"))
    return [
        source
        for source in account.sources.by_id.values()
        if not source.is_deleted and (not wanted or source.external_id in wanted)
    ]


LOSS_REASONS: Final = Resource(
    path="leads/loss_reasons",
    key="loss_reasons",
    box=lambda account: account.loss_reasons,
    shape=LossReason,
    types={"name": is_text, "sort": is_integer},
    write=loss_reason_json,
)
SOURCES: Final = Resource(
    path="sources",
    key="sources",
    box=lambda account: account.sources,
    shape=LeadSource,
    types={
        "name": is_text,
        "external_id": is_text,
        "pipeline_id": is_integer,
        "default": is_flag,
        "origin_code": is_text,
    },
    required=("name", "external_id"),
    write=_source_json,
    check=_check_source,
    find=_sources,
)
ROLES: Final = Resource(
    path="roles",
    key="roles",
    box=lambda account: account.roles,
    shape=Role,
    types={"name": is_text, "rights": is_object},
    write=_role_json,
    patched_status=202,
)
