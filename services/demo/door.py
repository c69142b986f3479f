"""The way into the console of an installation to try: as whomever, by a click, without a password.

It is served on this machine, below a path that nobody guesses, and lets in nobody but the people
whom it has made itself.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.access.grants import Grant
from services.access.people import Person
from services.access.roles import Role
from services.access.wiring import Access
from services.application.installation import Installation
from services.application.people.inviting import address_of, invite
from services.application.people.joining import join
from services.application.people.proofs import NEED_CODES
from services.cli.opening import caller_here
from services.console.sessions import keep_session
from services.pages.parts import escape, frame
from services.shared.http_limits import HttpLimits
from services.shared.http_server import listen, serve_until

HOST = "127.0.0.1"
# As the console is named to a browser here: cookies are for a name.
NAME = "localhost"
SECRET_BYTES = 16
PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whom one can be.

    Attributes:
        roles: Theirs.
        is_at_large: They have them in the installation, not in one account.
        start: The page that they begin at; `{account}` is where the account's begin.
    """

    login: str
    name: str
    question: str
    roles: tuple[Role, ...]
    is_at_large: bool = False
    start: str = "{account}"

    @property
    def needs_codes(self) -> bool:
        """Whether a password alone does not let them in."""
        return not NEED_CODES.isdisjoint(self.roles)


VISITORS = (
    Visitor(
        login="sales-head",
        name="Sales head",
        question="Is all well, who got what, who is missing?",
        roles=("supervisor",),
    ),
    Visitor(
        login="administrator",
        name="Administrator",
        question="Who gets which leads, and who works when?",
        roles=("administrator",),
        start="{account}/rules",
    ),
    Visitor(
        login="manager",
        name="Ana, a manager",
        question="What do I get, and why not more? On a phone, too.",
        roles=("manager",),
        start="{account}/me",
    ),
    Visitor(
        login="auditor",
        name="Auditor",
        question="Can it be trusted, was anything altered?",
        roles=("viewer",),
        start="{account}/audit",
    ),
    Visitor(
        login="integrator",
        name="Integrator",
        question="Which of the accounts is sick?",
        roles=("administrator",),
        is_at_large=True,
        start="/?all=1",
    ),
    Visitor(
        login="operator",
        name="Operator at night",
        question="What needs me?",
        roles=("operator",),
        is_at_large=True,
        start="/operations",
    ),
)


# Where there is an account that is not connected yet.
INSTALLER = Visitor(
    login="installer",
    name="Whoever sets it up",
    question="How is an account connected? Its address and token stand in the terminal.",
    roles=("administrator", "operator"),
    is_at_large=True,
    start="/connect",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """Where to go in.

    Attributes:
        console: Where the console is.
        address: Where one chooses whom to be.
        password: Everybody's, for whoever signs in by hand or is asked again who they are.
    """

    console: str
    address: str
    password: SecretStr


@asynccontextmanager
async def open_door(
    installation: Installation,
    account_id: int,
    manager_id: int,
    *,
    visitors: Sequence[Visitor] = VISITORS,
) -> AsyncIterator[WayIn]:
    """Make the people, and let whoever comes in as one of them.

    Args:
        installation: Its console is served already.
        account_id: The account that they begin with.
        manager_id: Who the manager is there.
        visitors: Whom one can be.
    """
    access, password = installation.who_may(), SecretStr(secrets.token_urlsafe(PASSWORD_BYTES))
    people = {
        visitor.login: await _make(access, visitor, account_id, manager_id, password)
        for visitor in visitors
    }
    console = address_of(installation)
    path = f"/{secrets.token_urlsafe(SECRET_BYTES)}"
    enter = partial(
        _enter,
        visitors=visitors,
        access=access,
        people=people,
        console=console,
        account_id=account_id,
    )
    app = Starlette(
        routes=[
            Route(path, partial(_choose, visitors=visitors, path=path), methods=["GET"]),
            Route(f"{path}/{{login}}", enter, methods=["POST"]),
        ]
    )
    stop, bound = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve_until(
            app, HttpLimits(), listener=listen(HOST, 0), stop=stop, on_bound=bound.set_result
        )
    )
    try:
        yield WayIn(
            console=console, address=f"http://{NAME}:{await bound}{path}", password=password
        )
    finally:
        stop.set()
        await serving


async def _make(
    access: Access, visitor: Visitor, account_id: int, manager_id: int, password: SecretStr
) -> Person:
    grants = [
        Grant(
            account_id=None if visitor.is_at_large else account_id,
            role=role,
            manager_id=manager_id if role == "manager" else None,
        )
        for role in visitor.roles
    ]
    who = caller_here()
    _, token = await invite(access, who, grants, name=visitor.name)
    return await join(
        access,
        token.get_secret_value(),
        name=visitor.name,
        login=visitor.login,
        password=password.get_secret_value(),
        language="en",
        caller=who.caller,
    )


async def _choose(_request: Request, *, visitors: Sequence[Visitor], path: str) -> Response:
    """Everybody as a button."""
    return HTMLResponse(frame("who would you like to be?", _content(visitors, path)))


def _content(visitors: Sequence[Visitor], path: str) -> str:
    doors = "".join(
        f'<p><button formaction="{path}/{visitor.login}"><strong>{escape(visitor.name)}</strong>'
        f"<br>{escape(visitor.question)}</button></p>"
        for visitor in visitors
    )
    return (
        '<header><p class="brand">Fairlead</p><h1>Who would you like to be?</h1>'
        '<p class="facts">All of it is made up, and gone when it ends: click whatever you like.'
        " Come back to this page to be somebody else.</p></header>"
        f'<main><form method="post">{doors}</form></main>'
    )


async def _enter(
    request: Request,
    *,
    visitors: Sequence[Visitor],
    access: Access,
    people: Mapping[str, Person],
    console: str,
    account_id: int,
) -> Response:
    """Begin a session of theirs, which the browser takes along: its cookies know no ports."""
    visitor = next((each for each in visitors if each.login == request.path_params["login"]), None)
    if visitor is None:
        return Response(status_code=404)
    _, cookie = await access.sessions.begin(
        people[visitor.login].id,
        how="password",
        whence=HOST,
        agent=request.headers.get("user-agent", ""),
    )
    start = console + visitor.start.format(account=f"/a/{account_id}")
    answer = RedirectResponse(start, status_code=303)
    keep_session(answer, cookie, days=access.settings.session_days)
    return answer
