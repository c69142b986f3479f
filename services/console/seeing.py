"""Who looks at a page, in which account, and whether they may; and whether a deed is their own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Path, Request

from contracts.sentences import sentence
from services.access.roles import Scope
from services.access.sessions import COOKIE, CSRF_HEADER, csrf_token, is_csrf_token
from services.application.callers import Whoever, caller_of_session
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import zone_of
from services.shared.http_guard import vouch
from services.storage.accounts import RegisteredAccount
from services.storage.tenancy import Reach, confine
from services.web.asked import account_asked, media_type_of
from services.web.premises import Premises, premises_of
from services.web.problems import HttpProblem
from services.web.request_ids import request_id_of
from services.words.catalogue import Words
from services.words.languages import best_of, of_browser

CSRF_FIELD = "csrf"
# What a page asks without anybody's doing: it keeps no session alive (W7.4).
BY_ITSELF = "fairlead-by-itself"
FORMS = ("application/x-www-form-urlencoded",)


class NotSignedIn(Exception):
    """Somebody has to sign in first; then they go on where they wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeing:
    """Somebody at a page that is about no account.

    Attributes:
        cookie: Of their session.
    """

    premises: Premises
    caller: Whoever
    cookie: str
    words: Words

    @property
    def installation(self) -> Installation:
        """Where they are."""
        return self.premises.installation

    @property
    def csrf(self) -> str:
        """What a deed of theirs carries (S10)."""
        return csrf_token(self.cookie)

    @property
    def now(self) -> datetime:
        """When they look."""
        return self.premises.now()

    @property
    def zone(self) -> ZoneInfo:
        """In which times are told: nobody's account, nobody's zone."""
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeingAccount(Seeing):
    """Somebody at a page about an account; the words know its names and its zone."""

    account: RegisteredAccount
    principal: Principal

    @property
    def base(self) -> str:
        """Where the pages of the account begin."""
        return f"/a/{self.account.account_id}"

    @property
    def zone(self) -> ZoneInfo:
        """In which times are told."""
        return zone_of(self.account.timezone)

    def require(self, *scopes: Scope) -> None:
        """See that they may look, by any of these.

        Raises:
            Refused: They may not.
        """
        if not any(self.principal.may(scope) for scope in scopes):
            raise Refused("not_allowed", scope=scopes[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeingInstallation(Seeing):
    """Somebody who keeps the installation, at a page about it."""

    principal: Principal


async def seeing(request: Request) -> Seeing:
    """Whoever is signed in.

    Raises:
        NotSignedIn: Nobody is.
        HttpProblem: A deed that is not of one of our own pages.
    """
    premises = premises_of(request)
    confine(Reach(account_id=None, statement_ms=premises.settings.statement_ms))
    cookie = request.cookies.get(COOKIE, "")
    caller = cookie and await caller_of_session(
        premises.access,
        cookie,
        whence=premises.whence(request),
        request_id=request_id_of(request.scope),
        is_by_hand=not is_by_itself(request),
    )
    if not caller:
        raise NotSignedIn
    vouch(request.scope)
    if request.method != "GET":
        await check_own(request, cookie)
    language = "" if caller.session is None else caller.session.language
    words = Words(language=best_of([language]))
    found = Seeing(premises=premises, caller=caller, cookie=cookie, words=words)
    request.state.seeing = found
    return found


async def seeing_account(
    who: Annotated[Seeing, Depends(seeing)],
    account_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> SeeingAccount:
    """Whoever is signed in and may see something of the account.

    Raises:
        HttpProblem: There is none of that id, or none that they may know of.
    """
    account, principal = await account_asked(who.premises, who.caller, account_id)
    zone = zone_of(account.timezone)
    return SeeingAccount(
        premises=who.premises,
        caller=who.caller,
        cookie=who.cookie,
        words=Words.of(account.directory, language=who.words.language, zone=zone),
        account=account,
        principal=principal,
    )


async def seeing_installation(who: Annotated[Seeing, Depends(seeing)]) -> SeeingInstallation:
    """Whoever is signed in and keeps the installation.

    Raises:
        HttpProblem: They do not: to them there is no such page.
    """
    principal = who.caller.at_large()
    if not principal.may("operate"):
        raise HttpProblem("not-found")
    return SeeingInstallation(
        premises=who.premises,
        caller=who.caller,
        cookie=who.cookie,
        words=who.words,
        principal=principal,
    )


def words_for(request: Request) -> Words:
    """In the language that whoever looks has chosen, else in the one their browser asks for."""
    seen: Seeing | None = getattr(request.state, "seeing", None)
    if seen is not None:
        return seen.words
    return Words(language=of_browser(request.headers.get("accept-language", "")))


def out_of_date(request: Request) -> HttpProblem:
    """How it is said that a form is of another session, or of a stranger's page."""
    return HttpProblem(
        "not-allowed", words_for(request).say(sentence("console.failure.told.out_of_date"))
    )


async def check_own(request: Request, cookie: str) -> None:
    """See that a deed comes from a page of ours, in this session (S10).

    Raises:
        HttpProblem: It does not.
    """
    kind = media_type_of(request)
    token = request.headers.get(CSRF_HEADER.lower(), "")
    if not token and kind in FORMS:
        token = str((await request.form()).get(CSRF_FIELD, ""))
    is_ours = kind in FORMS and is_from_here(request)
    if not is_ours or not is_csrf_token(cookie, token):
        raise out_of_date(request)


def is_by_itself(request: Request) -> bool:
    """Whether a page asks, and nobody at it."""
    return BY_ITSELF in request.headers or request.headers.get("accept") == "text/event-stream"


def is_from_here(request: Request) -> bool:
    """Whether a page of ours sent it, as far as the browser says.

    Pages without a referrer send forms with the origin `null`; then the other header tells, which
    no script can write.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin == "null":
        return site is not None
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def sign_in_address(request: Request) -> str:
    """Where to sign in, and where to go on afterwards."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='')}"


def local(address: str) -> str:
    """The address if it is a page of ours, else the start: nobody is sent elsewhere."""
    parts = urlsplit(address)
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if is_ours and not address.startswith(("//", "/\\")) else "/"


Signed = Annotated[Seeing, Depends(seeing)]
InAccount = Annotated[SeeingAccount, Depends(seeing_account)]
InInstallation = Annotated[SeeingInstallation, Depends(seeing_installation)]
