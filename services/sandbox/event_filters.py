"""Filters of events by what was there before or came after."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from starlette.datastructures import QueryParams

from contracts.stage import Stage
from services.sandbox.answers import ApiProblem
from services.sandbox.happenings import Happening
from services.sandbox.paging import groups, numbers

_KNOWN: Final = re.compile(
    r"filter\[value_(before|after)\]"
    r"\[(leads_statuses|responsible_user_id)\](\[\d*\](\[(pipeline_id|status_id)\])?)?$"
)


def value_tests(params: QueryParams, name: str) -> Iterable[Callable[[Happening], bool]]:
    """Pass events with one of the given stages, or one of the users, before or after.

    Args:
        params: The query.
        name: `value_before` or `value_after`.

    Raises:
        ApiProblem: A filter is unknown, or names half a stage.
    """
    for key in params:
        if key.startswith(f"filter[{name}]") and _KNOWN.match(key) is None:
            raise ApiProblem(400, f"Unknown filter {key[:100]}")
    asked = groups(params, f"filter[{name}][leads_statuses]")
    if any(not {"pipeline_id", "status_id"} <= group.keys() for group in asked):
        raise ApiProblem(400, f"filter[{name}][leads_statuses] needs pipeline_id and status_id")
    if asked:
        stages = {Stage(group["pipeline_id"], group["status_id"]) for group in asked}
        yield lambda each: any(
            Stage(status["pipeline_id"], status["id"]) in stages
            for status in _parts(each, name, "lead_status")
        )
    users = numbers(params, f"filter[{name}][responsible_user_id]")
    if users is not None:
        yield lambda each: any(
            user["id"] in users for user in _parts(each, name, "responsible_user")
        )


def _parts(each: Happening, name: str, part: str) -> Iterable[Mapping[str, Any]]:
    return (value[part] for value in getattr(each, name) if part in value)
