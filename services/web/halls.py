"""One address for several applications, by the first part of the path."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Halls:
    """Hands a request to the application of its path.

    Args:
        apps: Prefix, such as `/api/`, to application; the path stays whole.
        otherwise: Gets what begins with none of them.
    """

    def __init__(self, apps: Mapping[str, ASGIApp], otherwise: ASGIApp) -> None:
        self._apps = apps
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        path = scope.get("path", "")
        found = (app for prefix, app in self._apps.items() if path.startswith(prefix))
        await next(found, self._otherwise)(scope, receive, send)
