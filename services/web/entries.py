"""What a table of routes says of one: who may, and what it takes (A9.2, S8, S10)."""

from dataclasses import dataclass
from typing import Literal

from fastapi import Request

from services.access.roles import Scope
from services.application.principal import Principal
from services.web.asked import media_type_of
from services.web.problems import HttpProblem

# account: in the path, and a grant in it is needed. installation: the scope in the installation.
# anybody: whoever has shown who they are. session: whoever works in the widget of an account.
About = Literal["account", "installation", "anybody", "session"]
JSON, YAML = "application/json", "application/yaml"


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """Who may ask for a route.

    Attributes:
        scope: That it wants; None where being somebody is enough.
        about: What it is about.
        is_own_enough: Whether `self` is enough where it is about themselves; the application looks
            whether it is.
        takes: Kinds of body (S10).
    """

    scope: Scope | None
    about: About = "account"
    is_own_enough: bool = False
    takes: tuple[str, ...] = (JSON,)

    def admits(self, principal: Principal) -> bool:
        """Whether they may ask at all."""
        if self.scope is None or principal.may(self.scope):
            return True
        return self.is_own_enough and principal.may("self")

    def check_media(self, request: Request) -> None:
        """See that a body is of a kind that the route takes: a form of a browser is none (S10).

        Raises:
            HttpProblem: It is not.
        """
        has_body = request.headers.get("content-length", "0") != "0"
        if not (has_body or "transfer-encoding" in request.headers):
            return
        if media_type_of(request) not in self.takes:
            raise HttpProblem(
                "media-type-unsupported", f"Expected a body of {' or '.join(self.takes)}."
            )
