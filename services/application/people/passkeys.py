"""Passkeys of people: added, named, removed, and signing in by one (W7)."""

from dataclasses import dataclass

from pydantic import SecretStr

from services.access import webauthn
from services.access.passkeys import NAME_MAX, Passkey
from services.access.people import Person
from services.access.relying import RelyingParty, relying_party
from services.access.sign_in_log import Caller
from services.access.steps import Purpose
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import require_fresh
from services.application.people.oneself import myself, proved
from services.application.people.signing_in import SignedIn, begin_session, require_no_wait
from services.application.refused import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyStep:
    """What a browser is asked, and by what it goes on.

    Attributes:
        token: Goes with the answer, for five minutes, once.
        options: JSON for `navigator.credentials.create` or `.get`.
    """

    token: SecretStr
    options: str


async def passkeys(access: Access, who: Whoever) -> list[Passkey]:
    """Theirs, the oldest first.

    Raises:
        Refused: They are nobody of ours.
    """
    return await access.passkeys.of((await myself(access, who)).id)


async def begin_passkey(access: Access, who: Whoever, *, address: str) -> PasskeyStep:
    """Ask their browser for another passkey.

    Args:
        access: Where.
        who: Who asks.
        address: Of the console, by the settings.

    Raises:
        Refused: No passkeys are for such an address, or they have to prove who they are.
    """
    person = await myself(access, who)
    require_fresh(who)
    handle = await access.digests.of("passkey handle", str(person.id))
    question = webauthn.ask_for_new(
        _party(address),
        handle=handle,
        login=person.login,
        name=person.name,
        known=await access.passkeys.of(person.id),
    )
    return await _step(access, "passkey_new", question, person)


async def add_passkey(
    access: Access, who: Whoever, token: str, answer: str, *, name: str, address: str
) -> Passkey:
    """Keep the passkey that their device has made.

    Raises:
        Refused: The answer is not true, or it is too late, or they have too many.
    """
    person = await myself(access, who)
    require_fresh(who)
    named = usable_passkey_name(name)
    step = await access.steps.take("passkey_new", token)
    if step is None or step.person_id != person.id:
        raise Refused("step_over")
    try:
        made = webauthn.new_credential(
            _party(address), bytes.fromhex(step.data["challenge"]), answer
        )
    except webauthn.AnswerNotTrue as error:
        raise Refused("passkey_not_true") from error
    passkey = await access.passkeys.add(
        person.id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        name=named,
    )
    if passkey is None:
        raise Refused("passkey_not_added")
    await access.log.note("passkey_added", who.caller, person_id=person.id, about=str(passkey.id))
    return passkey


async def rename_passkey(access: Access, who: Whoever, passkey_id: int, name: str) -> None:
    """Call one of theirs otherwise.

    Raises:
        Refused: It is none of theirs, or the name cannot be used.
    """
    person = await myself(access, who)
    if not await access.passkeys.rename(person.id, passkey_id, usable_passkey_name(name)):
        raise Refused("passkey_unknown")


async def remove_passkey(access: Access, who: Whoever, passkey_id: int) -> None:
    """Take one of theirs no more.

    Raises:
        Refused: It is none of theirs, or they have to prove who they are.
    """
    person = await myself(access, who)
    require_fresh(who)
    if not await access.passkeys.remove(person.id, passkey_id):
        raise Refused("passkey_unknown")
    await access.log.note("passkey_removed", who.caller, person_id=person.id, about=str(passkey_id))


async def begin_by_passkey(access: Access, *, address: str) -> PasskeyStep:
    """Ask a browser for a passkey, of whoever it may be.

    Raises:
        Refused: No passkeys are for such an address.
    """
    return await _step(access, "passkey", webauthn.ask_for_any(_party(address)), None)


async def sign_in_by_passkey(
    access: Access, token: str, answer: str, *, address: str, caller: Caller, agent: str
) -> SignedIn:
    """Sign in whoever the passkey is of; no code is asked for beside it.

    Raises:
        Refused: The answer is not true, it is too late, or the address has to wait.
    """
    person = await _shown(access, token, answer, address=address, caller=caller)
    return await begin_session(access, person, how="passkey", caller=caller, agent=agent)


async def prove_again_by_passkey(
    access: Access, who: Whoever, cookie: str, token: str, answer: str, *, address: str
) -> str:
    """Show again who they are, by a passkey of theirs; the next cookie of their session.

    Raises:
        Refused: The answer is not true, or by somebody else's, or it is too late.
    """
    person = await myself(access, who)
    shown = await _shown(access, token, answer, address=address, caller=who.caller)
    if shown.id != person.id:
        raise Refused("passkey_not_true")
    return await proved(access, who, cookie)


def usable_passkey_name(text: str) -> str:
    """What somebody calls a passkey, without spaces around it.

    Raises:
        Refused: It is empty, too long, or has characters that steer.
    """
    name = text.strip()
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise Refused("name_unusable", most=NAME_MAX)
    return name


async def _shown(
    access: Access, token: str, answer: str, *, address: str, caller: Caller
) -> Person:
    """Whose passkey it is, by an answer that is true; it is used up by that.

    Attempts are counted for the address alone: a passkey cannot be guessed, and has no login.
    """
    party = _party(address)
    place = f"passkey {token}"
    await require_no_wait(access, place, caller)
    step = await access.steps.take("passkey", token)
    if step is None:
        raise Refused("step_over")
    found = await _answered(access, party, bytes.fromhex(step.data["challenge"]), answer)
    if found is None:
        await access.log.note("sign_in_failed", caller, about="passkey")
        raise Refused("passkey_not_true")
    passkey, count = found
    person = await access.people.get(passkey.person_id)
    if person is None or person.disabled_at is not None:
        raise Refused("passkey_not_true")
    if not await access.passkeys.used(passkey, count):
        about = str(passkey.id)
        await access.log.note("passkey_cloned", caller, person_id=person.id, about=about)
        raise Refused("passkey_not_true")
    await access.delays.succeeded(place, caller.whence)
    return person


async def _answered(
    access: Access, party: RelyingParty, challenge: bytes, answer: str
) -> tuple[Passkey, int] | None:
    """The passkey that answers, and what its device counted to; None if it does not truly."""
    try:
        passkey = await access.passkeys.find(webauthn.credential_of(answer))
        if passkey is None:
            return None
        return passkey, webauthn.count_of(party, challenge, answer, passkey)
    except webauthn.AnswerNotTrue:
        return None


async def _step(
    access: Access, purpose: Purpose, question: webauthn.PasskeyQuestion, person: Person | None
) -> PasskeyStep:
    token = await access.steps.begin(
        purpose, None if person is None else person.id, challenge=question.challenge.hex()
    )
    return PasskeyStep(token=SecretStr(token), options=question.options)


def _party(address: str) -> RelyingParty:
    party = relying_party(address)
    if party is None:
        raise Refused("passkeys_not_here")
    return party
