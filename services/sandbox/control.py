"""The hands of the person at the screen, and the window into the journal: `/sandbox/...`.

Outside the limit and without a token, because the server listens on loopback only. Nothing here
is Kommo's.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.sandbox.control_cards import card_orders
from services.sandbox.control_hooks import hook_orders
from services.sandbox.control_integrations import integration_routes
from services.sandbox.control_leads import lead_orders
from services.sandbox.control_unsorted import unsorted_orders
from services.sandbox.crm import Crm
from services.sandbox.leads_page import page_routes
from services.sandbox.orders import ControlProblem, answered, routes_of

_ROWS_DEFAULT = 1_000


def control_app(crm: Crm) -> Starlette:
    """Build the control API."""
    board = _Board(crm)
    own = routes_of(
        {
            "/sandbox/summary": {"GET": board.summary},
            "/sandbox/journal/{kind}": {"GET": board.journal},
            "/sandbox/users/{user_id:int}/{order}": {"POST": board.change_user},
            "/sandbox/knobs": {"GET": board.knobs, "PUT": board.turn_knobs},
        }
    )
    return Starlette(
        routes=[
            *own,
            *lead_orders(crm),
            *card_orders(crm),
            *hook_orders(crm),
            *integration_routes(crm),
            *unsorted_orders(crm),
            *page_routes(crm),
        ],
        exception_handlers={ValidationError: _invalid_order, ControlProblem: _impossible_order},
    )


async def _invalid_order(_: Request, error: Exception) -> Response:
    return answered({"error": str(error)}, 422)


async def _impossible_order(_: Request, error: Exception) -> Response:
    return answered({"error": str(error)}, 409)


class _Board:
    """The endpoints."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def summary(self, _: Request) -> Response:
        """Count what has happened so far."""
        crm = self._crm
        counts = Counter(crm.journal.counts)
        return answered(
            {
                **dict(sorted(counts.items())),
                "leads_total": len(crm.account.leads),
                "leads_patched_by_api": len(crm.journal.patched),
                "leads_patched_differently": len(crm.journal.patched_differently),
                "hooks_pending": crm.deliveries.pending,
            }
        )

    async def journal(self, request: Request) -> Response:
        """List rows of one journal, oldest first, from `after` on."""
        rows: Iterable[Any]
        match request.path_params["kind"]:
            case "requests":
                rows = self._crm.journal.requests
            case "deliveries":
                rows = self._crm.journal.deliveries
            case "responsibles":
                rows = self._crm.journal.responsibles
            case kind:
                raise ControlProblem(f"no journal is called {kind}")
        params = request.query_params
        after, limit = _number(params.get("after"), 0), _number(params.get("limit"), _ROWS_DEFAULT)
        tests = _row_tests(dict(params))
        found = []
        for row in rows:
            if row.seq > after and all(test(row) for test in tests):
                found.append(row)
                if len(found) >= limit:
                    break
        return answered({"rows": found})

    async def change_user(self, request: Request) -> Response:
        """Activate, deactivate or delete a user; their leads keep their id."""
        users, user_id = self._crm.account.users, request.path_params["user_id"]
        if user_id not in users:
            raise ControlProblem(f"no user {user_id}")
        match request.path_params["order"]:
            case "activate":
                users[user_id].is_active = True
            case "deactivate":
                users[user_id].is_active = False
            case "delete":
                del users[user_id]
            case order:
                raise ControlProblem(f"no order {order} for users")
        return answered({"user_id": user_id})

    async def knobs(self, _: Request) -> Response:
        """Show all knobs as they stand."""
        return answered(self._crm.knobs.model_dump())

    async def turn_knobs(self, request: Request) -> Response:
        """Turn the given knobs, all or none."""
        try:
            values = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise ControlProblem("knobs come as a JSON object")
        self._crm.knobs.turn(values)
        return answered(self._crm.knobs.model_dump())


def _row_tests(params: dict[str, str]) -> list[Callable[[Any], bool]]:
    """Filters of journals: `lead_id`, and any column by its exact value; `path` by its start."""
    tests: list[Callable[[Any], bool]] = []
    for name, value in params.items():
        if name in {"after", "limit"}:
            continue
        tests.append(_row_test(name, value))
    return tests


def _row_test(name: str, value: str) -> Callable[[Any], bool]:
    match name:
        case "lead_id":
            wanted = _number(value, 0)
            return lambda row: (
                row.lead_id == wanted
                if hasattr(row, "lead_id")
                else wanted in getattr(row, "lead_ids", ())
            )
        case "path":
            return lambda row: getattr(row, "path", "").startswith(value)
        case "method" | "status" | "hook" | "via" | "source" | "attempt" | "number" | "new" | "old":
            return lambda row: str(getattr(row, name, None)) == value
        case _:
            raise ControlProblem(f"journals cannot be filtered by {name}")


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise ControlProblem(f"{text[:20]!r} is no number")
    return int(text[:18])
