"""To the console in a tab of its own, without a password (W7)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.application.people.inviting import address_of
from services.application.widget.console_login import PATH, code_for
from services.web.models import Input, Output
from services.widget.resource import PREFIX
from services.widget.visiting import Visiting

router = APIRouter(prefix=PREFIX)


class LoginBody(Input):
    """Where to: a page of the account, such as `lead/123`, or nothing for the first one."""

    to: Annotated[str, Field(max_length=200, pattern=r"^([a-z0-9_-]+(/[a-z0-9_-]+)*)?$")] = ""


class LoginAnswer(Output):
    """Where a browser goes; what is behind the `#` reaches no log of a server."""

    url: str


@router.post("/login-code", operation_id="make_login_code", summary="Go on in the console")
async def make_login_code(visit: Visiting, body: LoginBody) -> LoginAnswer:
    """Good once, for a minute."""
    to = body.to.replace("lead/", "leads/", 1) if body.to.startswith("lead/") else body.to
    code = await code_for(
        visit.premises.access, visit.session, visit.account, to=to, now=visit.premises.now()
    )
    return LoginAnswer(url=f"{address_of(visit.installation)}{PATH}#{code.get_secret_value()}")
