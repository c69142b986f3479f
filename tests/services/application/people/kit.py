"""Callers to try things as."""

from services.access.grants import Grant, Rights
from services.access.people import Person
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.callers import Whoever, caller_of_key, caller_of_session
from tests.services.access.kit import somebody

ROOT = Whoever(id="cli:root", rights=Rights(is_unbound=True), whence="terminal", request_id="")
NOBODY = Caller(whence="192.0.2.9", request_id="r9")
PASSWORD = "tulip gravel orbit"  # noqa: S105 - nobody's
AGENT = "Firefox"


async def browser(access: Access, *grants: Grant) -> tuple[Person, Whoever, str]:
    """Somebody who is signed in, as a caller, with their cookie."""
    person = await somebody(access, *grants)
    _, cookie = await access.sessions.begin(
        person.id, how="password", whence="192.0.2.7", agent=AGENT
    )
    who = await caller_of_session(access, cookie, whence="192.0.2.7", request_id="r1")
    assert who is not None
    return person, who, cookie


async def again(access: Access, cookie: str) -> Whoever:
    """The same browser at its next request."""
    who = await caller_of_session(access, cookie, whence="192.0.2.7", request_id="r2")
    assert who is not None
    return who


async def program(access: Access, text: str) -> Whoever:
    """A program with a key."""
    who = await caller_of_key(access, text, whence="192.0.2.8", request_id="r3")
    assert who is not None
    return who
