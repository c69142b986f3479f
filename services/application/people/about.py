"""What is kept about one person, for whoever asks for their own (S22); orders are about leads."""

from dataclasses import dataclass

from services.access.keys import AccessKey
from services.access.people import Person
from services.access.sessions import Session
from services.access.sign_in_log import SignInLine
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import note_look, require_person
from services.application.people.oneself import myself
from services.storage.access_log import AccessLine, AccessLog

LINES_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPasskey:
    """A passkey as whose it is knows it."""

    name: str
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutPerson:
    """All of it; secrets are told as being there, which is all that is known of them.

    Attributes:
        deeds: What they did about people and keys, and what was done about them.
        looks: At what they looked.
    """

    person: Person
    has_password: bool
    has_app: bool
    recovery_codes_left: int
    has_provider: bool
    passkeys: tuple[OwnPasskey, ...]
    sessions: tuple[Session, ...]
    keys: tuple[AccessKey, ...]
    deeds: tuple[SignInLine, ...]
    looks: tuple[AccessLine, ...]


async def about_person(access: Access, who: Whoever, person_id: int) -> AboutPerson:
    """What is kept about somebody.

    Raises:
        Refused: They may not decide about that person.
    """
    return await _about(access, who, await require_person(access, who, person_id))


async def about_myself(access: Access, who: Whoever) -> AboutPerson:
    """What is kept about themselves.

    Raises:
        Refused: They are nobody of ours.
    """
    return await _about(access, who, await myself(access, who))


async def _about(access: Access, who: Whoever, person: Person) -> AboutPerson:
    await note_look(access, who, None, [person.id])
    log = AccessLog(access.pool)
    return AboutPerson(
        person=person,
        has_password=await access.passwords.has_one(person.id),
        has_app=await access.codes.are_on(person.id),
        recovery_codes_left=await access.recovery.left(person.id),
        has_provider=await access.outer.has_one(person.id),
        passkeys=tuple(
            OwnPasskey(name=each.name, transports=each.transports)
            for each in await access.passkeys.of(person.id)
        ),
        sessions=tuple(await access.sessions.of(person.id)),
        keys=tuple(await access.keys.of_person(person.id)),
        deeds=tuple(await access.log.of_person(person.id, limit=LINES_MAX)),
        looks=tuple(await log.of_principal(person.principal, limit=LINES_MAX)),
    )
