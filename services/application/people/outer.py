"""Signing in by an identity provider: matched by issuer and subject, roles by groups (W7)."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from services.access.grants import Grant
from services.access.oidc import IdentityProvider, OuterClaims, TokenNotTrue
from services.access.oidc_roles import grants_of_groups, parse_roles
from services.access.outer import IdentityTaken, settle_grants
from services.access.people import LOGIN_MAX, NAME_MAX, LoginTaken, Person
from services.access.sign_in_log import Caller, note_deed
from services.access.steps import StepUnderWay
from services.access.tokens import digest_of_token, new_token
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import require_fresh
from services.application.people.naming import usable_login, usable_name
from services.application.people.oneself import myself
from services.application.people.signing_in import NextStep, SignedIn, admit
from services.application.refused import Refused
from services.storage.database import borrow
from services.words.languages import ENGLISH

# Below the address of the console; the provider has to know it.
REDIRECT_PATH = "/sign-in/by-provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterStep:
    """Where a browser is sent.

    Attributes:
        address: Of the provider, with everything it needs.
        browser: Goes into a cookie, and comes back with the answer: an answer that somebody else
            began is not this browser's.
    """

    address: str
    browser: SecretStr


def is_by_provider(access: Access) -> bool:
    """Whether people may sign in by an identity provider at all."""
    return access.provider is not None


async def begin_outer(access: Access, *, address: str, who: Whoever | None = None) -> OuterStep:
    """Send a browser to the provider.

    Args:
        access: Where.
        address: Of the console, by the settings.
        who: Somebody who is signed in, and wants to be let in by the provider as well.

    Raises:
        Refused: There is no provider, or they have to prove who they are.
        services.access.oidc.ProviderAway: It does not answer.
    """
    provider = _provider(access)
    if who is not None:
        require_fresh(who)
    person_id = None if who is None else (await myself(access, who)).id
    state = new_token()
    question = await provider.ask(state=state, redirect=_redirect(address))
    browser = await access.steps.begin(
        "oidc",
        person_id,
        state=digest_of_token(state).hex(),
        nonce=question.nonce,
        verifier=question.verifier,
    )
    return OuterStep(address=question.address, browser=SecretStr(browser))


async def sign_in_by_provider(
    access: Access,
    *,
    browser: str,
    state: str,
    code: str,
    address: str,
    caller: Caller,
    agent: str,
    at: datetime,
) -> SignedIn | NextStep:
    """Sign in whoever the provider says it is; roles follow their groups.

    Raises:
        Refused: It is not true, too late, or of nobody who may something here.
        services.access.oidc.ProviderAway: The provider does not answer.
    """
    provider = _provider(access)
    step = await _taken(access, browser, state)
    if step.person_id is not None:
        raise Refused("step_over")
    claims = await _claims(provider, step, code, address, at)
    person = await _person(access, provider, claims, caller)
    return await admit(access, person, how="oidc", caller=caller, agent=agent)


async def add_provider(
    access: Access,
    who: Whoever,
    *,
    browser: str,
    state: str,
    code: str,
    address: str,
    at: datetime,
) -> None:
    """Let somebody who is signed in be let in by the provider as well; their roles stay.

    Raises:
        Refused: It is not true, too late, or is somebody else already.
        services.access.oidc.ProviderAway: The provider does not answer.
    """
    provider, person = _provider(access), await myself(access, who)
    step = await _taken(access, browser, state)
    if step.person_id != person.id:
        raise Refused("step_over")
    claims = await _claims(provider, step, code, address, at)
    try:
        async with borrow(access.pool) as connection, connection.transaction():
            await access.outer.add(
                connection, issuer=provider.issuer, subject=claims.subject, person_id=person.id
            )
            await note_deed(connection, "provider_added", who.caller, person_id=person.id)
    except IdentityTaken as error:
        raise Refused("outer_taken") from error


async def _person(
    access: Access, provider: IdentityProvider, claims: OuterClaims, caller: Caller
) -> Person:
    """Who it is here, with the roles of their groups; somebody new if nobody is."""
    wanted = grants_of_groups(parse_roles(access.settings.oidc_roles), claims.groups)
    person_id = await access.outer.find(provider.issuer, claims.subject)
    if person_id is None:
        return await _new_person(access, provider, claims, wanted, caller)
    async with borrow(access.pool) as connection, connection.transaction():
        await settle_grants(connection, person_id, wanted)
    person = await access.people.get(person_id)
    if person is None or person.disabled_at is not None:
        raise Refused("sign_in_wrong")
    if not person.grants:
        raise Refused("outer_without_role")
    return person


async def _new_person(
    access: Access,
    provider: IdentityProvider,
    claims: OuterClaims,
    wanted: tuple[Grant, ...],
    caller: Caller,
) -> Person:
    """Never somebody who is here under the same e-mail: that would let in whoever gets it there."""
    if not wanted:
        raise Refused("outer_without_role")
    login = usable_login(claims.email[:LOGIN_MAX] or f"{claims.subject}@{provider.issuer}")
    name = usable_name(claims.name[:NAME_MAX] or login[:NAME_MAX])
    try:
        async with borrow(access.pool) as connection, connection.transaction():
            person_id = await access.people.add(
                connection, name=name, login=login, language=ENGLISH
            )
            await access.outer.add(
                connection, issuer=provider.issuer, subject=claims.subject, person_id=person_id
            )
            await settle_grants(connection, person_id, wanted)
            await note_deed(connection, "provider_added", caller, person_id=person_id)
    except (LoginTaken, IdentityTaken) as error:
        raise Refused("outer_taken") from error
    person = await access.people.get(person_id)
    assert person is not None, "added just now"  # noqa: S101
    return person


async def _claims(
    provider: IdentityProvider, step: StepUnderWay, code: str, address: str, at: datetime
) -> OuterClaims:
    try:
        return await provider.claims(
            code,
            verifier=step.data["verifier"],
            nonce=step.data["nonce"],
            redirect=_redirect(address),
            at=at,
        )
    except TokenNotTrue as error:
        raise Refused("outer_not_true") from error


async def _taken(access: Access, browser: str, state: str) -> StepUnderWay:
    """The step of this browser, which is over by that, if the answer is to its question."""
    step = await access.steps.take("oidc", browser)
    if step is None:
        raise Refused("step_over")
    if not hmac.compare_digest(digest_of_token(state).hex(), step.data["state"]):
        raise Refused("outer_not_true")
    return step


def _provider(access: Access) -> IdentityProvider:
    if access.provider is None:
        raise Refused("outer_not_here")
    return access.provider


def _redirect(address: str) -> str:
    return f"{address}{REDIRECT_PATH}"
