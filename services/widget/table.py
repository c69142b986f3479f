"""Which scope a route of the widget wants (S8): the one table, as that of the API."""

from collections.abc import Mapping

from services.web.entries import RouteEntry

ROUTES: Mapping[str, RouteEntry] = {
    # Whoever brings a one-time token of Kommo.
    "open_session": RouteEntry(None, "anybody"),
    # What of it somebody may see, the application knows.
    "get_bootstrap": RouteEntry(None, "session"),
    "pause_in_widget": RouteEntry("activity", "session", is_own_enough=True),
    "resume_in_widget": RouteEntry("activity", "session", is_own_enough=True),
    "switch_activity": RouteEntry("rules", "session"),
    "take_in_widget": RouteEntry("activity", "session", is_own_enough=True),
    "pass_on_in_widget": RouteEntry("activity", "session", is_own_enough=True),
    "keep_trigger": RouteEntry("rules", "session"),
    "make_login_code": RouteEntry(None, "session"),
}
