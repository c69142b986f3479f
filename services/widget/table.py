"""Which scope a route of the widget wants (S8): the one table, as that of the API."""

from collections.abc import Mapping

from services.web.entries import RouteEntry

ROUTES: Mapping[str, RouteEntry] = {
    # Whoever brings a one-time token of Kommo.
    "open_session": RouteEntry(None, "anybody"),
}
